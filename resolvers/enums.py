"""Enums of the schema: the records' own, with a description for every value, and the codes of countries and money."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

import strawberry
from babel import Locale

from app.cart.domain import CartState, CheckoutRequirement
from app.cart.fill import OnLineError
from app.cart.quote import PriceStepKind
from app.catalog.search import FacetKind, ProductSort
from app.core.discount import DiscountReason
from app.core.errors import ErrorCode
from app.core.freshness import ReadSource
from app.core.money import known_currencies
from app.core.pagination import CountPrecision
from app.inventory.domain import StockState
from app.orders.domain import FulfillmentStatus, OrderStatus, PaymentStatus
from app.payments.domain import AttemptState

E = TypeVar("E", bound=Enum)


def _described(enum: type[E], description: str, values: dict[str, str]) -> type[E]:
    """The enum as part of the schema. values: a description for every name; a missing one is a KeyError."""
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
    return enum


# what CLDR has beside the standard: unions, outlying islands, test locales
_NOT_IN_ISO_3166 = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"])
_english = Locale("en")
_currencies = {code: _english.currencies.get(code, code) for code in sorted(known_currencies())}
_countries = {
    code: name
    for code, name in sorted(_english.territories.items())
    if len(code) == 2 and code.isalpha() and code not in _NOT_IN_ISO_3166
}

CurrencyCode: type[Enum] = _described(
    Enum("CurrencyCode", list(zip(_currencies, _currencies, strict=True))),  # type: ignore[arg-type]  # see typeshed
    "A currency, by its ISO 4217 code.",
    _currencies,
)
CountryCode: type[Enum] = _described(
    Enum("CountryCode", list(zip(_countries, _countries, strict=True))),  # type: ignore[arg-type]  # see typeshed
    "A country or territory, by its ISO 3166-1 alpha-2 code.",
    _countries,
)

_described(
    CartState,
    "Where a cart is in its life.",
    {
        "ACTIVE": "It can be changed and paid.",
        "IN_CHECKOUT": "A payment is under way; until it ends the cart cannot be changed.",
        "COMPLETED": "It has been paid; `order` is what it became.",
        "MERGED": "Its lines have gone into another cart: see `mergedInto`.",
        "EXPIRED": "Nobody touched it for too long; start a new one.",
    },
)
_described(
    OnLineError,
    "What to do when a line cannot be added as it is asked for.",
    {
        "ALL_OR_NOTHING": "Add no line at all.",
        "PARTIAL": "Add as many units of every line as there is room for, and tell what was left out.",
    },
)
_described(
    CheckoutRequirement,
    "Something a cart needs before it can be paid.",
    {
        "LINES": "At least one line.",
        "EMAIL": "The buyer's e-mail address: `cartUpdate(input: {email})`.",
        "SHIPPING_ADDRESS": "Where to deliver to: `cartUpdate(input: {shippingAddress})`.",
        "DELIVERY_OPTION": "One of `deliveryOptions`: `cartUpdate(input: {deliveryOptionId})`.",
        "PROBLEMS_RESOLVED": "Lines that cannot be bought as they are; see `problems`.",
    },
)
_described(
    PriceStepKind,
    "What a step of a price is.",
    {
        "ITEMS": "A line at its price.",
        "PROMOTION": "A discount that applies by itself.",
        "CODE": "A discount that a code brought.",
        "ROUNDING": "What is left off because cards cannot be charged so fine an amount.",
        "SHIPPING": "The delivery.",
        "TAX": "A tax on top of the prices.",
    },
)
_described(
    DiscountReason,
    "Why a discount code does not apply.",
    {
        "UNKNOWN": "There is no such code.",
        "EXPIRED": "It is over.",
        "NOT_STARTED": "It has not begun.",
        "USAGE_LIMIT": "It has been used as often as it may be, by everybody or by this buyer.",
        "FIRST_ORDER_ONLY": "It is for a buyer's first order.",
        "NO_ELIGIBLE_ITEM": "Nothing in the cart is among its goods, or it is not for the cart's currency.",
        "MINIMUM_NOT_MET": "Its goods cost too little; `missing` says by how much.",
        "NOT_COMBINABLE": "It cannot be combined with the other discounts, which are worth more.",
    },
)
_described(
    ProductSort,
    "The order of a product list. Ties are broken by the product itself, so pages are stable.",
    {
        "RELEVANCE": "An exact name or stock-keeping unit first, then all words in the name, then all words anywhere;"
        " the popular ones first. Without words: BEST_SELLING.",
        "BEST_SELLING": "The most popular first.",
        "NEWEST": "The newest first.",
        "PRICE_ASC": "The cheapest first, by the lowest price among a product's variants.",
        "PRICE_DESC": "The most expensive first, by the lowest price among a product's variants.",
        "NAME_ASC": "By name, A to Z, without regard to case and accents.",
        "NAME_DESC": "By name, Z to A.",
    },
)
_described(
    FacetKind,
    "Which field of `ProductFilter` a facet's values go into.",
    {
        "BRAND": "`brands`",
        "CATEGORY": "`categories`",
        "PRICE": "`price`",
        "ATTRIBUTE": "`attributes`, with the facet's slug",
        "OPTION": "`options`, with the facet's slug",
    },
)
_described(
    ErrorCode,
    "What went wrong, for a program. Codes are stable and never depend on a language.",
    {
        "INVALID": "A value is malformed or out of its bounds; the message says which bounds.",
        "REQUIRED": "Something is missing.",
        "NOT_FOUND": "There is no such thing, or it is not yours to see.",
        "UNAUTHENTICATED": "The access token is invalid or has expired.",
        "VERSION_CONFLICT": "The cart changed since you read it: read it again and decide anew.",
        "IDEMPOTENCY_KEY_REUSED": "The key was used for another request: make a new one.",
        "CART_EXPIRED": "The cart has expired: start a new one.",
        "CART_LOCKED": "A payment for the cart is under way: wait for its end.",
        "CART_MERGED": "The cart has been merged into another: use that one.",
        "CART_COMPLETED": "The cart has been paid: start a new one.",
        "LINE_NOT_FOUND": "The cart has no such line.",
        "INSUFFICIENT_STOCK": "Fewer units are available than were asked for.",
        "VARIANT_UNAVAILABLE": "There is no such variant, or it is not sold.",
        "QUANTITY_OUT_OF_RANGE": "The quantity is outside the variant's `quantityRule`.",
        "CURRENCY_MISMATCH": "The amount is in another currency than the cart.",
        "ADDRESS_INVALID": "The address is incomplete, or the shop does not deliver there.",
        "DELIVERY_OPTION_UNAVAILABLE": "This delivery is not offered for the cart.",
        "DISCOUNT_NOT_APPLICABLE": "A discount code does not apply; `reason` says why.",
        "PRICE_CHANGED": "The total is not the one that was accepted: show the new one to the buyer.",
        "PAYMENT_DECLINED": "The card was refused: ask for another one.",
        "PAYMENT_PROVIDER_UNAVAILABLE": "The payment provider does not answer: try again later.",
        "NOT_CANCELABLE": "It has been paid, sent or ended, so that it can no longer be canceled.",
        "EMAIL_INVALID": "This is not an e-mail address.",
        "CREDENTIALS_INVALID": "The e-mail address or the password is wrong.",
        "CARD_DATA_NOT_ALLOWED": "A payment card number was sent. It comes among `errors`, before anything is done,"
        " with the `position` of the value in its `extensions`.",
        "SECOND_FACTOR_REQUIRED": "The password is right; the code of the second factor is missing or wrong.",
        "TOKEN_INVALID": "The token has been used, has expired, or is none of this shop.",
        "PASSWORD_WEAK": "The password is too short, too long, or one of the common ones.",
        "RATE_LIMITED": "There were too many tries: try again later.",
        "FORBIDDEN": "The caller may not do this.",
    },
)
_described(
    ReadSource,
    "Where an answer was read.",
    {
        "PRIMARY": "In the database.",
        "REPLICA": "In a copy of the database that is at most seconds behind.",
        "CACHE": "In the cache; it is at most 60 seconds old.",
        "STALE_CACHE": "In the cache, because the database fails; it is at most 5 minutes old.",
    },
)
_described(
    CountPrecision,
    "How much a count can be relied on.",
    {"EXACT": "There are exactly so many.", "AT_LEAST": "There are so many or more."},
)
_described(
    StockState,
    "What to tell a shopper about stock.",
    {
        "IN_STOCK": "It can be bought.",
        "LOW": "Only a few are left.",
        "OUT_OF_STOCK": "It is sold out.",
        "BACKORDER": "It can be bought and will be delivered later.",
    },
)
_described(
    OrderStatus,
    "Where an order is in its life.",
    {
        "PENDING": "Its payment has not ended yet.",
        "CONFIRMED": "It is paid and will be delivered.",
        "CANCELED": "It will not be delivered.",
        "COMPLETED": "It has been delivered.",
    },
)
_described(
    PaymentStatus,
    "Whether an order has been paid.",
    {
        "PENDING": "The payment has not ended yet.",
        "ACTION_REQUIRED": "The bank asks the buyer to confirm the payment.",
        "DELAYED": "The payment provider does not answer; the shop goes on trying.",
        "PAID": "It is paid in full.",
        "PARTIALLY_REFUNDED": "A part of the money has been given back.",
        "REFUNDED": "All of the money has been given back.",
        "FAILED": "The payment was refused or not completed.",
    },
)
_described(
    FulfillmentStatus,
    "Whether an order has been sent.",
    {
        "UNFULFILLED": "Nothing has been sent yet.",
        "PARTIALLY_FULFILLED": "A part has been sent.",
        "FULFILLED": "Everything has been sent.",
    },
)
_described(
    AttemptState,
    "Where an attempt to pay is.",
    {
        "PENDING": "The payment provider is being asked.",
        "QUEUED": "The payment provider does not answer; the shop goes on trying.",
        "ACTION_REQUIRED": "The buyer has to confirm the payment with their bank.",
        "PROCESSING": "The provider is at work on it.",
        "SUCCEEDED": "It is paid.",
        "FAILED": "It was refused; the cart can be paid with another card.",
        "CANCELED": "It was given up; the cart can be paid again.",
    },
)
