"""Faults as they are stored: with their facts, and back."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import msgspec

from app.core.errors import ClientError, ErrorCode, InvalidInput, OutOfStock, QuantityOutOfRange
from app.core.quantity import QuantityRule


class _Record(msgspec.Struct, omit_defaults=True):
    message: str
    code: ErrorCode
    field: tuple[str, ...] = ()
    variant_id: int | None = None
    requested: int = 0
    applied: int = 0
    available: int | None = None
    line_id: UUID | None = None
    rule: QuantityRule | None = None


def stored_faults(faults: Iterable[ClientError]) -> list[object]:
    """The faults as plain values that can be written as JSON."""
    return [msgspec.to_builtins(_record(fault)) for fault in faults]


def restored_faults(stored: object) -> tuple[ClientError, ...]:
    """The faults that `stored_faults` made these values of; none for None."""
    return tuple(_fault(record) for record in msgspec.convert(stored or [], list[_Record]))


def _record(fault: ClientError) -> _Record:
    record = _Record(fault.message, fault.code, fault.field)
    if isinstance(fault, OutOfStock):
        record.available, record.line_id = fault.available, fault.line_id
    if isinstance(fault, QuantityOutOfRange):
        record.rule = fault.rule
    if isinstance(fault, OutOfStock | QuantityOutOfRange):
        record.variant_id, record.requested, record.applied = fault.variant_id, fault.requested, fault.applied
    return record


def _fault(record: _Record) -> ClientError:
    if record.variant_id is not None and record.rule is not None:
        return QuantityOutOfRange(
            variant_id=record.variant_id,
            requested=record.requested,
            rule=record.rule,
            applied=record.applied,
            field=record.field,
        )
    if record.variant_id is not None and record.available is not None:
        return OutOfStock(
            variant_id=record.variant_id,
            requested=record.requested,
            available=record.available,
            applied=record.applied,
            line_id=record.line_id,
            field=record.field,
        )
    return InvalidInput(record.message, code=record.code, field=record.field)
