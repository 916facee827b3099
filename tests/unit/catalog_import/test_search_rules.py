"""Search rules: what a line may say, and what is wrong with it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import msgspec
import pytest

from app.catalog.domain import Translation
from app.catalog.labels import FacetLabels, FacetTranslations
from app.catalog.search_rules import FacetRule, Pins, Synonym
from app.catalog_import.lines import Lines
from app.catalog_import.search_rules import ReadRules, holds_rules, read_rules
from app.core.languages import LANGUAGES

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "search.md"


def read(*lines: str) -> ReadRules:
    data = "\n".join(lines).encode()
    return read_rules(Lines(io.BytesIO(data), name="rules.jsonl", size_bytes=len(data)), language="en")


def test_synonyms_find_each_other_and_replacements_one_way() -> None:
    rules = read('{"synonyms": ["TV", "Télévision"]}', "", '{"replace": "Power-Bank", "by": ["charger"]}').rules()

    assert set(rules.synonyms) == {
        Synonym("en", "tv", "television"),
        Synonym("en", "television", "tv"),
        Synonym("en", "power bank", "charger"),
    }


def test_labels_leave_the_place_of_their_facet_as_it_is() -> None:
    named = {"de": {"name": "Farbe", "values": {"red": "rot"}}}
    rules = read(
        msgspec.json.encode({"facet": "colour", "translations": named}).decode(),
        msgspec.json.encode({"facet": "size", "position": 3, "translations": {"de": {"name": "Größe"}}}).decode(),
        '{"category": ["Cups ", "Mugs"], "translations": {"de": {"name": "Becher", "description": "Zum Trinken."}}}',
    ).rules()

    assert rules.facets == (FacetRule("size", 3, hidden=False),)
    assert rules.labels == (
        FacetTranslations("colour", (FacetLabels("colour", "de", "Farbe", {"red": "rot"}),)),
        FacetTranslations("size", (FacetLabels("size", "de", "Größe"),)),
    )
    (category,) = rules.categories
    assert (category.path, category.translations) == (
        ("Cups", "Mugs"),
        (Translation("de", "Becher", "Zum Trinken."),),
    )


def test_synonyms_can_be_forgotten_and_be_of_another_language() -> None:
    rules = read('{"synonyms": ["rad", "fahrrad"], "language": "de", "remove": true}').rules()

    assert rules.synonyms == ()
    assert set(rules.removed) == {Synonym("de", "rad", "fahrrad"), Synonym("de", "fahrrad", "rad")}


def test_the_last_rule_about_a_query_or_a_facet_wins() -> None:
    rules = read(
        '{"pin": "Gift Ideas", "products": ["a"]}',
        '{"pin": "gift ideas!", "products": ["b", "c"]}',
        '{"facet": "size", "position": 2}',
        '{"facet": "size", "hidden": true}',
    ).rules()

    assert rules.pins == (Pins("rules.jsonl:2", "en", "gift ideas", ("b", "c")),)
    assert rules.facets == (FacetRule("size", 1_000, hidden=True),)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{}", "line: has to have one of synonyms, replace, pin, facet, category"),
        ('{"pin": "a", "facet": "b"}', "line: has to have one of synonyms, replace, pin, facet, category"),
        ('{"category": [], "translations": {"de": {"name": "x"}}}', "category: is empty"),
        (
            '{"category": ["a"], "translations": {"xx": {"name": "x"}}}',
            f"translations.xx: is not one of the languages that can be searched: {', '.join(sorted(LANGUAGES))}",
        ),
        ('{"category": ["a"], "translations": {"de": {}}}', "translations.de.name: missing"),
        (
            '{"category": ["a"], "translations": {"de": {"name": "x", "values": {}}}}',
            "translations.de.values: are of attributes and options",
        ),
        (
            '{"facet": "a", "translations": {"de": {"description": "x"}}}',
            "translations.de.description: is of categories",
        ),
        ('{"facet": "a", "translations": {"de": {"values": {"b": ""}}}}', "translations.de.values.b: missing"),
        ('{"synonyms": ["one"]}', "synonyms: has to have 2 to 20 different ones"),
        ('{"synonyms": ["one", "ONE"]}', "synonyms: has to have 2 to 20 different ones"),
        ('{"synonyms": ["one", "a b c d e"]}', "synonyms: each has to be 1 to 4 words"),
        ('{"synonyms": ["one", "!"]}', "synonyms: each has to be 1 to 4 words"),
        ('{"replace": "one"}', "by: has to have 1 to 20 different ones"),
        ('{"pin": "?", "products": []}', "pin: has no words"),
        ('{"pin": "a"}', "products: has to be a list of at most 50 keys or slugs"),
        ('{"facet": ""}', "facet: is empty"),
        ('{"facet": "a", "position": -1}', "position: has to be 0 to 1000"),
        ('{"synonyms": ["a", "b"], "language": "xx"}', "language: 'xx' cannot be searched"),
        ('{"synonym": ["a", "b"]}', "line: object contains unknown field synonym"),
        ("nonsense", "line: JSON is malformed: invalid character (byte 4)"),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_kept(line: str, fault: str) -> None:
    found = read(line, '{"synonyms": ["a", "b"]}')

    said = [f"{each.field}: {each.reason}" for each in found.faults]
    assert [text.casefold() for text in said] == [fault.casefold()]
    assert found.faults[0].source == "rules.jsonl:1"
    assert len(found.rules().synonyms) == 2


@pytest.mark.parametrize(
    ("content", "holds"),
    [
        ('{"synonyms": ["a", "b"]}', True),
        ('\n\n{"pin": "a", "products": []}', True),
        ('{"name": "Mug", "price": 1}', False),
        ("Handle,Title", False),
        ("", False),
        ("[1]", False),
    ],
)
def test_a_file_of_rules_is_known_by_its_first_line(tmp_path: Path, content: str, holds: bool) -> None:
    file = tmp_path / "file"
    file.write_text(content)

    assert holds_rules(file) is holds
    assert holds_rules(tmp_path / "missing") is False


def test_every_example_in_the_guide_is_a_rule() -> None:
    examples = re.findall(r"^```jsonl\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)

    found = read(*examples[0].splitlines())

    assert found.faults == []
    assert found.lines == 7


@pytest.mark.parametrize(
    "line",
    [
        '{"synonyms": ["tv", "4242 4242 4242 4242"]}',
        '{"replace": "4242424242424242", "by": ["card"]}',
        '{"pin": "4242-4242-4242-4242", "products": ["a"]}',
        '{"facet": "4242424242424242", "position": 1}',
    ],
)
def test_a_card_number_is_named_by_its_line_and_not_told(line: str) -> None:
    rules = read('{"synonyms": ["tv", "television"]}', line)

    assert [(fault.source, fault.reason) for fault in rules.faults] == [
        ("rules.jsonl:2", "has what looks like a payment card number")
    ]
    assert len(rules.synonyms) == 2
