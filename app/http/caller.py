"""Who asks, and whose budget that is counted against: the customer's, or else the address's.

A person behind IPv6 has a whole /64 to send from, so its addresses share one bucket. The address is the one that the
server names, which believes `X-Forwarded-For` of trusted proxies only. See ADR-0014.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.requests import HTTPConnection

from app.accounts.domain import Identity, Origin
from app.core.card_data import masked
from app.core.ids import CustomerId
from app.core.throttle import Bucket

IPV6_PREFIX = 64
KNOWN_ADDRESSES = 4_096  # whose text is remembered; to find it takes as long as to take points


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. customer_id: None for a guest; budget: the key of their bucket, and its size.

    identity: what their token says, None for a guest; origin: where the request comes from.
    """

    request_id: str
    customer_id: CustomerId | None
    budget: tuple[str, Bucket]
    identity: Identity | None = None
    origin: Origin = Origin()  # noqa: RUF009  frozen


@dataclass(frozen=True, slots=True)
class CostBuckets:
    """The size of a caller's bucket, by who they are."""

    customer: Bucket
    address: Bucket

    def caller(self, request_id: str, identity: Identity | None, connection: HTTPConnection) -> Caller:
        """Whoever a request comes from."""
        customer_id = None if identity is None else identity.customer_id
        return Caller(request_id, customer_id, self.of(connection, customer_id), identity, origin_of(connection))

    def of(self, request: HTTPConnection, customer_id: CustomerId | None) -> tuple[str, Bucket]:
        """The key of a caller's bucket, and its size."""
        if customer_id is not None:
            return f"customer:{customer_id}", self.customer
        return f"address:{address_key(request.client.host if request.client else '')}", self.address


def origin_of(connection: HTTPConnection) -> Origin:
    """Where a request comes from. A card number in what the client calls itself is masked: sessions keep it."""
    host = connection.client.host if connection.client else ""
    user_agent = connection.headers.get("user-agent")
    return Origin(address_key(host), None if user_agent is None else masked(user_agent))


@lru_cache(maxsize=KNOWN_ADDRESSES)
def address_key(host: str) -> str:
    """The text under which an address is counted: IPv4 alone, IPv6 by its /64, one for all that are no address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, IPV6_PREFIX), strict=False))
