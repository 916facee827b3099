"""What categories, attributes and their values are called in other languages: found, shown, suggested, and marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.catalog.domain import Attribute
from app.commands import import_rules
from tests.market import Market
from tests.shopkeeping import new_word

QUERY = """query ($q: String!) %s {
  products(query: $q, first: 5) {
    nodes { name language category { name language } attributes { slug name values language } }
    facets { slug label language ... on ListFacet { values { value label language } } } }
  searchSuggestions(query: $q, first: 5) { queries categories { name language } }
  shop { languages } }"""
GERMAN, FRENCH = '@inContext(language: "de")', '@inContext(language: "fr")'


@pytest.fixture
async def word(market: Market, tmp_path: Path) -> str:
    """The word of one mug, whose category and material are called something in German, its use not."""
    word = new_word()
    await market.keeper.stock(
        f"Mug {word}",
        category_path=(f"Kitchen {word}", f"Mugs {word}"),
        attributes=(
            Attribute(f"material-{word}", "Material", ("Steel", "Enamel")),
            Attribute(f"use-{word}", "Use", ("Camp",)),
        ),
    )
    steel = {"name": "Werkstoff", "values": {"Steel": f"Stahl{word}", "Enamel": "Emaille"}}
    await translated(
        market,
        tmp_path,
        {"category": [f"Kitchen {word}", f"Mugs {word}"], "translations": {"de": {"name": f"Becher {word}"}}},
        {"facet": f"material-{word}", "translations": {"de": steel, "fr": {"values": {"Steel": "Acier"}}}},
    )
    return word


async def translated(market: Market, folder: Path, *rules: dict[str, Any], code: int = 0) -> None:
    file = folder / "labels.jsonl"
    file.write_bytes(b"\n".join(map(msgspec.json.encode, rules)))
    assert await import_rules(market.shop, file, dry_run=False, strict=False) == code


async def ask(market: Market, query: str, context: str = "") -> Any:
    return await market.api.data(QUERY % context, q=query)


async def test_labels_are_shown_in_the_shoppers_language_and_say_where_they_are_not(market: Market, word: str) -> None:
    german = await ask(market, word, GERMAN)

    (node,) = german["products"]["nodes"]
    assert (node["name"], node["language"]) == (f"Mug {word}", "en")
    assert node["category"] == {"name": f"Becher {word}", "language": "de"}
    assert node["attributes"] == [
        {
            "slug": f"material-{word}",
            "name": "Werkstoff",
            "values": [f"Stahl{word}", "Emaille"],
            "language": "de",
        },
        {"slug": f"use-{word}", "name": "Use", "values": ["Camp"], "language": "en"},
    ]
    facets = {facet["slug"]: facet for facet in german["products"]["facets"]}
    assert (facets[f"material-{word}"]["label"], facets[f"material-{word}"]["language"]) == ("Werkstoff", "de")
    assert {(each["value"], each["label"], each["language"]) for each in facets[f"material-{word}"]["values"]} == {
        ("Steel", f"Stahl{word}", "de"),
        ("Enamel", "Emaille", "de"),
    }
    assert {(each["label"], each["language"]) for each in facets["category"]["values"]} == {
        (f"Becher {word}", "de"),
        (f"Kitchen {word}", "en"),
    }
    assert (facets[f"use-{word}"]["label"], facets[f"use-{word}"]["language"]) == ("Use", "en")


async def test_what_is_translated_in_part_is_shown_so_and_called_the_shops_own(market: Market, word: str) -> None:
    french = await ask(market, word, FRENCH)

    (node,) = french["products"]["nodes"]
    assert node["category"] == {"name": f"Mugs {word}", "language": "en"}
    assert node["attributes"][0] == {
        "slug": f"material-{word}",
        "name": "Material",
        "values": ["Acier", "Enamel"],
        "language": "en",
    }


@pytest.mark.parametrize(
    ("query", "context", "found"),
    [
        ("becher {}", GERMAN, True),
        ("stahl{}", GERMAN, True),
        ("mug {}", GERMAN, True),
        ("becher {}", "", False),
        ("becher {}", FRENCH, False),
        ("acier {}", FRENCH, True),
    ],
)
async def test_labels_are_words_that_products_are_found_by(
    market: Market, word: str, query: str, context: str, found: bool
) -> None:
    answer = await ask(market, query.format(word), context)

    assert [node["name"] for node in answer["products"]["nodes"]] == ([f"Mug {word}"] if found else [])


async def test_categories_are_suggested_by_their_name_in_any_language(market: Market, word: str) -> None:
    german = (await ask(market, f"becher {word[:-1]}", GERMAN))["searchSuggestions"]

    assert german["categories"] == [{"name": f"Becher {word}", "language": "de"}]
    assert german["queries"][0] == f"Becher {word}"


async def test_the_shop_lists_the_languages_that_there_are_texts_in(market: Market, word: str) -> None:
    answer = await ask(market, word)

    assert answer["shop"]["languages"][0] == "en"
    assert {"de", "fr"} <= set(answer["shop"]["languages"])


async def test_labels_that_a_file_leaves_out_are_forgotten(market: Market, word: str, tmp_path: Path) -> None:
    path = [f"Kitchen {word}", f"Mugs {word}"]
    await translated(market, tmp_path, {"category": path, "translations": {"fr": {"name": "Tasses"}}})

    german = await ask(market, word, GERMAN)

    assert german["products"]["nodes"][0]["category"] == {"name": f"Mugs {word}", "language": "en"}
    assert (await ask(market, f"becher {word}", GERMAN))["products"]["nodes"] == []


async def test_a_category_that_there_is_not_is_said(
    market: Market, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = {"category": ["No", "Such"], "translations": {"de": {"name": "Keine"}}}

    await translated(market, tmp_path, rule, code=1)

    assert "labels.jsonl:1: category: there is no category 'No > Such'" in capsys.readouterr().err
