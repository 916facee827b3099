"""Discount codes of a cart: setting them, and refusing those that do not apply when they are given. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.cart.domain import Cart, PricedCart, Shelf
from app.cart.edits import NewLineId
from app.core.errors import ClientError, DiscountNotApplicable, InvalidInput, Rejected
from app.core.ids import VariantId
from app.promotions.domain import MAX_CODE_LENGTH, MAX_CODES, normalised_code


@dataclass(frozen=True, slots=True)
class SetCodes:
    """Replace the cart's codes by these; none takes all of them off. field: what the client calls them."""

    codes: tuple[str, ...]
    field: str = "codes"

    @property
    def variant_ids(self) -> Sequence[VariantId]:
        """None."""
        return ()

    def apply(self, cart: Cart, shelf: Shelf, new_line_id: NewLineId) -> Cart:
        """The cart with these codes, each once."""
        codes = tuple(dict.fromkeys(normalised_code(code) for code in self.codes))
        if len(codes) > MAX_CODES:
            raise InvalidInput(f"A cart has at most {MAX_CODES} codes.", field=(self.field,))
        for place, code in enumerate(self.codes):
            if not 1 <= len(normalised_code(code)) <= MAX_CODE_LENGTH:
                message = f"A code has 1 to {MAX_CODE_LENGTH} characters."
                raise InvalidInput(message, field=(self.field, str(place)))
        return replace(cart, discount_codes=codes)


def check_new_codes(priced: PricedCart, before: Cart | None, *, field: str) -> None:
    """Make sure that the codes which an edit brought apply.

    Raises DiscountNotApplicable, in Rejected where there are several. Codes that the cart had already may lie idle.
    """
    known = before.discount_codes if before is not None else ()
    faults: list[ClientError] = [
        DiscountNotApplicable(each.code, each.reason, missing=each.missing, field=(field, str(place)))
        for place, each in enumerate(priced.discount_codes)
        if each.reason is not None and each.code not in known
    ]
    if faults:
        raise faults[0] if len(faults) == 1 else Rejected(faults)
