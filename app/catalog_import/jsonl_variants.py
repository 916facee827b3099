"""The variants of a row in our own format.

Without `variants` the row is its own only variant. With them, each takes from the row what it leaves out, save what
is one variant's alone. A price and the price it is compared with are inherited together or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from app.catalog.domain import MAX_VARIANTS, OtherPrice, SelectedOption, VariantDraft
from app.catalog_import import checks as bounds
from app.catalog_import.checks import Checks, shown
from app.catalog_import.reading import Currencies
from app.catalog_import.rows import ImageRow, PriceRow, ProductRow, VariantRow, text_of
from app.core.money import Currency, Money
from app.core.quantity import ANY_QUANTITY, QuantityRule
from app.core.stock import StockPolicy


def variants(row: ProductRow, checks: Checks, currency: Currency, currencies: Currencies) -> tuple[VariantDraft, ...]:
    """All variants, with the options of each in the order of the first one's; empty where something was noted."""
    if row.variants is None:
        only = VariantRow(sku=row.sku, stock=row.stock)
        return tuple(draft for draft in [_variant("", only, row, checks, currency, currencies, options=())] if draft)
    for field, value in (("sku", row.sku), ("stock", row.stock)):
        if value is not None:
            checks.fault(field, "belongs to each of the variants, not to the product")
    if not 1 <= len(row.variants) <= MAX_VARIANTS:
        checks.fault("variants", f"{len(row.variants)} of them, a product has 1 to {MAX_VARIANTS}")
        return ()
    names = tuple(row.variants[0].options)
    if len(names) > bounds.MAX_OPTIONS:
        checks.fault("variants[0].options", f"{len(names)} of them, {bounds.MAX_OPTIONS} are the most")
        return ()
    drafts = []
    for index, variant in enumerate(row.variants):
        field = f"variants[{index}]."
        options = _options(f"{field}options", variant, names, checks)
        drafts.append(_variant(field, variant, row, checks, currency, currencies, options=options))
    return checks.variants("variants", [draft for draft in drafts if draft])


def _variant(
    field: str,
    variant: VariantRow,
    row: ProductRow,
    checks: Checks,
    currency: Currency,
    currencies: Currencies,
    *,
    options: tuple[SelectedOption, ...],
) -> VariantDraft | None:
    price, compare_at = _prices(field, variant, row, checks, currency)
    others = _other_prices(field, variant, row, checks, currencies.allowed - {currency})
    if currencies.default not in (currency, *(other.price.currency for other in others)):
        checks.fault(f"{field}prices.{currencies.default}", "missing: everything is priced in the shop's own currency")
    policy = _stock_policy(field, variant, row, checks)
    weight = variant.weight_grams if variant.weight_grams is not None else row.weight_grams
    shipped = variant.requires_shipping if variant.requires_shipping is not None else row.requires_shipping
    image = variant.image
    url, alt_text = (image.url, image.alt) if isinstance(image, ImageRow) else (image, None)
    sku = checks.code(f"{field}sku", variant.sku, bounds.MAX_SKU)
    picture = checks.image(f"{field}image", url, alt_text)
    quantity_rule = _quantity_rule(f"{field}quantityRule", variant, row, checks)
    if price is None:
        return None
    return VariantDraft(
        price=price,
        compare_at=compare_at,
        other_prices=others,
        sku=sku,
        selected_options=options,
        on_hand=variant.stock or 0,
        stock_policy=policy,
        weight_grams=weight,
        requires_shipping=shipped is not False,
        tax_class=variant.tax_class or row.tax_class or "standard",
        image=picture,
        quantity_rule=quantity_rule,
    )


def _prices(
    field: str, variant: VariantRow, row: ProductRow, checks: Checks, currency: Currency
) -> tuple[Money | None, Money | None]:
    amount, compare_amount = variant.price, variant.compare_at_price
    if amount is None:
        amount = row.price
        compare_amount = row.compare_at_price if compare_amount is None else compare_amount
    if amount is None:
        checks.fault(f"{field}price", "missing")
        return None, None
    price = checks.price(f"{field}price", amount, currency)
    return price, _compare_at(f"{field}compareAtPrice", compare_amount, price, checks, currency)


def _other_prices(
    field: str, variant: VariantRow, row: ProductRow, checks: Checks, allowed: frozenset[str]
) -> tuple[OtherPrice, ...]:
    """Prices in further currencies; a variant's own come before the product's."""
    prices = []
    for code, value in sorted({**(row.prices or {}), **(variant.prices or {})}.items()):
        path = f"{field if code in (variant.prices or {}) else ''}prices.{code}"
        if code not in allowed:
            names = ", ".join(sorted(allowed)) or "none"
            checks.fault(path, f"is not one of the shop's other currencies: {names}")
            continue
        stated = value if isinstance(value, PriceRow) else PriceRow(value)
        price = checks.price(path, stated.price, Currency(code))
        compare_at = _compare_at(f"{path}.compareAtPrice", stated.compare_at_price, price, checks, Currency(code))
        if price is not None:
            prices.append(OtherPrice(price, compare_at))
    return tuple(prices)


def _compare_at(
    field: str, amount: Decimal | None, price: Money | None, checks: Checks, currency: Currency
) -> Money | None:
    compare_at = checks.price(field, amount, currency) if amount is not None else None
    if compare_at is None or price is None or compare_at.minor == price.minor:
        return None
    if compare_at.minor < price.minor:
        checks.fault(field, f"{amount} is below the price, {price.amount}")
    return compare_at


def _stock_policy(field: str, variant: VariantRow, row: ProductRow, checks: Checks) -> StockPolicy:
    policy = variant.stock_policy or row.stock_policy
    if policy is StockPolicy.UNTRACKED and variant.stock is not None:
        checks.fault(f"{field}stock", "is not counted where stockPolicy is untracked")
    if policy is None:
        return StockPolicy.UNTRACKED if variant.stock is None else StockPolicy.DENY
    return policy


def _quantity_rule(field: str, variant: VariantRow, row: ProductRow, checks: Checks) -> QuantityRule:
    rule = variant.quantity_rule or row.quantity_rule
    if rule is None:
        return ANY_QUANTITY
    step = rule.step or 1
    minimum = rule.minimum or step
    for name, value in (("minimum", minimum), ("maximum", rule.maximum)):
        if value is not None and value % step:
            checks.fault(f"{field}.{name}", f"{value} is not a multiple of the step, {step}")
    if rule.maximum is not None and rule.maximum < minimum:
        checks.fault(f"{field}.maximum", f"{rule.maximum} is below the minimum, {minimum}")
    return QuantityRule(minimum, rule.maximum, step)


def _options(field: str, variant: VariantRow, names: Sequence[str], checks: Checks) -> tuple[SelectedOption, ...]:
    if set(variant.options) != set(names):
        expected = ", ".join(names) or "none"
        checks.fault(field, f"{shown(', '.join(variant.options))}, but the first variant has {shown(expected)}")
        return ()
    options = []
    for name in names:
        label = checks.required_line(field, name, bounds.MAX_OPTION_NAME)
        value = text_of(variant.options[name])
        text = checks.required_line(f"{field}.{label or '?'}", value, bounds.MAX_OPTION_VALUE)
        if label and text:
            options.append(SelectedOption(label, text))
    if len({option.name for option in options}) < len(options):
        checks.fault(field, "two of them have the same name")
    return tuple(options)
