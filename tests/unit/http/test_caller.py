from __future__ import annotations

from uuid import UUID

import pytest
from starlette.requests import Request

from app.core.ids import CustomerId
from app.core.throttle import Bucket
from app.http.caller import CostBuckets, address_key

BUCKETS = CostBuckets(customer=Bucket(1_000, 100), address=Bucket(1_000, 50))
ADA = CustomerId(UUID(int=7))


def request(client: tuple[str, int] | None) -> Request:
    return Request({"type": "http", "client": client, "headers": [(b"x-forwarded-for", b"203.0.113.99")]})


@pytest.mark.parametrize("client", [("192.0.2.1", 5), ("2001:db8::1", 5), None])
def test_a_customer_is_counted_as_themselves_wherever_they_are(client: tuple[str, int] | None) -> None:
    assert BUCKETS.of(request(client), ADA) == (f"customer:{ADA}", BUCKETS.customer)


def test_anybody_else_is_counted_by_the_address_that_the_server_names() -> None:
    assert BUCKETS.of(request(("192.0.2.1", 5)), None) == ("address:192.0.2.1", BUCKETS.address)
    assert BUCKETS.of(request(None), None) == ("address:unknown", BUCKETS.address)


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", "192.0.2.2"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("testclient", "unknown"),
        ("192.0.2.1, 192.0.2.2", "unknown"),
        ("192.0.2.256", "unknown"),
        ("x" * 100_000, "unknown"),
    ],
)
def test_an_address_has_one_key_however_it_is_written(host: str, key: str) -> None:
    assert address_key(host) == key
