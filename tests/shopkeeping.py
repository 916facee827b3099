"""What tests do again and again: put a product into the shop, send GraphQL, fill a cart, turn the clock."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from app.bootstrap import Shop
from app.catalog.domain import ProductDraft, SelectedOption, VariantDraft
from app.core.clock import SystemClock
from app.core.ids import AttemptId, Kind, VariantId, decode, encode
from app.core.money import Currency, Money
from app.core.quantity import ANY_QUANTITY, QuantityRule
from app.core.stock import StockPolicy
from app.payments.domain import PaymentAttempt
from app.payments.refunds import Refund
from app.shipping.domain import FlatRate

USD = Currency("USD")
FLAT_RATE = FlatRate(Money.parse("4.90", USD), 3, frozenset({"US"}))
_numbers = itertools.count(1)
_LETTERS = "abcdfghjklmnop"  # of made-up words

ADDRESS = {
    "fullName": "Ada Marsh",
    "line1": "1 Contour Road",
    "city": "Portland",
    "region": "OR",
    "postalCode": "97205",
    "countryCode": "US",
}
USER_ERRORS = """
  userErrors {
    __typename code message field retryable
    ... on InsufficientStockError { requested available applied lineId variant { sku } }
    ... on QuantityOutOfRangeError { requested applied quantityRule { minimum maximum step } variant { sku } }
    ... on VersionConflictError { expectedVersion currentVersion }
    ... on PriceChangedError { expected { amount } actual { amount } changes { variant { sku } before { amount } after { amount } } }
  }
"""
CART = """
  id version state totalQuantity email note
  lines { nodes { id quantity variant { sku } unitPrice { amount } unitPriceWhenAdded { amount } total { amount }
                  attributes { key value } problems { __typename } } }
  cost { subtotal { amount } discount { amount } shipping { amount } tax { amount } total { amount currencyCode } isEstimated }
  deliveryOptions { id name price { amount } } selectedDeliveryOption { id }
  readiness { ready missing }
  problems { __typename ... on LineInsufficientStock { available line { quantity } }
             ... on LinePriceChanged { before { amount } after { amount } } }
"""


class ManualClock(SystemClock):
    """The machine's clock, moved by what a test says."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The moved time."""
        return super().now() + self._offset

    @contextmanager
    def turned(self, offset: timedelta) -> Iterator[None]:
        """Move the time for a while."""
        before = self._offset
        self._offset = before + offset
        try:
            yield
        finally:
            self._offset = before


@dataclass(frozen=True, slots=True)
class Answer:
    """A GraphQL answer."""

    status: int
    data: Any
    errors: list[dict[str, Any]]
    headers: httpx.Headers

    def codes(self) -> list[str]:
        """The codes of its errors."""
        return [error["extensions"]["code"] for error in self.errors]


@dataclass(frozen=True, slots=True)
class Api:
    """Sends GraphQL."""

    http: httpx.AsyncClient

    async def __call__(self, query: str, headers: dict[str, str] | None = None, **variables: Any) -> Answer:
        """The answer, whatever its status."""
        response = await self.http.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"accept": "application/json", **(headers or {})},
        )
        body = response.json()
        return Answer(response.status_code, body.get("data"), body.get("errors", []), response.headers)

    async def raw(self, query: str, headers: dict[str, str] | None = None, **variables: Any) -> bytes:
        """The answer as it comes over the wire."""
        sent = {"accept": "application/json", **(headers or {})}
        body = {"query": query, "variables": variables}
        return (await self.http.post("/graphql", json=body, headers=sent)).content

    async def data(self, query: str, **variables: Any) -> Any:
        """The data of an answer that must have no errors."""
        answer = await self(query, **variables)
        assert answer.errors == [], answer.errors
        return answer.data

    async def cart_create(self, **values: Any) -> Any:
        """The payload of `cartCreate`."""
        query = (
            f"mutation ($input: CartCreateInput!) {{ cartCreate(input: $input) {{ cart {{ {CART} }} {USER_ERRORS} }} }}"
        )
        return (await self.data(query, input=values))["cartCreate"]

    async def cart(self, cart_id: str) -> Any:
        """The cart as it is now."""
        return (await self.data(f"query ($id: ID!) {{ cart(id: $id) {{ {CART} }} }}", id=cart_id))["cart"]

    async def cart_mutation(self, name: str, **values: Any) -> Any:
        """The payload of another cart mutation, such as `cartLinesAdd`."""
        kind = name[0].upper() + name[1:] + "Input"
        query = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ cart {{ {CART} }} {USER_ERRORS} }} }}"
        return (await self.data(query, input=values))[name]

    async def merge(self, source: Any, target: Any, **more: Any) -> Any:
        """The payload of `cartMerge` for two carts."""
        query = f"""mutation ($input: CartMergeInput!) {{ cartMerge(input: $input) {{
          cart {{ {CART} }} moved summed clamped dropped {USER_ERRORS} }} }}"""
        values = {"sourceCartId": source["id"], "targetCartId": target["id"], **more}
        return (await self.data(query, input=values))["cartMerge"]

    async def delete(self, cart: Any, **more: Any) -> Any:
        """The payload of `cartDelete`."""
        query = f"mutation ($input: CartDeleteInput!) {{ cartDelete(input: $input) {{ deletedId {USER_ERRORS} }} }}"
        return (await self.data(query, input={"cartId": cart["id"], **more}))["cartDelete"]

    async def ready_cart(self, *lines: tuple[VariantId, int]) -> Any:
        """A cart that lacks nothing before it can be paid."""
        payload = await self.cart_create(
            lines=[{"variantId": variant_public_id(key), "quantity": quantity} for key, quantity in lines],
            email="ada@example.com",
            shippingAddress=ADDRESS,
        )
        cart = payload["cart"]
        option = cart["deliveryOptions"][0]["id"]
        return (await self.cart_mutation("cartUpdate", cartId=cart["id"], deliveryOptionId=option))["cart"]

    async def checkout(self, cart: Any, *, pay: str = "pm_card_visa", key: str | None = None, **more: Any) -> Any:
        """The answer of `checkoutComplete` for a cart as the client last saw it."""
        query = f"""
          mutation ($input: CheckoutCompleteInput!) {{ checkoutComplete(input: $input) {{
            __typename
            ... on CheckoutCompleted {{ orderAccessToken attempt {{ id state }} order {{ number status paymentStatus
              cost {{ total {{ amount }} shipping {{ amount }} }} lines {{ nodes {{ sku quantity total {{ amount }} }} }} }} }}
            ... on CheckoutActionRequired {{ orderAccessToken clientSecret attempt {{ id state }} }}
            ... on CheckoutProcessing {{ orderAccessToken pollAfterMs attempt {{ id state }} }}
            ... on CheckoutPaymentQueued {{ orderAccessToken attemptNumber maxAttempts nextAttemptAt buyerMessage
              attempt {{ id state }} order {{ number status paymentStatus }} }}
            ... on CheckoutFailed {{ cart {{ id state version }} failed: attempt {{ id state }} {USER_ERRORS} }}
          }} }}"""
        values = {
            "cartId": cart["id"],
            "idempotencyKey": key or f"key-{next(_numbers)}",
            "expectedTotal": {k: cart["cost"]["total"][k] for k in ("amount", "currencyCode")},
            "payment": {"paymentMethodId": pay},
            **more,
        }
        return (await self.data(query, input=values))["checkoutComplete"]


@dataclass(frozen=True, slots=True)
class Stocked:
    """A product of a test's own."""

    draft: ProductDraft
    variant_ids: tuple[VariantId, ...]

    @property
    def variant_id(self) -> VariantId:
        """Its first variant."""
        return self.variant_ids[0]

    @property
    def sku(self) -> str:
        """Its first variant's stock-keeping unit."""
        return str(self.draft.variants[0].sku)


@dataclass(frozen=True, slots=True)
class Shopkeeper:
    """Puts products into the shop and looks at its stock."""

    shop: Shop
    _seen: dict[str, int] = field(default_factory=dict)

    async def stock(
        self,
        name: str = "Thing",
        *,
        on_hand: int = 100,
        price: str = "10.00",
        compare_at: str | None = None,
        policy: StockPolicy = StockPolicy.DENY,
        sizes: tuple[str, ...] = (),
        requires_shipping: bool = True,
        quantity_rule: QuantityRule = ANY_QUANTITY,
        **details: Any,
    ) -> Stocked:
        """A new product with one variant, or with one a size. details: further fields of its draft."""
        number = next(_numbers)
        variants = tuple(
            VariantDraft(
                price=Money.parse(price, USD),
                compare_at=None if compare_at is None else Money.parse(compare_at, USD),
                sku=f"T{number}-{size or 'ONE'}",
                selected_options=(SelectedOption("Size", size),) if size else (),
                on_hand=on_hand,
                stock_policy=policy,
                requires_shipping=requires_shipping,
                quantity_rule=quantity_rule,
            )
            for size in (sizes or ("",))
        )
        key = details.pop("key", f"test-{number}")
        draft = ProductDraft(key=key, source="test", name=name, variants=variants, **details)
        return await self.store(draft)

    async def store(self, draft: ProductDraft) -> Stocked:
        """Store a draft; whatever the catalogue reports about it fails the test."""
        outcome = await self.shop.store_products([draft])
        assert outcome.faults == ()
        skus = [str(variant.sku) for variant in draft.variants]
        async with self.shop.database.read_fresh() as connection:
            rows = await connection.execute(text("SELECT sku, id FROM variant WHERE sku = ANY(:skus)"), {"skus": skus})
            ids = {row.sku: VariantId(row.id) for row in rows}
        return Stocked(draft, tuple(ids[sku] for sku in skus))

    async def store_all(self, drafts: Sequence[ProductDraft]) -> None:
        """Store many drafts at once; whatever the catalogue reports about them fails the test."""
        outcome = await self.shop.store_products(drafts)
        assert outcome.faults == ()

    async def settle_payments(self) -> None:
        """Check payments, as the worker does, until none is due."""
        while await self.shop.check_payments():
            pass

    async def attempt(self, attempt_id: str) -> PaymentAttempt:
        """The attempt with this public id, as it is stored."""
        async with self.shop.transactions.read() as tx:
            found = await tx.attempts.find(AttemptId(_uuid_of(attempt_id)))
        assert found is not None
        return found

    async def refunds(self, attempt_id: str) -> list[Refund]:
        """The refunds of the attempt with this public id, oldest first."""
        async with self.shop.transactions.read() as tx:
            return await tx.refunds.of_attempt(AttemptId(_uuid_of(attempt_id)))

    async def make_refunds(self, attempt_id: str) -> None:
        """Make the refunds of the attempt with this public id, as the worker does."""
        for refund in await self.refunds(attempt_id):
            await self.shop.refund_payment.run({"refund": str(refund.id)})

    async def level(self, variant_id: VariantId) -> tuple[int, int]:
        """Units on hand, and units reserved."""
        async with self.shop.database.read_fresh() as connection:
            query = text("SELECT on_hand, reserved FROM stock WHERE variant_id = :id")
            row = (await connection.execute(query, {"id": variant_id})).one()
        return row.on_hand, row.reserved


@dataclass(frozen=True, slots=True)
class Provider:
    """The payment provider's emulator, as tests steer it and ask it. http: to its address."""

    http: httpx.AsyncClient

    async def fault(self, mode: str, *, match: str = "POST /v1/payment_intents", **script: Any) -> str:
        """Script a failure of its API; returns the script's id. script: further fields of a `FaultRequest`."""
        answer = await self.http.post("/_emulator/faults", json={"mode": mode, "match": match, **script})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def hits(self, fault_id: str) -> int:
        """How many requests a failure has hit."""
        faults = (await self.http.get("/_emulator/faults")).json()["faults"]
        return next(fault["hits"] for fault in faults if fault["id"] == fault_id)

    async def heal(self) -> None:
        """Forget every script and every count; the money stays."""
        assert (await self.http.post("/_emulator/reset")).status_code == 200

    async def lag_search(self, *, seconds: int) -> None:
        """Have its search know only what is older than this, until the next `heal`."""
        assert (await self.http.post("/_emulator/search", json={"lag_seconds": seconds})).status_code == 200

    async def ledger(self, attempt_id: str) -> list[tuple[str, int]]:
        """What moved, and how much of it, for the attempt with this public id."""
        entries = (await self.http.get("/_emulator/ledger")).json()["entries"]
        key = str(decode(attempt_id)[1])
        return [(row["movement"], row["amount"]) for row in entries if row["metadata"].get("attempt_id") == key]

    async def requests(self, endpoint: str) -> list[dict[str, Any]]:
        """The requests to an endpoint, such as `POST /v1/payment_intents`, since the last `heal`."""
        requests = (await self.http.get("/_emulator/requests")).json()["requests"]
        return [request for request in requests if request["endpoint"] == endpoint]

    async def answer_bank(self, client_secret: str, outcome: str) -> None:
        """Do what the buyer does on the bank's page. outcome: `succeed` or `fail`."""
        intent_id = client_secret.partition("_secret_")[0]
        answer = await self.http.post(f"/_emulator/3ds/{intent_id}", params={"outcome": outcome})
        assert answer.status_code == 200, answer.text

    async def settle(self, attempt_id: str, outcome: str) -> None:
        """Do what a bank does that has let the provider wait. outcome: `succeed` or `fail`."""
        entries = (await self.http.get("/_emulator/ledger")).json()["entries"]
        key = str(decode(attempt_id)[1])
        intent_id = next(row["payment_intent"] for row in entries if row["metadata"].get("attempt_id") == key)
        answer = await self.http.post(f"/_emulator/payment_intents/{intent_id}/settle", json={"outcome": outcome})
        assert answer.status_code == 200, answer.text

    async def settle_refund(self, refund_id: str, outcome: str) -> None:
        """Do what the buyer's bank does with a refund, by the provider's name of it. outcome: `succeed` or `fail`."""
        answer = await self.http.post(f"/_emulator/refunds/{refund_id}/settle", json={"outcome": outcome})
        assert answer.status_code == 200, answer.text

    async def confirmation_token(self, payment_method: str = "pm_card_visa") -> str:
        """What Stripe Elements would have made of a card."""
        answer = await self.http.post(
            "/v1/test_helpers/confirmation_tokens",
            data={"payment_method": payment_method},
            headers={"authorization": "Bearer sk_test_emulator"},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]


@contextmanager
def counted_statements(shop: Shop) -> Iterator[list[str]]:
    """The SQL statements that run inside the block."""
    statements: list[str] = []

    def note(statement: str, _: Any) -> None:
        statements.append(statement)

    with shop.database.heard(note):
        yield statements


def new_word() -> str:
    """A word that no other product has, with a digit so that it is neither stemmed nor taken for a misspelled one."""
    number, letters = next(_numbers), ""
    while number:
        number, digit = divmod(number, len(_LETTERS))
        letters += _LETTERS[digit]
    return f"qu{letters}7onk"


def _uuid_of(public_id: str) -> UUID:
    _, key = decode(public_id)
    assert isinstance(key, UUID)
    return key


def variant_public_id(key: VariantId) -> str:
    """The id that clients see."""
    return encode(Kind.VARIANT, key)
