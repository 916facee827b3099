"""Every failure the shop knows, as one tree.

ShopError
├─ ClientError        expected; the caller can act; carries a code and facts
│  ├─ InvalidInput        a value is malformed, missing or out of its bounds
│  ├─ NotFound            the thing asked for does not exist, or is not the caller's to see
│  ├─ VersionConflict     the object changed since the caller read it
│  ├─ OutOfStock          fewer units are free than were asked for
│  ├─ QuantityOutOfRange  the variant is not sold in this quantity
│  ├─ CartClosed          the cart is in checkout, completed, merged or expired
│  ├─ PriceChanged        the total is not the one that the buyer accepted
│  ├─ DiscountNotApplicable  a discount code does not apply to the cart
│  ├─ PaymentDeclined     the card was refused; another one may work
│  ├─ CardDataNotAllowed  a payment card number stands in what was sent
│  ├─ Unauthenticated     credentials are missing or wrong
│  ├─ RateLimited         the caller has used up what it may cost for now
│  ├─ TooManyTries        so many passwords were wrong that the next ones are not looked at for a while
│  ├─ Forbidden           the caller is known, and may not do this
│  ├─ QueryTooCostly      the request may cost more than any request may
│  └─ Rejected            several of the above at once
├─ OperationalError   a dependency failed; the same request may succeed later
│  ├─ DatabaseUnavailable
│  ├─ CartBusy            too many requests change one cart at once
│  ├─ PaymentsUnavailable
│  ├─ MailUnavailable     the mail server did not take an e-mail now
│  ├─ AccountsBusy        more passwords wait to be checked than this process has room for
│  ├─ AccountsUnavailable the account service did not answer
│  └─ DeadlineExceeded    the request took longer than any request may
└─ Bug                an invariant broke: masked for the client, logged with its stack

Use cases raise, `resolvers/errors` and `app/http` translate, nobody else. See ADR-0006.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar
from uuid import UUID

from app.core.discount import DiscountReason
from app.core.money import Money
from app.core.quantity import QuantityRule


class ErrorCode(Enum):
    """What went wrong, for a program. Codes are stable and never depend on the language of the message."""

    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    CART_EXPIRED = "CART_EXPIRED"
    CART_LOCKED = "CART_LOCKED"
    CART_COMPLETED = "CART_COMPLETED"
    CART_MERGED = "CART_MERGED"
    LINE_NOT_FOUND = "LINE_NOT_FOUND"
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    VARIANT_UNAVAILABLE = "VARIANT_UNAVAILABLE"
    QUANTITY_OUT_OF_RANGE = "QUANTITY_OUT_OF_RANGE"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    ADDRESS_INVALID = "ADDRESS_INVALID"
    DELIVERY_OPTION_UNAVAILABLE = "DELIVERY_OPTION_UNAVAILABLE"
    DISCOUNT_NOT_APPLICABLE = "DISCOUNT_NOT_APPLICABLE"
    PRICE_CHANGED = "PRICE_CHANGED"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    PAYMENT_PROVIDER_UNAVAILABLE = "PAYMENT_PROVIDER_UNAVAILABLE"
    NOT_CANCELABLE = "NOT_CANCELABLE"
    EMAIL_INVALID = "EMAIL_INVALID"
    CREDENTIALS_INVALID = "CREDENTIALS_INVALID"
    CARD_DATA_NOT_ALLOWED = "CARD_DATA_NOT_ALLOWED"
    SECOND_FACTOR_REQUIRED = "SECOND_FACTOR_REQUIRED"
    TOKEN_INVALID = "TOKEN_INVALID"  # noqa: S105  a name
    PASSWORD_WEAK = "PASSWORD_WEAK"  # noqa: S105  a name
    RATE_LIMITED = "RATE_LIMITED"
    FORBIDDEN = "FORBIDDEN"


class ShopError(Exception):
    """The root of every failure the shop raises on purpose."""


class ClientError(ShopError):
    """An expected failure that the caller can mend.

    field: the path into the mutation's `input` that is at fault, empty where no single value is.
    """

    default_code: ClassVar[ErrorCode] = ErrorCode.INVALID
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, code: ErrorCode | None = None, field: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.field = tuple(field)


class InvalidInput(ClientError):
    """A value is malformed, missing or out of its bounds."""


class NotFound(ClientError):
    """The thing asked for does not exist, or is not the caller's to see."""

    default_code = ErrorCode.NOT_FOUND


class CardDataNotAllowed(ClientError):
    """A payment card number stands in what was sent. It is told by its place alone.

    position: the way to it from the request's root, as `("variables", "input", "note")`; location: line and column,
    where it stands in a GraphQL document.
    """

    default_code = ErrorCode.CARD_DATA_NOT_ALLOWED

    def __init__(self, position: Sequence[str], *, location: tuple[int, int] | None = None) -> None:
        super().__init__(
            "This looks like a payment card number. Card numbers are not taken here: use the payment form."
        )
        self.position, self.location = tuple(position), location


class Unauthenticated(ClientError):
    """Credentials are missing or wrong."""

    default_code = ErrorCode.UNAUTHENTICATED


class RateLimited(ClientError):
    """The caller has used up what they may cost for now. retry_after_ms: when there is enough again."""

    retryable = True

    def __init__(self, *, retry_after_ms: int) -> None:
        super().__init__("You have asked for more than this shop answers at once: try again a little later.")
        self.retry_after_ms = retry_after_ms


class TooManyTries(ClientError):
    """So many passwords were wrong that the next ones are not looked at for a while."""

    default_code = ErrorCode.RATE_LIMITED
    retryable = True

    def __init__(self, *, retry_after_seconds: int) -> None:
        minutes = -(-retry_after_seconds // 60)
        super().__init__(f"There were too many tries: try again in {minutes} min, or ask for a new password.")
        self.retry_after_seconds = retry_after_seconds


class Forbidden(ClientError):
    """The caller is known, and may not do this."""

    default_code = ErrorCode.FORBIDDEN


class QueryTooCostly(ClientError):
    """The request may cost more than any request may."""

    def __init__(self, *, cost: int, limit: int) -> None:
        super().__init__(f"The request may cost {cost}; {limit} is the most: ask for fewer rows or lists.")
        self.cost, self.limit = cost, limit


class VersionConflict(ClientError):
    """The object changed since the caller read it: read it again and decide anew."""

    default_code = ErrorCode.VERSION_CONFLICT
    retryable = True

    def __init__(self, *, expected: int, current: int) -> None:
        super().__init__(
            f"The cart is at version {current}, not {expected}: read it again.", field=("expectedVersion",)
        )
        self.expected, self.current = expected, current


class OutOfStock(ClientError):
    """Fewer units of a variant are free than were asked for.

    applied: how many of the units asked for were taken all the same (0 where it is all or nothing).
    """

    default_code = ErrorCode.INSUFFICIENT_STOCK

    def __init__(
        self,
        *,
        variant_id: int,
        requested: int,
        available: int,
        applied: int = 0,
        line_id: UUID | None = None,
        field: Sequence[str] = (),
    ) -> None:
        message = f"Only {available} of the {requested} units asked for are available."
        super().__init__(message if available else "This item is sold out.", field=field)
        self.variant_id, self.requested, self.available, self.applied = variant_id, requested, available, applied
        self.line_id = line_id


class QuantityOutOfRange(ClientError):
    """The variant is not sold in this quantity.

    requested: the units that the line, or all lines of the variant, would have; applied: how many of the units asked
    for were taken all the same (0 where it is all or nothing).
    """

    default_code = ErrorCode.QUANTITY_OUT_OF_RANGE

    def __init__(
        self, *, variant_id: int, requested: int, rule: QuantityRule, applied: int = 0, field: Sequence[str] = ()
    ) -> None:
        super().__init__(f"The quantity must be {rule}, not {requested}.", field=field)
        self.variant_id, self.requested, self.rule, self.applied = variant_id, requested, rule, applied


class CartClosed(ClientError):
    """The cart can no longer be changed: it is in checkout, completed, merged or expired."""

    default_code = ErrorCode.CART_COMPLETED


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One variant whose price is not the one that stood in the cart when it was added."""

    variant_id: int
    before: Money
    after: Money


class PriceChanged(ClientError):
    """The total is not the one that the buyer accepted."""

    default_code = ErrorCode.PRICE_CHANGED
    retryable = True

    def __init__(self, *, expected: Money, actual: Money, changes: Sequence[PriceChange]) -> None:
        super().__init__(
            f"The total is {actual}, not the expected {expected}: show it to the buyer and try again.",
            field=("expectedTotal",),
        )
        self.expected, self.actual, self.changes = expected, actual, tuple(changes)


class DiscountNotApplicable(ClientError):
    """A discount code does not apply to the cart. missing: what its goods cost too little, where that is why."""

    default_code = ErrorCode.DISCOUNT_NOT_APPLICABLE

    def __init__(
        self, discount_code: str, reason: DiscountReason, *, missing: Money | None = None, field: Sequence[str] = ()
    ) -> None:
        why = f"goods for another {missing} are missing" if missing is not None else _WHY_NOT[reason]
        super().__init__(f"The code {discount_code} does not apply: {why}.", field=field)
        self.discount_code, self.reason, self.missing = discount_code, reason, missing


_WHY_NOT = {
    DiscountReason.UNKNOWN: "there is no such code",
    DiscountReason.EXPIRED: "it is over",
    DiscountReason.NOT_STARTED: "it has not begun",
    DiscountReason.USAGE_LIMIT: "it has been used as often as it may be",
    DiscountReason.FIRST_ORDER_ONLY: "it is for a first order",
    DiscountReason.NO_ELIGIBLE_ITEM: "nothing in the cart is among its goods",
    DiscountReason.MINIMUM_NOT_MET: "its goods cost too little",
    DiscountReason.NOT_COMBINABLE: "it cannot be combined with the other discounts, which are worth more",
}


class PaymentDeclined(ClientError):
    """The card was refused.

    decline_code: the provider's reason, such as `insufficient_funds`; None where it gave none.
    """

    default_code = ErrorCode.PAYMENT_DECLINED

    def __init__(self, message: str, *, decline_code: str | None) -> None:
        super().__init__(message, field=("payment",))
        self.decline_code = decline_code


class Rejected(ClientError):
    """Several faults at once, in the order in which the caller sent the values."""

    def __init__(self, faults: Sequence[ClientError]) -> None:
        super().__init__("; ".join(fault.message for fault in faults), code=faults[0].code, field=faults[0].field)
        self.faults = tuple(faults)


class OperationalError(ShopError):
    """A dependency failed; the same request may succeed after `retry_after_seconds`."""

    retry_after_seconds: ClassVar[int] = 5


class DatabaseUnavailable(OperationalError):
    """PostgreSQL refused, hung or dropped the connection."""


class CartBusy(OperationalError):
    """So many requests change one cart that this one's turn did not come in time."""

    retry_after_seconds = 1


class PaymentsUnavailable(OperationalError):
    """The payment provider gave no answer that says what happened.

    may_have_run: False where surely nothing was executed, so that nobody has to ask what became of it.
    is_away: False where the provider did answer: others need not be spared from asking it.
    """

    def __init__(self, message: str, *, may_have_run: bool = True, is_away: bool = True) -> None:
        super().__init__(message)
        self.may_have_run = may_have_run
        self.is_away = is_away


class MailUnavailable(OperationalError):
    """The mail server is away, refuses us, or asks to come later."""


class AccountsBusy(OperationalError):
    """More passwords wait to be checked than this process has room for."""

    retry_after_seconds = 1


class AccountsUnavailable(OperationalError):
    """The account service did not answer."""


class DeadlineExceeded(OperationalError):
    """The request took longer than any request may; what it had under way has been ended."""


class Bug(ShopError):
    """An invariant broke. Never caught below the entry points."""
