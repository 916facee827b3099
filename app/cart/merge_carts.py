"""Merge one cart into another: its lines go over as far as there is room, and what becomes of each is reported.

One transaction over both carts, locked in the order of their keys. The source stays readable as MERGED and keeps the
report, so merging again gives the same answer and moves nothing twice. See ADR-0016.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.cart.domain import Cart, MergeReport, PricedCart, Shelf
from app.cart.edit_cart import CartDesk, check_open, no_such_cart
from app.cart.edits import NewLine
from app.cart.fill import Filled, fill
from app.cart.ports import CartTransaction
from app.core.changes import cart_changed
from app.core.errors import ErrorCode, InvalidInput
from app.core.ids import CartId, CustomerId
from app.idempotency.domain import KeyedCall
from app.promotions.domain import MAX_CODES

_SOURCE, _TARGET = "sourceCartId", "targetCartId"


@dataclass(frozen=True, slots=True)
class MergedCart:
    """The target after the merge, and what became of the source's lines."""

    cart: PricedCart
    report: MergeReport


@dataclass(frozen=True, slots=True)
class MergeCarts:
    """Merge a cart into another."""

    desk: CartDesk

    async def __call__(
        self,
        source_id: CartId,
        target_id: CartId,
        *,
        expected_version: int | None,
        caller: CustomerId | None = None,
        keyed: KeyedCall | None = None,
    ) -> MergedCart:
        """The target with the source's lines and codes, and its e-mail address, note and addresses where it had none.

        expected_version: of the target. Raises NotFound, CartClosed, VersionConflict or InvalidInput; nothing has
        changed then. Concurrency: any number of merges of the same two carts are one.
        """
        if source_id == target_id:
            raise InvalidInput("A cart cannot be merged into itself.", field=(_TARGET,))
        async with self.desk.turns.of(source_id, target_id), self.desk.transactions.begin() as tx:
            is_repeated = await self.desk.claim(tx, keyed) is not None
            carts = await tx.carts.lock_all((source_id, target_id))
            source = _visible(carts.get(source_id), caller, _SOURCE)
            target = _visible(carts.get(target_id), caller, _TARGET)
            if is_repeated or source.merged_into == target_id:
                cart = await self.desk.get(tx, target_id, caller)
                return MergedCart(cart, await tx.carts.merge_report(source_id))
            check_open(source, self.desk.clock, None, field=_SOURCE)
            check_open(target, self.desk.clock, expected_version, field=_TARGET)
            if source.currency != target.currency:
                message = f"One cart is in {source.currency}, the other in {target.currency}."
                raise InvalidInput(message, code=ErrorCode.CURRENCY_MISMATCH, field=(_SOURCE,))
            return await self._merge(tx, source, target)

    async def _merge(self, tx: CartTransaction, source: Cart, target: Cart) -> MergedCart:
        ids = [line.variant_id for line in (*source.lines, *target.lines)]
        shelf = await self.desk.shelf(tx, ids, target.currency)
        filled = self._filled(source, target, shelf)
        report = _report(source, target, filled)
        merged = replace(
            filled.cart,
            email=target.email or source.email,
            note=target.note or source.note,
            shipping_address=target.shipping_address or source.shipping_address,
            billing_address=target.billing_address or source.billing_address,
            delivery_option_id=target.delivery_option_id or source.delivery_option_id,
            discount_codes=tuple(dict.fromkeys((*target.discount_codes, *source.discount_codes)))[:MAX_CODES],
        )
        changed = self.desk.touched(merged)
        await tx.carts.save(changed)
        await tx.carts.close_merged(source.id, target.id, report, now=changed.updated_at)
        tx.announce_after_commit(cart_changed(source.id), cart_changed(target.id))
        return MergedCart(await self.desk.priced(tx, changed, shelf), report)

    def _filled(self, source: Cart, target: Cart, shelf: Shelf) -> Filled:
        lines = [NewLine(line.variant_id, line.quantity, line.attributes) for line in source.lines]
        prices = [line.unit_price_when_added for line in source.lines]
        filled = fill(target, lines, shelf, self.desk.new_line_id, prices=prices)
        for fault in filled.faults:
            fault.field = (_SOURCE,)  # the caller has sent no lines
        return filled


def _visible(cart: Cart | None, caller: CustomerId | None, field: str) -> Cart:
    if cart is None or not cart.is_open_to(caller):
        raise no_such_cart(field=field)
    return cart


def _report(source: Cart, target: Cart, filled: Filled) -> MergeReport:
    there_before = {line.identity for line in target.lines}
    outcomes = list(zip(source.lines, filled.added, strict=True))
    carried = [line for line, added in outcomes if added]
    summed = sum(line.identity in there_before for line in carried)
    return MergeReport(
        moved=len(carried) - summed,
        summed=summed,
        clamped=sum(0 < added < line.quantity for line, added in outcomes),
        dropped=len(outcomes) - len(carried),
        faults=filled.faults,
    )
