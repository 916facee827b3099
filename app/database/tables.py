"""Every table but those of the terms of sale, on one page: SQLAlchemy Core, no ORM. See ADR-0001 and ADR-0002.

Catalogue keys are integers (search keeps arrays of them); whatever a stranger must not guess has a random UUID. Money
is a `bigint` of minor units beside its currency. Invariants that money or stock depends on are CHECKs here, as the
last line behind the code that keeps them. What is made for searching alone is in search_tables, accounts are in
account_tables. A test compares all of them with what the migrations build.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, UUID

from app.database import account_tables as account_tables
from app.database import customer_tables as customer_tables
from app.database import job_tables as job_tables
from app.database import mail_tables as mail_tables
from app.database import payment_tables as payment_tables
from app.database import refund_tables as refund_tables
from app.database import search_tables as search_tables
from app.database import state_tables as state_tables
from app.database import terms_tables
from app.database import translation_tables as translation_tables
from app.database.metadata import metadata, moment

TERMS_OF_SALE = (  # on a page of their own, for its length only
    terms_tables.delivery_method,
    terms_tables.tax_place,
    terms_tables.promotion,
    terms_tables.promotion_use,
)
SCHEMA_VERSION = "0019"  # the newest migration; readiness waits for it

# ------------------------------------------------------------------------------------------------ catalogue

category = Table(
    "category",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("parent_id", Integer, ForeignKey("category.id")),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("path_names", ARRAY(Text), nullable=False, unique=True),  # root first: what an import knows a category by
    Column("path_ids", ARRAY(Integer), nullable=False),  # root first, itself last
    Index(None, "parent_id", "name"),
)

product = Table(
    "product",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("import_key", Text, nullable=False, unique=True),
    Column("import_digest", BYTEA, nullable=False),  # of the draft last stored: an equal one changes nothing
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("brand", Text),
    Column("category_id", Integer, ForeignKey("category.id"), index=True),
    Column("tags", ARRAY(Text), nullable=False),
    Column("images", JSONB, nullable=False),
    Column("attributes", JSONB, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("seo_title", Text),
    Column("seo_description", Text),
    Column("popularity", Integer, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("updated_at", moment, nullable=False),
)

variant = Table(
    "variant",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("product_id", Integer, ForeignKey("product.id"), nullable=False),
    Column("sku", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("selected_options", JSONB, nullable=False),
    Column("image", JSONB(none_as_null=True)),
    Column("weight_grams", Integer),
    Column("requires_shipping", Boolean, nullable=False),
    Column("tax_class", Text, nullable=False, server_default="standard"),
    Column(
        "active", Boolean, nullable=False, server_default=text("true")
    ),  # false: no longer sold, orders still name it
    Column("quantity_minimum", Integer, nullable=False, server_default="1"),
    Column("quantity_maximum", Integer),
    Column("quantity_step", Integer, nullable=False, server_default="1"),
    CheckConstraint(
        "quantity_step > 0 AND quantity_minimum > 0 AND quantity_minimum % quantity_step = 0"
        " AND (quantity_maximum IS NULL"
        " OR quantity_maximum >= quantity_minimum AND quantity_maximum % quantity_step = 0)",
        name="quantity_rule",
    ),
    Index(None, "product_id", "position"),
    Index("variant_lower_sku_idx", text("lower(sku)")),
)

variant_price = Table(
    "variant_price",
    metadata,
    Column("variant_id", Integer, ForeignKey("variant.id"), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),  # what a shopper sees, reductions included
    Column("compare_at_minor", BigInteger),
    Column("list_minor", BigInteger),  # while a promotion reduces it: the price without, and what that is compared with
    Column("list_compare_at_minor", BigInteger),
    Column("promotion_id", Integer, ForeignKey("promotion.id"), index=True),
    CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    CheckConstraint(
        "(promotion_id IS NULL) = (list_minor IS NULL) AND amount_minor <= coalesce(list_minor, amount_minor)",
        name="reduced_by_promotion",
    ),
)

price_change = Table(
    "price_change",
    metadata,
    Column("variant_id", Integer, ForeignKey("variant.id"), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("changed_at", moment, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),  # from then on
)

product_price = Table(  # in currencies other than the shop's, which product_search has
    "product_price",
    metadata,
    Column("product_id", Integer, ForeignKey("product.id"), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("price_min_minor", BigInteger, nullable=False),
    Column("price_max_minor", BigInteger, nullable=False),
    Column("on_sale", Boolean, nullable=False),
    Index(None, "currency", "price_min_minor", "product_id"),
)

# ------------------------------------------------------------------------------------------------ inventory

stock = Table(
    "stock",
    metadata,
    Column("variant_id", Integer, ForeignKey("variant.id"), primary_key=True, autoincrement=False),
    Column("policy", Text, nullable=False),
    Column("on_hand", Integer, nullable=False),
    Column("reserved", Integer, nullable=False, server_default="0"),
    CheckConstraint("policy IN ('deny', 'backorder', 'untracked')", name="policy_known"),
    CheckConstraint("reserved >= 0", name="reserved_not_negative"),
    CheckConstraint("policy <> 'deny' OR reserved <= on_hand", name="never_oversold"),
)

reservation = Table(
    "reservation",
    metadata,
    Column("order_id", UUID(as_uuid=True), primary_key=True),
    Column("variant_id", Integer, ForeignKey("variant.id"), primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("ended_at", moment),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("state IN ('held', 'sold', 'released', 'returned')", name="state_known"),
)

# ------------------------------------------------------------------------------------------------ carts

cart = Table(
    "cart",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("email", Text),
    Column("note", Text),
    Column("shipping_address", JSONB(none_as_null=True)),
    Column("billing_address", JSONB(none_as_null=True)),
    Column("delivery_option_id", Integer),
    Column("discount_codes", ARRAY(Text), nullable=False, server_default="{}"),
    Column("country_code", Text),  # where the shopper was when they opened it: for delivery and tax before an address
    Column("created_at", moment, nullable=False),
    Column("updated_at", moment, nullable=False),
    Column("expires_at", moment, nullable=False),
    Column("customer_id", UUID(as_uuid=True)),  # whose it is alone; null for a guest's, which its id opens
    Column("merged_into", UUID(as_uuid=True), ForeignKey("cart.id", ondelete="SET NULL")),
    Column("merge_report", JSONB(none_as_null=True)),  # what became of its lines, for whoever merges it again
    CheckConstraint("state IN ('active', 'in_checkout', 'completed', 'merged')", name="state_known"),
    Index(None, "expires_at", postgresql_where=text("state IN ('active', 'merged')")),
    Index(None, "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
    Index(None, "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    Index("cart_guest_idx", text("lower(email)"), postgresql_where=text("customer_id IS NULL AND email IS NOT NULL")),
)

cart_line = Table(
    "cart_line",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("cart_id", UUID(as_uuid=True), ForeignKey("cart.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("variant_id", Integer, ForeignKey("variant.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_when_added_minor", BigInteger, nullable=False),
    Column("attributes", JSONB, nullable=False),
    UniqueConstraint("cart_id", "position"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
)

# ------------------------------------------------------------------------------------------------ idempotency

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("scope", BYTEA, primary_key=True),  # a digest of who calls which mutation on what
    Column("key", Text, primary_key=True),  # the client's
    Column("input_digest", BYTEA, nullable=False),
    Column("has_effect", Boolean, nullable=False),  # false: it was refused, and only its answer is kept
    Column("subject", UUID(as_uuid=True)),  # what the mutation made
    Column("faults", JSONB(none_as_null=True)),  # what it left out
    Column("answer", BYTEA),  # JSON, as it was sent
    Column("answer_digest", BYTEA),  # of what the client asked to be told
    Column("created_at", moment, nullable=False),
    CheckConstraint("(answer IS NULL) = (answer_digest IS NULL)", name="answer_whole"),
    Index(None, "created_at"),
)

# ------------------------------------------------------------------------------------------------ orders and payments

orders = Table(
    "orders",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("number", Integer, Identity(always=True, start=100_001), nullable=False, unique=True),
    Column("cart_id", UUID(as_uuid=True), nullable=False),
    Column("customer_id", UUID(as_uuid=True)),  # whose it is; null for a guest's, which its token opens
    Column("status", Text, nullable=False),
    Column("payment_status", Text, nullable=False),
    Column("fulfillment_status", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("subtotal_minor", BigInteger, nullable=False),
    Column("discount_minor", BigInteger, nullable=False),
    Column("shipping_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("shipping_address", JSONB(none_as_null=True)),
    Column("billing_address", JSONB(none_as_null=True)),
    Column("delivery_option_id", Integer),
    Column("delivery_name", Text),
    Column("delivery_days", Integer),
    Column("delivery_is_pick_up", Boolean, nullable=False, server_default=text("false")),
    Column("tax_lines", JSONB, nullable=False, server_default="[]"),
    Column("note", Text),
    Column("placed_at", moment, nullable=False),
    CheckConstraint("total_minor = subtotal_minor - discount_minor + shipping_minor + tax_minor", name="adds_up"),
    CheckConstraint("discount_minor >= 0 AND total_minor >= 0", name="not_negative"),
    CheckConstraint("status IN ('pending', 'confirmed', 'canceled', 'completed')", name="status_known"),
    CheckConstraint(
        "payment_status IN"
        " ('pending', 'action_required', 'delayed', 'paid', 'partially_refunded', 'refunded', 'failed')",
        name="payment_status_known",
    ),
    Index("orders_buyer_idx", text("lower(email)"), postgresql_where=text("status <> 'canceled'")),
    Index("orders_customer_idx", "customer_id", "placed_at", "id", postgresql_where=text("customer_id IS NOT NULL")),
    Index("orders_guest_idx", text("lower(email)"), postgresql_where=text("customer_id IS NULL")),
    Index(None, "cart_id"),
    Index("orders_one_per_cart_idx", "cart_id", unique=True, postgresql_where=text("status <> 'canceled'")),
)

order_line = Table(
    "order_line",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("order_id", UUID(as_uuid=True), ForeignKey("orders.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("variant_id", Integer, ForeignKey("variant.id"), nullable=False),
    Column("product_name", Text, nullable=False),
    Column("variant_name", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("discount_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("attributes", JSONB, nullable=False),
    UniqueConstraint("order_id", "position"),
    CheckConstraint("quantity > 0 AND total_minor = unit_price_minor * quantity - discount_minor", name="adds_up"),
)

order_event = Table(
    "order_event",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("order_id", UUID(as_uuid=True), ForeignKey("orders.id"), nullable=False, index=True),
    Column("at", moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
)

payment_attempt = Table(
    "payment_attempt",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),  # also the key that makes the provider's calls idempotent
    Column("order_id", UUID(as_uuid=True), nullable=False),
    Column("cart_id", UUID(as_uuid=True), nullable=False),
    Column("idempotency_key", Text, nullable=False),  # the client's
    Column("input_digest", BYTEA, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("confirmation_token", Text),
    Column("payment_method_id", Text),
    Column("receipt_email", Text, nullable=False),
    Column("intent_id", Text, unique=True),
    Column("client_secret", Text),
    Column("card_brand", Text),
    Column("card_last4", Text),
    Column("decline_code", Text),
    Column("failure_message", Text),
    Column("created_at", moment, nullable=False),
    Column("updated_at", moment, nullable=False),
    Column("expires_at", moment, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("sent_at", moment),
    Column("queued_at", moment),
    Column("cancel_requested_at", moment),
    Column("check_at", moment),  # when the worker looks at it next; null once it has ended
    UniqueConstraint("cart_id", "idempotency_key"),
    CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    CheckConstraint(
        "state IN ('pending', 'queued', 'action_required', 'processing', 'succeeded', 'failed', 'canceled')",
        name="state_known",
    ),
    CheckConstraint(
        "(check_at IS NULL) = (state IN ('succeeded', 'failed', 'canceled'))", name="open_ones_are_checked"
    ),
    Index(None, "order_id"),
    Index(None, "check_at", postgresql_where=text("check_at IS NOT NULL")),
    Index(
        "payment_attempt_one_live_idx",
        "order_id",
        unique=True,
        postgresql_where=text("state NOT IN ('failed', 'canceled')"),
    ),
)

# ------------------------------------------------------------------------------------------------ documents

trusted_document = Table(
    "trusted_document",
    metadata,
    Column("id", Text, primary_key=True),  # whatever the client was built with; its text never changes
    Column("sha256", BYTEA, nullable=False, index=True),
    Column("body", Text, nullable=False),
    Column("operation_names", ARRAY(Text), nullable=False),
    Column("imported_at", moment, nullable=False),
)
