"""Import terms of sale: the use case behind `cartograph import terms.yaml`.

read the file's entries -> check each -> store each in a transaction of its own -> count

An entry lands whole or not at all, and is known by its key (a zone, a country, a promotion, a sku): the same entry
again changes nothing. Nothing that a file leaves out is touched. See ADR-0018.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from app.catalog.domain import DraftFault
from app.core.card_data import card_number_in
from app.terms_import.amounts import Misfit
from app.terms_import.document import Entry, UnreadableTerms, entries_of, read_text

_CODES = frozenset({"sku", "products"})  # what they name may be long numbers
_UNKNOWN = "Object contains unknown field `"  # how msgspec says it
TERMS_NAMES = (".yaml", ".yml")


class Outcome(Enum):
    """What became of an entry."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Section:
    """A kind of entries. shape: what one may say; store: checks and stores it, raises Misfit."""

    shape: type[msgspec.Struct]
    store: Callable[[Any], Awaitable[Outcome]]


@dataclass(slots=True)
class TermsReport:
    """What a file of terms brought. faults: each entry that did not land, and why."""

    file: str
    changed: int = 0
    unchanged: int = 0
    readable: bool = True
    faults: tuple[DraftFault, ...] = ()

    def summary(self, *, dry_run: bool) -> str:
        """The counts in words."""
        would = "would be " if dry_run else ""
        skipped = len(self.faults)
        return f"{self.file}: {self.changed:,} {would}changed, {self.unchanged:,} unchanged, {skipped:,} skipped"


@dataclass(frozen=True, slots=True)
class ImportTerms:
    """Read files and store what they hold. sections: by name."""

    sections: Mapping[str, Section]

    async def __call__(self, path: Path, *, strict: bool) -> TermsReport:
        """Import one file; never raises for what it holds. strict: stop at the first fault."""
        try:
            return await self.load(read_text(path), str(path), strict=strict)
        except UnreadableTerms as error:
            return TermsReport(str(path), readable=False, faults=(DraftFault(error.source, "", error.message),))

    async def load(self, text: str, name: str, *, strict: bool) -> TermsReport:
        """Import the text of a file with this name. Raises UnreadableTerms before anything is stored."""
        report = TermsReport(name)
        entries = list(entries_of(text, name))
        for entry in entries:
            try:
                outcome = await self._store(entry)
                report.changed += outcome is Outcome.CHANGED
                report.unchanged += outcome is Outcome.UNCHANGED
            except Misfit as misfit:
                source = f"{name}:{entry.line_of(misfit.path)}"
                report.faults += (DraftFault(source, misfit.path.lstrip("."), misfit.reason),)
                if strict:
                    break
        return report

    async def _store(self, entry: Entry) -> Outcome:
        section = self.sections.get(entry.section)
        if section is None:
            raise Misfit("", f"there is no section {entry.section!r}, only {', '.join(self.sections)}")
        way = card_number_in(_told(entry.value))
        if way is not None:
            path = "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in way)
            raise Misfit(path, "has what looks like a payment card number")
        try:
            value = msgspec.convert(entry.value, section.shape)
        except msgspec.ValidationError as error:
            raise _misfit(error, section.shape) from None
        return await section.store(value)


def _told(value: object) -> object:
    return {name: each for name, each in value.items() if name not in _CODES} if isinstance(value, dict) else value


def _misfit(error: msgspec.ValidationError, shape: type[msgspec.Struct]) -> Misfit:
    reason, _, path = str(error).partition(" - at `$")
    if reason.startswith(_UNKNOWN):
        unknown = reason.removeprefix(_UNKNOWN).rstrip("`")
        near = get_close_matches(unknown, _names(shape), n=1)
        return Misfit(f"{path.rstrip('`')}.{unknown}", f"is not a field{f', did you mean {near[0]}?' if near else ''}")
    return Misfit(path.rstrip("`"), reason[:1].lower() + reason[1:])


def _names(shape: type[msgspec.Struct]) -> list[str]:
    """Every name that a shape and what is in it know."""
    names: list[str] = []
    pending: list[Any] = [msgspec.inspect.type_info(shape)]
    while pending:
        info = pending.pop()
        if isinstance(info, msgspec.inspect.StructType):
            names += [field.encode_name for field in info.fields]
            pending += [field.type for field in info.fields]
        elif isinstance(info, msgspec.inspect.UnionType):
            pending += info.types
        elif isinstance(info, msgspec.inspect.ListType):
            pending.append(info.item_type)
    return names


def is_terms_file(path: Path) -> bool:
    """Whether a file is one of terms, not of products: YAML, or a JSON object of lists on many lines."""
    if path.suffix.casefold() in TERMS_NAMES:
        return True
    if path.suffix.casefold() != ".json" or not path.is_file():
        return False
    try:
        document = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    return isinstance(document, dict) and bool(document) and all(isinstance(each, list) for each in document.values())


def in_order(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Files of products, then files of terms: promotions name products."""
    terms = [path for path in files if is_terms_file(path)]
    return [path for path in files if path not in terms], terms
