"""Read a shop's search rules: JSON Lines, one rule a line. docs/guides/search.md is this page for users.

A file of rules is known by its first line, which has one of RULE_FIELDS; products never have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import TypeVar

import msgspec

from app.catalog.domain import DraftFault
from app.catalog.labels import CategoryLabels, FacetTranslations
from app.catalog.search_rules import MAX_PINS, FacetRule, Pins, SearchRules, Synonym
from app.catalog.words import plain
from app.catalog_import.labels import LabelRow, category_labels, facet_labels
from app.catalog_import.lines import MAX_LINE_BYTES, Lines
from app.core.card_data import card_number_in
from app.core.languages import LANGUAGES

RULE_FIELDS = ("synonyms", "replace", "pin", "facet", "category")
MAX_SYNONYMS = 20  # of one line
MAX_WORDS = 4  # of a synonym
_MAX_POSITION = 1_000


L = TypeVar("L")


class RuleRow(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One rule. Exactly one of RULE_FIELDS has to be there; the others belong to it."""

    synonyms: list[str] | None = None
    replace: str | None = None
    by: list[str] | None = None
    pin: str | None = None
    products: list[str] | None = None
    facet: str | None = None
    position: int | None = None
    hidden: bool | None = None
    category: list[str] | None = None
    translations: dict[str, LabelRow] | None = None
    language: str | None = None
    remove: bool = False


@dataclass(slots=True)
class ReadRules:
    """What a file held. lines: how many rules were read, good or bad."""

    lines: int = 0
    synonyms: list[Synonym] = field(default_factory=list)
    removed: list[Synonym] = field(default_factory=list)
    pins: list[Pins] = field(default_factory=list)
    facets: list[FacetRule] = field(default_factory=list)
    categories: list[CategoryLabels] = field(default_factory=list)
    labels: list[FacetTranslations] = field(default_factory=list)
    faults: list[DraftFault] = field(default_factory=list)

    def rules(self) -> SearchRules:
        """The rules without faults. The last line about a thing wins."""
        facets = {rule.slug: rule for rule in self.facets}
        pins = {(each.language, each.query): each for each in self.pins}
        categories = {each.path: each for each in self.categories}
        labels = {each.slug: each for each in self.labels}
        return SearchRules(
            tuple(self.synonyms),
            tuple(self.removed),
            tuple(pins.values()),
            tuple(facets.values()),
            tuple(categories.values()),
            tuple(labels.values()),
        )


class _Fault(Exception):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


_DECODER = msgspec.json.Decoder(RuleRow)


def holds_rules(file: Path) -> bool:
    """Whether a file's first line is a search rule. False for what cannot be read: importing it says why."""
    try:
        with file.open("rb") as stream:
            lines = Lines(stream, name=str(file), size_bytes=0)
            first = next((line.content for line in lines if line.content is None or line.content.strip()), None)
        fields = msgspec.json.decode(first or b"", type=dict[str, msgspec.Raw])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return any(name in fields for name in RULE_FIELDS)


def read_rules(lines: Lines, *, language: str) -> ReadRules:
    """Every rule of a file. language: of rules that name none."""
    read = ReadRules()
    for line in lines:
        if line.content is not None and not line.content.strip():
            continue
        read.lines += 1
        source = lines.source(line.number)
        try:
            if line.content is None:
                raise _Fault("line", f"is longer than {MAX_LINE_BYTES} bytes")
            _read_rule(_DECODER.decode(line.content), source, read, language)
        except _Fault as fault:
            read.faults.append(DraftFault(source, fault.name, str(fault)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            read.faults.append(DraftFault(source, "line", _plain_reason(error)))
    return read


def _read_rule(row: RuleRow, source: str, read: ReadRules, own: str) -> None:
    given = [name for name in RULE_FIELDS if getattr(row, name) is not None]
    if len(given) != 1:
        raise _Fault("line", f"has to have one of {', '.join(RULE_FIELDS)}")
    if card_number_in([row.synonyms, row.replace, row.by, row.pin, row.facet]) is not None:
        raise _Fault("line", "has what looks like a payment card number")
    language = row.language or own
    if language not in LANGUAGES:
        raise _Fault("language", f"{language!r} cannot be searched")
    if row.synonyms is not None:
        words = _words("synonyms", row.synonyms, least=2)
        _note_synonyms((Synonym(language, one, other) for one, other in permutations(words, 2)), row, read)
    elif row.replace is not None:
        (word,) = _words("replace", [row.replace], least=1)
        _note_synonyms((Synonym(language, word, other) for other in _words("by", row.by or [], least=1)), row, read)
    elif row.pin is not None:
        products = row.products
        if products is None or len(products) > MAX_PINS:
            raise _Fault("products", f"has to be a list of at most {MAX_PINS} keys or slugs")
        query = plain(row.pin)
        if not query:
            raise _Fault("pin", "has no words")
        read.pins.append(Pins(source, language, query, tuple(products)))
    elif row.category is not None:
        labels, faults = category_labels(row.category, row.translations or {}, source)
        _note_labels(read.categories, labels, faults, read)
    else:
        _read_facet(row, source, read)


def _read_facet(row: RuleRow, source: str, read: ReadRules) -> None:
    """A facet's place, its labels, or both: a line that has labels alone leaves the place as it is."""
    if row.facet and row.translations is not None:
        labels, faults = facet_labels(row.facet, row.translations, source)
        _note_labels(read.labels, labels, faults, read)
    if row.translations is None or row.position is not None or row.hidden is not None:
        position = _MAX_POSITION if row.position is None else row.position
        if not row.facet or not 0 <= position <= _MAX_POSITION:
            raise _Fault(
                "position" if row.facet else "facet", f"has to be 0 to {_MAX_POSITION}" if row.facet else "is empty"
            )
        read.facets.append(FacetRule(row.facet, position, hidden=bool(row.hidden)))


def _note_labels(kept: list[L], labels: L, faults: list[DraftFault], read: ReadRules) -> None:
    if faults:
        read.faults += faults
    else:
        kept.append(labels)


def _note_synonyms(synonyms: Iterator[Synonym], row: RuleRow, read: ReadRules) -> None:
    (read.removed if row.remove else read.synonyms).extend(synonyms)


def _words(name: str, texts: list[str], *, least: int) -> list[str]:
    words = list(dict.fromkeys(map(plain, texts)))
    if not least <= len(words) <= MAX_SYNONYMS:
        raise _Fault(name, f"has to have {least} to {MAX_SYNONYMS} different ones")
    for text in words:
        if not 1 <= len(text.split()) <= MAX_WORDS:
            raise _Fault(name, f"each has to be 1 to {MAX_WORDS} words")
    return words


def _plain_reason(error: Exception) -> str:
    reason = str(error).replace("`", "")
    return reason[:1].lower() + reason[1:]
