"""The bounds of a product's values, and a notebook of what breaks them.

A check gives the clean value, or notes a fault and gives None (nothing, for a list); a product is a draft only where
nothing was noted. So one run names all that is wrong with a row, up to the first fault of each value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from app.catalog.domain import MAX_CATEGORY_DEPTH, MAX_IMAGES, DraftFault, Image, SelectedOption, VariantDraft
from app.catalog_import.plain_text import description_text, is_blank, single_line
from app.core.card_data import has_card_number
from app.core.money import Currency, Money

MAX_INTEGER = 2**31 - 1  # PostgreSQL's integer
MAX_KEY = 255  # Shopify's handles are as long
MAX_NAME = 255
MAX_DESCRIPTION = 50_000
MAX_BRAND = 100
MAX_CATEGORY_NAME = 80  # eight of them, four bytes a character, still fit into one entry of a PostgreSQL index
MAX_TAG, MAX_TAGS = 64, 50
MAX_SKU = 64
MAX_SLUG = 128
MAX_OPTIONS, MAX_OPTION_NAME, MAX_OPTION_VALUE = 10, 64, 128
MAX_ATTRIBUTES, MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTE_VALUES, MAX_ATTRIBUTE_VALUE = 50, 64, 50, 255
MAX_URL = 2_048
MAX_ALT_TEXT = 512
MAX_PIXELS = 100_000
MAX_SEO_TITLE, MAX_SEO_DESCRIPTION = 255, 1_000

_MAX_PRICE_DIGITS = 28  # more would be rounded by decimal's context, and no price is rounded
_WEB_URL = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#]\S*)?", re.IGNORECASE)
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SHOWN_CHARACTERS = 60  # of a wrong value, in a message


class Checks:
    """The checks of one product. source: where the values being looked at stand; faults: what was noted so far."""

    def __init__(self, source: str, faults: list[DraftFault] | None = None) -> None:
        self.source = source
        self.faults = [] if faults is None else faults

    def at(self, source: str) -> Checks:
        """The same notebook, open at another place of the file."""
        return Checks(source, self.faults)

    def fault(self, field: str, reason: str) -> None:
        """Note what is wrong with a value; field: as its author calls it."""
        self.faults.append(DraftFault(self.source, field, reason))

    def line(self, field: str, value: str | None, longest: int) -> str | None:
        """Text on one line; None where it is blank or wrong."""
        text = self.code(field, value, longest)
        return None if text is None else self._without_card_number(field, text)

    def code(self, field: str, value: str | None, longest: int) -> str | None:
        """Like `line`, of what is not written for people (a sku, a web address): long numbers are usual in it."""
        if not value:
            return None
        try:
            text = single_line(value)
        except ValueError as error:
            self.fault(field, str(error))
            return None
        return self._bounded(field, text, longest) if not is_blank(text) else None

    def required_line(self, field: str, value: str | None, longest: int) -> str | None:
        """Like `line`, and a fault where it is blank."""
        before = len(self.faults)
        text = self.line(field, value, longest)
        if text is None and len(self.faults) == before:
            self.fault(field, "missing")
        return text

    def lines(self, field: str, values: Iterable[str], longest: int) -> tuple[str, ...]:
        """Texts on one line each, without blank ones and repetitions, in their order."""
        texts = (self.line(field, value, longest) for value in values)
        return tuple(dict.fromkeys(text for text in texts if text is not None))

    def description(self, field: str, value: str | None) -> str:
        """A description as plain text; HTML may be longer than the text that it holds."""
        if not value:
            return ""
        try:
            text = self._bounded(field, description_text(value), MAX_DESCRIPTION) or ""
            return self._without_card_number(field, text) or ""
        except ValueError as error:
            self.fault(field, str(error))
            return ""

    def category_path(self, field: str, names: Sequence[str]) -> tuple[str, ...]:
        """Category names from the root to the leaf; the same name may occur twice."""
        if len(names) > MAX_CATEGORY_DEPTH:
            self.fault(field, f"goes {len(names)} levels deep, {MAX_CATEGORY_DEPTH} are the most")
            return ()
        path = [self.required_line(f"{field}[{at}]", name, MAX_CATEGORY_NAME) for at, name in enumerate(names)]
        return tuple(name for name in path if name is not None)

    def tags(self, field: str, values: Iterable[str]) -> tuple[str, ...]:
        """Tags without repetitions."""
        tags = self.lines(field, values, MAX_TAG)
        if len(tags) > MAX_TAGS:
            self.fault(field, f"{len(tags)} of them, {MAX_TAGS} are the most")
            return ()
        return tags

    def slug(self, field: str, value: str | None) -> str | None:
        """A slug: lower-case letters, digits and single hyphens."""
        text = self.code(field, value, MAX_SLUG)
        if text is not None and not _SLUG.fullmatch(text):
            self.fault(field, f"{shown(text)} is not made of lower-case letters, digits and single hyphens")
            return None
        return text

    def price(self, field: str, amount: Decimal, currency: Currency) -> Money | None:
        """An amount of money, 0 or more, that the currency can express."""
        if amount.is_finite() and len(amount.as_tuple().digits) > _MAX_PRICE_DIGITS:
            self.fault(field, f"{shown(str(amount))} has more than {_MAX_PRICE_DIGITS} digits")
            return None
        try:
            money = Money.parse(amount, currency)
        except ValueError as error:
            self.fault(field, str(error))
            return None
        if money.minor < 0:
            self.fault(field, f"{amount} is negative")
            return None
        return money

    def image(
        self,
        field: str,
        url: str | None,
        alt_text: str | None = None,
        *,
        width: int | None = None,
        height: int | None = None,
    ) -> Image | None:
        """A picture at a web address; None where the address is blank or wrong."""
        address = self.code(field, url, MAX_URL)
        if address is None:
            return None
        if not _WEB_URL.fullmatch(address):
            self.fault(field, f"{shown(address)} is not an http or https address")
            return None
        return Image(address, self.line(f"{field} alt text", alt_text, MAX_ALT_TEXT), width, height)

    def images(self, field: str, images: Iterable[Image | None]) -> tuple[Image, ...]:
        """The pictures that there are, each address once."""
        by_url: dict[str, Image] = {}
        for image in images:
            if image is not None:
                by_url.setdefault(image.url, image)
        if len(by_url) > MAX_IMAGES:
            self.fault(field, f"{len(by_url)} of them, {MAX_IMAGES} are the most")
            return ()
        return tuple(by_url.values())

    def variants(self, field: str, drafts: Sequence[VariantDraft]) -> tuple[VariantDraft, ...]:
        """One product's variants: no two with the same options, no two with the same sku."""
        seen_options: set[tuple[SelectedOption, ...]] = set()
        seen_skus: set[str] = set()
        for draft in drafts:
            if draft.selected_options in seen_options:
                choice = " / ".join(option.value for option in draft.selected_options)
                self.fault(field, f"two have the same options: {shown(choice)}" if choice else "two have no options")
            if draft.sku is not None and draft.sku in seen_skus:
                self.fault(field, f"two have the same sku: {shown(draft.sku)}")
            seen_options.add(draft.selected_options)
            seen_skus.add(draft.sku or "")
        return tuple(drafts)

    def _without_card_number(self, field: str, text: str) -> str | None:
        if has_card_number(text):
            self.fault(field, "has what looks like a payment card number")
            return None
        return text

    def _bounded(self, field: str, text: str, longest: int) -> str | None:
        if len(text) > longest:
            self.fault(field, f"has {len(text)} characters, {longest} are the most")
            return None
        return text


def shown(value: str) -> str:
    """A value in a message: quoted, and cut where it is long."""
    return repr(value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…")
