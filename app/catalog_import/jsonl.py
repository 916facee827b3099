"""Read our own format: JSON Lines, one product a line.

line -> row (typed JSON, prices as Decimal) -> checks -> draft or rejection

Blank lines are nothing. A row's key is claimed before its other values are judged, so mending one bad row never
changes the keys of the rows that equal it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import msgspec

from app.catalog.domain import Attribute, DraftFault, Image, ProductDraft, Translation
from app.catalog_import import checks as bounds
from app.catalog_import.attributes import attributes_of
from app.catalog_import.checks import Checks, shown
from app.catalog_import.identity import Keys
from app.catalog_import.jsonl_variants import variants
from app.catalog_import.lines import MAX_LINE_BYTES, Line, Lines
from app.catalog_import.reading import Currencies, Item, Rejection
from app.catalog_import.rows import ImageRow, ProductRow, nearest_field, text_of
from app.core.languages import LANGUAGES
from app.core.money import Currency, known_currencies
from app.core.stock import StockPolicy

_DECODER = msgspec.json.Decoder(ProductRow, float_hook=Decimal)
_PLACED = re.compile(r"(?P<reason>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_jsonl(lines: Lines, *, currencies: Currencies) -> Iterator[Item]:
    """One item for every line that is not blank."""
    keys = Keys()
    for line in lines:
        if line.content is None or line.content.strip():
            yield _read_line(line, lines.source(line.number), keys=keys, currencies=currencies)


def _read_line(line: Line, source: str, *, keys: Keys, currencies: Currencies) -> Item:
    if line.content is None:
        return _rejection(source, "line", f"is longer than {MAX_LINE_BYTES} bytes")
    try:
        row = _DECODER.decode(line.content)
    except msgspec.ValidationError as error:
        return _rejection(source, *_misfit(str(error)))
    except msgspec.DecodeError as error:
        return _rejection(source, "line", _malformed(str(error), line.content))
    except UnicodeDecodeError:
        return _rejection(source, "line", "is not valid UTF-8")
    except RecursionError:
        return _rejection(source, "line", "is nested too deeply")
    return _draft(row, Checks(source), line=line.number, keys=keys, currencies=currencies)


def _draft(row: ProductRow, checks: Checks, *, line: int, keys: Keys, currencies: Currencies) -> Item:
    name = checks.required_line("name", row.name, bounds.MAX_NAME)
    brand = checks.line("brand", row.brand, bounds.MAX_BRAND)
    category_path = checks.category_path("categories", row.categories or ())
    explicit = checks.code("key", row.key, bounds.MAX_KEY)
    key = explicit or keys.derive(name or "", brand, category_path, line=line)
    if explicit and (earlier := keys.claim(explicit, line=line)) is not None:
        checks.fault("key", f"{shown(explicit)} stands on line {earlier} already")
    currency = _currency(row.currency, checks, currencies)
    seo = row.seo
    draft = ProductDraft(
        key=key,
        source=checks.source,
        name=name or "",
        variants=variants(row, checks, currency, currencies) if currency else (),
        description=checks.description("description", row.description),
        brand=brand,
        category_path=category_path,
        tags=checks.tags("tags", row.tags or ()),
        images=_images(row, checks),
        attributes=_attributes(row, checks),
        popularity=row.popularity or 0,
        slug=checks.slug("slug", row.slug),
        seo_title=checks.line("seo.title", seo.title, bounds.MAX_SEO_TITLE) if seo else None,
        seo_description=checks.line("seo.description", seo.description, bounds.MAX_SEO_DESCRIPTION) if seo else None,
    )
    draft = replace(draft, translations=_translations(row, checks))
    return Rejection(tuple(checks.faults)) if checks.faults else draft


def _translations(row: ProductRow, checks: Checks) -> tuple[Translation, ...]:
    translations = []
    for language, texts in sorted((row.translations or {}).items()):
        field = f"translations.{language}"
        if language not in LANGUAGES:
            checks.fault(field, f"is not one of the languages that can be searched: {', '.join(sorted(LANGUAGES))}")
        name = checks.required_line(f"{field}.name", texts.name, bounds.MAX_NAME)
        description = checks.description(f"{field}.description", texts.description)
        translations.append(Translation(language, name or "", description))
    return tuple(translations)


def _currency(value: str | None, checks: Checks, currencies: Currencies) -> Currency | None:
    code = checks.code("currency", value, 3) if value else currencies.default
    if code is None or code in currencies.allowed:
        return Currency(code) if code else None
    known = code in known_currencies()
    allowed = ", ".join(sorted(currencies.allowed))
    reason = f"is not one of the shop's currencies: {allowed}" if known else "is not an ISO 4217 currency code"
    checks.fault("currency", f"{shown(code)} {reason}")
    return None


def _images(row: ProductRow, checks: Checks) -> tuple[Image, ...]:
    images = [_image("image", row.image, checks)]
    images += [_image(f"images[{index}]", image, checks) for index, image in enumerate(row.images or ())]
    return checks.images("images", images)


def _image(field: str, image: str | ImageRow | None, checks: Checks) -> Image | None:
    if isinstance(image, ImageRow):
        return checks.image(field, image.url, image.alt, width=image.width, height=image.height)
    return checks.image(field, image)


def _attributes(row: ProductRow, checks: Checks) -> tuple[Attribute, ...]:
    facts = [
        (name, [text_of(value) for value in (written if isinstance(written, list) else [written])])
        for name, written in (row.attributes or {}).items()
    ]
    return attributes_of(facts, "attributes", checks)


def _misfit(message: str) -> tuple[str, str]:
    placed = _PLACED.fullmatch(message)
    reason, path = (placed["reason"], placed["path"] or "") if placed else (message, "")
    unknown = _UNKNOWN_FIELD.fullmatch(reason)
    if unknown is None:
        return path or "line", _plainer(reason)
    near = nearest_field(unknown["name"], path)
    hint = f", did you mean {near}?" if near else ""
    return f"{path}.{unknown['name']}".lstrip("."), f"is not a field{hint}"


def _plainer(reason: str) -> str:
    if reason.startswith("Invalid enum value"):
        return f"{reason.rpartition(' ')[2]} is none of {', '.join(policy.value for policy in StockPolicy)}"
    if reason == "Invalid decimal string":
        return "is not a decimal number"
    return reason[:1].lower() + reason[1:].replace("`", "").replace(" | null", "")


def _malformed(message: str, content: bytes) -> str:
    if content.lstrip()[:1] != b"{":
        return "is not a JSON object"
    if _SURROGATE.search(content):
        return "is not valid JSON, perhaps for half a character (a lone surrogate)"
    reason = "it ends too early" if "truncated" in message else message.removeprefix("JSON is malformed: ")
    return f"is not valid JSON: {reason}"


def _rejection(source: str, field: str, reason: str) -> Rejection:
    return Rejection((DraftFault(source, field, reason),))
