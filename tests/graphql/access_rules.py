"""Who may see what: a rule for every field and for every place that takes an id or a token, in one table.

A field or a place without a rule fails `test_access.py`, which holds every rule against a shop in which one customer
has one of everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from graphql import GraphQLSchema, is_interface_type, is_object_type

from tests.graphql.positions import Position


class Rule(Enum):
    """Who is shown a field of an object, or what an id opens."""

    PUBLIC = "anybody, and all are shown the same"
    OWNER = "the customer whose it is, and nobody else"
    HOLDER = "the customer whose it is; where it is a guest's, whoever has its id or token"
    INSIDE = "whoever is shown the object that it is a part of"
    TOLD = "whoever made the very call that it answers"


_ERROR = "code message field retryable"
_CONNECTION = {Rule.INSIDE: "edges nodes pageInfo"}
_EDGE = {Rule.INSIDE: "node cursor"}

FIELDS: Mapping[str, Mapping[Rule, str]] = {
    "Query": {
        Rule.PUBLIC: "shop products searchSuggestions product variant category categories",
        Rule.HOLDER: "node nodes cart checkoutAttempt order",
        Rule.OWNER: "me",
    },
    "Mutation": {
        Rule.TOLD: "cartCreate customerRegister login tokenRefresh passwordResetRequest passwordReset emailVerify",
        Rule.HOLDER: "cartLinesAdd cartLinesUpdate cartLinesRemove cartUpdate cartDiscountCodesSet cartMerge cartDelete"
        " checkoutComplete checkoutAttemptCancel orderCancel",
        Rule.OWNER: "logout sessionRevoke passwordChange customerUpdate customerDelete addressCreate addressUpdate"
        " addressDelete guestOrdersClaim",
    },
    "Subscription": {Rule.HOLDER: "checkoutAttemptUpdated orderUpdated cartUpdated"},
    # ------------------------------------------------------------------------------------ the shop and its catalogue
    "Shop": {Rule.PUBLIC: "name stripePublishableKey currency currencies countries languages limits"},
    "ApiLimits": {Rule.PUBLIC: "maxPageSize maxQueryCost maxDepth"},
    "Product": {
        Rule.PUBLIC: "id slug name description language brand tags attributes options seo createdAt updatedAt category"
        " categoryPath thumbnail images variants variantsCount variantFor priceRange compareAtPriceRange onSale"
        " availability related"
    },
    "ProductVariant": {
        Rule.PUBLIC: "id sku name selectedOptions image weightGrams requiresShipping quantityRule product price"
        " availability"
    },
    "Category": {Rule.PUBLIC: "id slug name description language path parent children products"},
    "Attribute": {Rule.PUBLIC: "slug name values language"},
    "Availability": {Rule.PUBLIC: "state quantity quantityIsCapped asOf"},
    "Facet": {Rule.PUBLIC: "slug kind label language"},
    "FacetValue": {Rule.PUBLIC: "value label count selected language"},
    "Freshness": {Rule.PUBLIC: "asOf ageMs source"},
    "Image": {Rule.PUBLIC: "altText width height url"},
    "ListFacet": {Rule.PUBLIC: "slug kind label language values"},
    "MoneyRange": {Rule.PUBLIC: "min max"},
    "ProductOption": {Rule.PUBLIC: "name values"},
    "QuantityRule": {Rule.PUBLIC: "minimum step maximum"},
    "RangeFacet": {Rule.PUBLIC: "slug kind label language min max"},
    "SearchSuggestions": {Rule.PUBLIC: "queries products categories"},
    "SelectedOption": {Rule.PUBLIC: "name value"},
    "Seo": {Rule.PUBLIC: "title description"},
    "VariantPrice": {Rule.PUBLIC: "current compareAt lowestLast30Days onSale"},
    "CategoryConnection": {Rule.PUBLIC: "edges nodes pageInfo"},
    "CategoryEdge": {Rule.PUBLIC: "node cursor"},
    "ImageConnection": {Rule.PUBLIC: "edges nodes pageInfo"},
    "ImageEdge": {Rule.PUBLIC: "node cursor"},
    "ProductConnection": {Rule.PUBLIC: "edges nodes pageInfo correctedQuery freshness totalCount facets"},
    "ProductEdge": {Rule.PUBLIC: "node cursor highlight"},
    "ProductVariantConnection": {Rule.PUBLIC: "edges nodes pageInfo"},
    "ProductVariantEdge": {Rule.PUBLIC: "node cursor"},
    # ------------------------------------------------------------------------------------ carts
    "Cart": {
        Rule.HOLDER: "id version state expiresAt totalQuantity email note shippingAddress billingAddress"
        " deliveryOptions selectedDeliveryOption discountCodes cost explain problems readiness createdAt updatedAt"
        " currency lines mergedInto activeAttempt order"
    },
    "CartLine": {
        Rule.HOLDER: "id quantity unitPrice unitPriceWhenAdded subtotal discount total attributes problems variant"
    },
    "CartLineConnection": _CONNECTION,
    "CartLineEdge": _EDGE,
    "CartDiscountCode": {Rule.INSIDE: "code applicable reason missing amount"},
    "CheckoutReadiness": {Rule.INSIDE: "ready missing"},
    "PriceStep": {Rule.INSIDE: "kind label amount"},
    "LineUnavailable": {Rule.INSIDE: "line"},
    "LineInsufficientStock": {Rule.INSIDE: "line available"},
    "LineQuantityNotAllowed": {Rule.INSIDE: "line rule"},
    "LinePriceChanged": {Rule.INSIDE: "line before after"},
    "DiscountCodeInactive": {Rule.INSIDE: "code reason"},
    "DeliveryOptionGone": {Rule.INSIDE: "message"},
    # ------------------------------------------------------------------------------------ checkouts and orders
    "CheckoutAttempt": {Rule.HOLDER: "id state createdAt cancelRequestedAt cart order result"},
    "CheckoutActionRequired": {Rule.INSIDE: "attempt clientSecret orderAccessToken"},
    "CheckoutCompleted": {Rule.INSIDE: "attempt order orderAccessToken"},
    "CheckoutFailed": {Rule.INSIDE: "attempt cart userErrors"},
    "CheckoutPaymentQueued": {
        Rule.INSIDE: "attempt order attemptNumber maxAttempts nextAttemptAt buyerMessage orderAccessToken"
    },
    "CheckoutProcessing": {Rule.INSIDE: "attempt pollAfterMs orderAccessToken"},
    "Order": {
        Rule.HOLDER: "id number placedAt status paymentStatus fulfillmentStatus email cost shippingAddress"
        " billingAddress delivery note lines payments canCancel timeline"
    },
    "OrderEvent": {Rule.INSIDE: "at kind message"},
    "OrderLine": {Rule.INSIDE: "productName variantName sku quantity unitPrice discount total id variant"},
    "OrderLineConnection": _CONNECTION,
    "OrderLineEdge": _EDGE,
    "Payment": {Rule.INSIDE: "amount id provider brand last4 refunded status"},
    # ------------------------------------------------------------------------------------ customers
    "Customer": {Rule.OWNER: "id email name emailVerified sessions addresses orders carts"},
    "SavedAddress": {Rule.OWNER: "address isDefaultShipping isDefaultBilling id"},
    "OrderConnection": {Rule.OWNER: "edges nodes pageInfo totalCount"},
    "OrderEdge": _EDGE,
    "Session": {Rule.OWNER: "createdAt lastUsedAt expiresAt userAgent id current"},
    # ------------------------------------------------------------------------------------ parts of several things
    "Address": {Rule.INSIDE: "fullName company line1 line2 city region postalCode phone countryCode"},
    "CartCost": {Rule.INSIDE: "subtotal discount shipping tax total taxLines isEstimated"},
    "Count": {Rule.INSIDE: "value precision"},
    "DeliveryOption": {Rule.INSIDE: "name price isPickUp estimatedDays cartTotal id"},
    "KeyValue": {Rule.INSIDE: "key value"},
    "Money": {Rule.INSIDE: "amount minorUnits currencyCode formatted"},
    "Node": {Rule.INSIDE: "id"},
    "PageInfo": {Rule.INSIDE: "hasNextPage hasPreviousPage startCursor endCursor"},
    "TaxLine": {Rule.INSIDE: "name rate amount isIncluded"},
    # ------------------------------------------------------------------------------------ answers to a call
    "AcceptedPayload": {Rule.TOLD: "accepted userErrors"},
    "AuthPayload": {Rule.TOLD: "accessToken refreshToken expiresAt customer userErrors"},
    "CartMergePayload": {Rule.TOLD: "cart moved summed clamped dropped userErrors"},
    "CartPayload": {Rule.TOLD: "cart userErrors"},
    "CheckoutAttemptPayload": {Rule.TOLD: "attempt userErrors"},
    "AddressBookPayload": {Rule.TOLD: "customer savedAddress userErrors"},
    "GuestOrdersClaimPayload": {Rule.TOLD: "orders carts customer userErrors"},
    "CustomerPayload": {Rule.TOLD: "customer userErrors"},
    "DeletePayload": {Rule.TOLD: "deletedId userErrors"},
    "OrderPayload": {Rule.TOLD: "order userErrors"},
    "UserError": {Rule.TOLD: _ERROR},
    "GenericUserError": {Rule.TOLD: _ERROR},
    "DiscountNotApplicableError": {Rule.TOLD: f"{_ERROR} discountCode reason missing"},
    "InsufficientStockError": {Rule.TOLD: f"{_ERROR} variant lineId requested available applied"},
    "PriceChangedError": {Rule.TOLD: f"{_ERROR} expected actual changes"},
    "PriceChange": {Rule.TOLD: "variant before after"},
    "QuantityOutOfRangeError": {Rule.TOLD: f"{_ERROR} variant quantityRule requested applied"},
    "VersionConflictError": {Rule.TOLD: f"{_ERROR} expectedVersion currentVersion"},
}

# parts of checkouts, carts and costs that only other states or terms of sale have than those of the tests' customer
NOT_SHOWN_HERE = frozenset(
    {
        "CheckoutPaymentQueued",
        "CheckoutProcessing",
        "LineUnavailable",
        "LineInsufficientStock",
        "LineQuantityNotAllowed",
        "LinePriceChanged",
        "DeliveryOptionGone",
        "DiscountCodeInactive",
        "CartDiscountCode",
        "TaxLine",
    }
)

PLACES: Mapping[Rule, str] = {  # that take an id or a token; what an id there opens
    Rule.PUBLIC: """
        Query.product.by.id Query.variant.by.id Query.category.by.id Query.categories.parentId
        Query.products.filter.categories Category.products.filter.categories
        Mutation.cartCreate.input.lines.variantId Mutation.cartLinesAdd.input.lines.variantId
        Mutation.cartLinesUpdate.input.lines.variantId Mutation.cartUpdate.input.deliveryOptionId
        Mutation.checkoutComplete.input.deliveryOptionId
    """,
    Rule.HOLDER: """
        Query.node.id Query.nodes.ids Query.cart.id Query.checkoutAttempt.id Query.order.by.id
        Query.order.by.accessToken
        Mutation.cartLinesAdd.input.cartId Mutation.cartLinesUpdate.input.cartId
        Mutation.cartLinesUpdate.input.lines.lineId Mutation.cartLinesRemove.input.cartId
        Mutation.cartLinesRemove.input.lineIds Mutation.cartUpdate.input.cartId
        Mutation.cartDiscountCodesSet.input.cartId Mutation.cartMerge.input.sourceCartId
        Mutation.cartMerge.input.targetCartId Mutation.cartDelete.input.cartId Mutation.checkoutComplete.input.cartId
        Mutation.checkoutAttemptCancel.input.attemptId Mutation.orderCancel.input.orderId
        Mutation.orderCancel.input.accessToken
        Subscription.checkoutAttemptUpdated.id Subscription.orderUpdated.by.id
        Subscription.orderUpdated.by.accessToken Subscription.cartUpdated.id
    """,
    Rule.OWNER: """
        Mutation.sessionRevoke.input.sessionId Mutation.addressUpdate.input.id Mutation.addressDelete.input.id
    """,
    Rule.TOLD: """
        Mutation.tokenRefresh.input.refreshToken Mutation.passwordReset.input.token Mutation.emailVerify.input.token
        Mutation.checkoutComplete.input.payment.confirmationToken
        Mutation.checkoutComplete.input.payment.paymentMethodId
    """,
}
_MADE_BY_THE_CLIENT = ".idempotencyKey"


def field_rules() -> dict[str, Rule]:
    """The rule of every field, by `Type.field`, as far as there is one."""
    return {
        f"{name}.{field}": rule
        for name, of in FIELDS.items()
        for rule, fields in of.items()
        for field in fields.split()
    }


def fields_of(schema: GraphQLSchema) -> set[str]:
    """Every field of an object or an interface, by `Type.field`."""
    return {
        f"{name}.{field}"
        for name, kind in schema.type_map.items()
        if (is_object_type(kind) or is_interface_type(kind)) and not name.startswith("__")
        for field in kind.fields
    }


def key_places(positions: Mapping[str, Position]) -> dict[str, Position]:
    """The places that take an id or a token, by their names."""
    return {
        name: place
        for name, place in positions.items()
        if not name.endswith(_MADE_BY_THE_CLIENT)
        and (place.type_name == "ID" or (place.type_name == "String" and name.lower().endswith(("token", "id"))))
    }


def place_rules() -> dict[str, Rule]:
    """The rule of every place that takes an id or a token, as far as there is one."""
    return {name: rule for rule, names in PLACES.items() for name in names.split()}
