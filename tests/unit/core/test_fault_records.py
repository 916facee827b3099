from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from app.core.errors import ClientError, ErrorCode, InvalidInput, OutOfStock, QuantityOutOfRange
from app.core.fault_records import restored_faults, stored_faults
from app.core.quantity import QuantityRule

FAULTS = [
    InvalidInput("No.", code=ErrorCode.VARIANT_UNAVAILABLE, field=("lines", "0", "variantId")),
    InvalidInput("No."),
    OutOfStock(variant_id=7, requested=5, available=0, field=("lines", "1")),
    OutOfStock(variant_id=7, requested=5, available=3, applied=2, line_id=UUID(int=9)),
    QuantityOutOfRange(variant_id=7, requested=5, rule=QuantityRule(6, None, 6), applied=0, field=("sourceCartId",)),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_comes_back_with_its_facts(fault: ClientError) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(stored_faults([fault])))

    (restored,) = restored_faults(stored)

    assert type(restored) is type(fault)
    assert vars(restored) == vars(fault)


def test_nothing_stored_is_no_fault() -> None:
    assert restored_faults(None) == ()
