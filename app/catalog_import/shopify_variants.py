"""The variants of a product in a Shopify export: every row of it that has a price, a sku or a choice.

Options take their names from the first row; `Title` with `Default Title` is Shopify's way to say that there are none.
No inventory tracker means that nothing is counted, whatever the quantity says, as in Shopify.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from app.catalog.domain import MAX_VARIANTS, Image, SelectedOption, VariantDraft
from app.catalog_import import checks as bounds
from app.catalog_import.checks import Checks, shown
from app.catalog_import.lines import Lines
from app.catalog_import.shopify_columns import Row
from app.core.money import Currency, Money, minor_digits
from app.core.stock import StockPolicy

_OPTIONS = ("option1", "option2", "option3")
_AMOUNT = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_WITH_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?P<fraction>\.\d{1,20})?", re.ASCII)  # a spreadsheet was here
_POLICIES = {"": StockPolicy.DENY, "deny": StockPolicy.DENY, "continue": StockPolicy.BACKORDER}
_BOOLEANS = {"": True, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def variants(
    rows: Sequence[Row], images: Sequence[Image], checks: Checks, *, sources: Lines, currency: Currency
) -> tuple[VariantDraft, ...]:
    """All variants; fewer where something was noted. images: the product's, for the texts of the variants' pictures."""
    variant_rows = [row for index, row in enumerate(rows) if index == 0 or _is_variant(row)]
    if len(variant_rows) > MAX_VARIANTS:
        checks.fault("variants", f"{len(variant_rows)} of them, {MAX_VARIANTS} are the most")
        return ()
    names = _option_names(variant_rows, checks)
    alt_texts = {image.url: image.alt_text for image in images}
    drafts = []
    for row in variant_rows:
        draft = _Variant(row, checks.at(sources.source(row.line)), currency).draft(names, alt_texts)
        if draft is not None:
            drafts.append(draft)
    return checks.variants("variants", drafts)


def _is_variant(row: Row) -> bool:
    return any(row[meaning] for meaning in ("price", "sku", "option1 value", "option2 value", "option3 value"))


def _option_names(rows: Sequence[Row], checks: Checks) -> dict[str, str]:
    first = rows[0]
    if len(rows) == 1 and first["option1 value"].casefold() == "default title":
        return {}
    names: dict[str, str] = {}
    for option in _OPTIONS:
        title = first.columns.title(f"{option} name")
        name = checks.line(title, first[f"{option} name"], bounds.MAX_OPTION_NAME)
        if name in names.values():
            checks.fault(title, f"{shown(name or '')} names another option already")
        elif name is not None:
            names[option] = name
        elif any(row[f"{option} value"] for row in rows):
            checks.fault(title, "missing")
    return names


class _Variant:
    """One row, while it becomes a variant."""

    def __init__(self, row: Row, checks: Checks, currency: Currency) -> None:
        self._row = row
        self._checks = checks
        self._currency = currency

    def draft(self, names: dict[str, str], alt_texts: dict[str, str | None]) -> VariantDraft | None:
        row, title = self._row, self._row.columns.title
        price = self._money("price")
        if price is None and not row["price"]:
            self._checks.fault(title("price"), "missing")
        options = self._options(names)
        policy, on_hand = self._stock()
        sku = self._checks.code(title("sku"), row["sku"], bounds.MAX_SKU)
        picture = self._checks.image(title("variant image"), row["variant image"])
        weight, shipped, compare_at = self._whole("grams"), self._shipped(), self._money("compare at")
        if price is None:
            return None
        return VariantDraft(
            price=price,
            # Shopify shows no discount either where the former price is the lower one.
            compare_at=compare_at if compare_at and compare_at.minor > price.minor else None,
            sku=sku,
            selected_options=options,
            on_hand=on_hand,
            stock_policy=policy,
            weight_grams=weight or None,  # 0 stands for a weight that nobody entered
            requires_shipping=shipped,
            image=Image(picture.url, alt_texts.get(picture.url)) if picture else None,
        )

    def _options(self, names: dict[str, str]) -> tuple[SelectedOption, ...]:
        options = []
        for option, name in names.items():
            title = self._row.columns.title(f"{option} value")
            value = self._checks.required_line(title, self._row[f"{option} value"], bounds.MAX_OPTION_VALUE)
            if value is not None:
                options.append(SelectedOption(name, value))
        return tuple(options)

    def _stock(self) -> tuple[StockPolicy, int]:
        row, title = self._row, self._row.columns.title
        if not row["tracker"]:
            return StockPolicy.UNTRACKED, 0
        policy = _POLICIES.get(row["policy"].casefold())
        if policy is None:
            self._checks.fault(title("policy"), f"{shown(row['policy'])} is neither deny nor continue")
            return StockPolicy.DENY, 0
        if policy is StockPolicy.BACKORDER and row["quantity"].startswith("-"):
            return policy, 0  # sold past zero and owed to buyers: nothing is in the warehouse
        return policy, self._whole("quantity") or 0

    def _shipped(self) -> bool:
        written = self._row["requires shipping"]
        shipped = _BOOLEANS.get(written.casefold())
        if shipped is None:
            self._checks.fault(self._row.columns.title("requires shipping"), f"{shown(written)} is not true or false")
        return shipped is not False

    def _money(self, meaning: str) -> Money | None:
        amount = self._number(meaning)
        if amount is None:
            return None
        return self._checks.price(self._row.columns.title(meaning), amount, self._currency)

    def _whole(self, meaning: str) -> int | None:
        number = self._number(meaning)
        if number is None:
            return None
        whole = int(number.to_integral_value(ROUND_HALF_UP))
        if not 0 <= whole <= bounds.MAX_INTEGER:
            self._checks.fault(self._row.columns.title(meaning), f"{whole} is not between 0 and {bounds.MAX_INTEGER}")
            return None
        return whole

    def _number(self, meaning: str) -> Decimal | None:
        written = self._row[meaning]
        if not written:
            return None
        thousands = _WITH_THOUSANDS.fullmatch(written)
        # 1,299 is 1299 to a currency with two digits, and could be 1.299 to one with three.
        if thousands and (thousands["fraction"] or minor_digits(self._currency) < 3):
            written = written.replace(",", "")
        if not _AMOUNT.fullmatch(written):
            self._checks.fault(self._row.columns.title(meaning), f"{shown(written)} is not a number such as 1299.00")
            return None
        return Decimal(written)
