"""Create the shop: catalogue, stock, carts, orders, payments and customers.

Revision ID: 0001
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TSVECTOR, UUID

MOMENT = DateTime(timezone=True)

revision = "0001"
down_revision = None


def upgrade() -> None:
    """One transaction, so a failure leaves nothing behind."""
    op.execute("CREATE SCHEMA accounts")
    op.execute("CREATE EXTENSION IF NOT EXISTS unaccent")
    # accents fold before stemming, in documents and queries alike; compiled into the product's own configuration
    # because a file dictionary of ours could not be installed on a managed server
    op.execute("CREATE TEXT SEARCH CONFIGURATION shop_en (COPY = pg_catalog.english)")
    op.execute(
        "ALTER TEXT SEARCH CONFIGURATION shop_en"
        " ALTER MAPPING FOR hword, hword_part, word WITH unaccent, pg_catalog.english_stem"
    )

    op.create_table(
        "customer",
        Column("id", UUID, nullable=False),
        Column("email", Text, nullable=False),
        Column("name", Text, nullable=True),
        Column("password_hash", Text, nullable=False),
        Column("created_at", MOMENT, nullable=False),
        PrimaryKeyConstraint("id", name=op.f("customer_pkey")),
        UniqueConstraint("email", name=op.f("customer_email_key")),
        schema="accounts",
    )
    op.create_table(
        "cart",
        Column("id", UUID, nullable=False),
        Column("version", Integer, nullable=False),
        Column("state", Text, nullable=False),
        Column("currency", Text, nullable=False),
        Column("email", Text, nullable=True),
        Column("note", Text, nullable=True),
        Column(
            "shipping_address",
            JSONB(
                none_as_null=True,
            ),
            nullable=True,
        ),
        Column(
            "billing_address",
            JSONB(
                none_as_null=True,
            ),
            nullable=True,
        ),
        Column("delivery_option_id", Integer, nullable=True),
        Column("created_at", MOMENT, nullable=False),
        Column("updated_at", MOMENT, nullable=False),
        Column("expires_at", MOMENT, nullable=False),
        CheckConstraint("state IN ('active', 'in_checkout', 'completed')", name=op.f("cart_state_known_check")),
        PrimaryKeyConstraint("id", name=op.f("cart_pkey")),
    )
    op.create_index(
        op.f("cart_expires_at_idx"), "cart", ["expires_at"], unique=False, postgresql_where=text("state = 'active'")
    )
    op.create_table(
        "category",
        Column("id", Integer, Identity(always=True), nullable=False),
        Column("parent_id", Integer, nullable=True),
        Column("slug", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("description", Text, server_default="", nullable=False),
        Column("path_names", ARRAY(Text), nullable=False),
        Column("path_ids", ARRAY(Integer), nullable=False),
        ForeignKeyConstraint(["parent_id"], ["category.id"], name=op.f("category_parent_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("category_pkey")),
        UniqueConstraint("path_names", name=op.f("category_path_names_key")),
        UniqueConstraint("slug", name=op.f("category_slug_key")),
    )
    op.create_index(op.f("category_parent_id_name_idx"), "category", ["parent_id", "name"], unique=False)
    op.create_table(
        "orders",
        Column("id", UUID, nullable=False),
        Column("number", Integer, Identity(always=True, start=100001), nullable=False),
        Column("cart_id", UUID, nullable=False),
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
        Column(
            "shipping_address",
            JSONB(
                none_as_null=True,
            ),
            nullable=True,
        ),
        Column(
            "billing_address",
            JSONB(
                none_as_null=True,
            ),
            nullable=True,
        ),
        Column("delivery_option_id", Integer, nullable=True),
        Column("delivery_name", Text, nullable=True),
        Column("delivery_days", Integer, nullable=True),
        Column("note", Text, nullable=True),
        Column("placed_at", MOMENT, nullable=False),
        CheckConstraint(
            "status IN ('pending', 'confirmed', 'canceled', 'completed')", name=op.f("orders_status_known_check")
        ),
        CheckConstraint("discount_minor >= 0 AND total_minor >= 0", name=op.f("orders_not_negative_check")),
        CheckConstraint(
            "total_minor = subtotal_minor - discount_minor + shipping_minor + tax_minor",
            name=op.f("orders_adds_up_check"),
        ),
        PrimaryKeyConstraint("id", name=op.f("orders_pkey")),
        UniqueConstraint("number", name=op.f("orders_number_key")),
    )
    op.create_index(
        "orders_one_per_cart_idx", "orders", ["cart_id"], unique=True, postgresql_where=text("status <> 'canceled'")
    )
    op.create_table(
        "payment_attempt",
        Column("id", UUID, nullable=False),
        Column("order_id", UUID, nullable=False),
        Column("cart_id", UUID, nullable=False),
        Column("idempotency_key", Text, nullable=False),
        Column("input_digest", BYTEA, nullable=False),
        Column("state", Text, nullable=False),
        Column("currency", Text, nullable=False),
        Column("amount_minor", BigInteger, nullable=False),
        Column("confirmation_token", Text, nullable=True),
        Column("payment_method_id", Text, nullable=True),
        Column("receipt_email", Text, nullable=False),
        Column("intent_id", Text, nullable=True),
        Column("client_secret", Text, nullable=True),
        Column("card_brand", Text, nullable=True),
        Column("card_last4", Text, nullable=True),
        Column("decline_code", Text, nullable=True),
        Column("failure_message", Text, nullable=True),
        Column("created_at", MOMENT, nullable=False),
        Column("updated_at", MOMENT, nullable=False),
        Column("expires_at", MOMENT, nullable=False),
        Column("check_at", MOMENT, nullable=True),
        CheckConstraint(
            "(check_at IS NULL) = (state IN ('succeeded', 'failed', 'canceled'))",
            name=op.f("payment_attempt_open_ones_are_checked_check"),
        ),
        CheckConstraint(
            "state IN ('pending', 'action_required', 'processing', 'succeeded', 'failed', 'canceled')",
            name=op.f("payment_attempt_state_known_check"),
        ),
        CheckConstraint("amount_minor >= 0", name=op.f("payment_attempt_amount_not_negative_check")),
        PrimaryKeyConstraint("id", name=op.f("payment_attempt_pkey")),
        UniqueConstraint("cart_id", "idempotency_key", name=op.f("payment_attempt_cart_id_idempotency_key_key")),
        UniqueConstraint("intent_id", name=op.f("payment_attempt_intent_id_key")),
    )
    op.create_index(
        op.f("payment_attempt_check_at_idx"),
        "payment_attempt",
        ["check_at"],
        unique=False,
        postgresql_where=text("check_at IS NOT NULL"),
    )
    op.create_index(
        "payment_attempt_one_live_idx",
        "payment_attempt",
        ["order_id"],
        unique=True,
        postgresql_where=text("state NOT IN ('failed', 'canceled')"),
    )
    op.create_index(op.f("payment_attempt_order_id_idx"), "payment_attempt", ["order_id"], unique=False)
    op.create_table(
        "order_event",
        Column("id", BigInteger, Identity(always=True), nullable=False),
        Column("order_id", UUID, nullable=False),
        Column("at", MOMENT, nullable=False),
        Column("kind", Text, nullable=False),
        Column("message", Text, nullable=False),
        ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("order_event_order_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("order_event_pkey")),
    )
    op.create_index(op.f("order_event_order_id_idx"), "order_event", ["order_id"], unique=False)
    op.create_table(
        "product",
        Column("id", Integer, Identity(always=True), nullable=False),
        Column("import_key", Text, nullable=False),
        Column("import_digest", BYTEA, nullable=False),
        Column("slug", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("description", Text, nullable=False),
        Column("brand", Text, nullable=True),
        Column("category_id", Integer, nullable=True),
        Column("tags", ARRAY(Text), nullable=False),
        Column("images", JSONB, nullable=False),
        Column("attributes", JSONB, nullable=False),
        Column("options", JSONB, nullable=False),
        Column("seo_title", Text, nullable=True),
        Column("seo_description", Text, nullable=True),
        Column("popularity", Integer, nullable=False),
        Column("created_at", MOMENT, nullable=False),
        Column("updated_at", MOMENT, nullable=False),
        ForeignKeyConstraint(["category_id"], ["category.id"], name=op.f("product_category_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("product_pkey")),
        UniqueConstraint("import_key", name=op.f("product_import_key_key")),
        UniqueConstraint("slug", name=op.f("product_slug_key")),
    )
    op.create_index(op.f("product_category_id_idx"), "product", ["category_id"], unique=False)
    op.create_table(
        "product_search",
        Column("product_id", Integer, autoincrement=False, nullable=False),
        Column("name_vector", TSVECTOR, nullable=False),
        Column("text_vector", TSVECTOR, nullable=False),
        Column("category_ids", ARRAY(Integer), nullable=False),
        Column("brand", Text, nullable=True),
        Column("sort_name", Text, nullable=False),
        Column("price_min_minor", BigInteger, nullable=False),
        Column("price_max_minor", BigInteger, nullable=False),
        Column("on_sale", Boolean, nullable=False),
        Column("popularity", Integer, nullable=False),
        Column("created_at", MOMENT, nullable=False),
        ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("product_search_product_id_fkey")),
        PrimaryKeyConstraint("product_id", name=op.f("product_search_pkey")),
    )
    op.create_index(op.f("product_search_brand_idx"), "product_search", ["brand"], unique=False)
    op.create_index(
        "product_search_category_ids_idx",
        "product_search",
        ["category_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index(
        op.f("product_search_created_at_product_id_idx"), "product_search", ["created_at", "product_id"], unique=False
    )
    op.create_index(
        "product_search_name_vector_idx",
        "product_search",
        ["name_vector"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index(
        op.f("product_search_popularity_product_id_idx"), "product_search", ["popularity", "product_id"], unique=False
    )
    op.create_index(
        op.f("product_search_price_min_minor_product_id_idx"),
        "product_search",
        ["price_min_minor", "product_id"],
        unique=False,
    )
    op.create_index(
        op.f("product_search_sort_name_product_id_idx"), "product_search", ["sort_name", "product_id"], unique=False
    )
    op.create_index(
        "product_search_text_vector_idx",
        "product_search",
        ["text_vector"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "variant",
        Column("id", Integer, Identity(always=True), nullable=False),
        Column("product_id", Integer, nullable=False),
        Column("sku", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("position", SmallInteger, nullable=False),
        Column("selected_options", JSONB, nullable=False),
        Column(
            "image",
            JSONB(
                none_as_null=True,
            ),
            nullable=True,
        ),
        Column("weight_grams", Integer, nullable=True),
        Column("requires_shipping", Boolean, nullable=False),
        Column("active", Boolean, server_default=text("true"), nullable=False),
        ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("variant_product_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("variant_pkey")),
        UniqueConstraint("sku", name=op.f("variant_sku_key")),
    )
    op.create_index(op.f("variant_product_id_position_idx"), "variant", ["product_id", "position"], unique=False)
    op.create_table(
        "cart_line",
        Column("id", UUID, nullable=False),
        Column("cart_id", UUID, nullable=False),
        Column("position", Integer, nullable=False),
        Column("variant_id", Integer, nullable=False),
        Column("quantity", Integer, nullable=False),
        Column("unit_price_when_added_minor", BigInteger, nullable=False),
        Column("attributes", JSONB, nullable=False),
        CheckConstraint("quantity > 0", name=op.f("cart_line_quantity_positive_check")),
        ForeignKeyConstraint(["cart_id"], ["cart.id"], name=op.f("cart_line_cart_id_fkey"), ondelete="CASCADE"),
        ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("cart_line_variant_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("cart_line_pkey")),
        UniqueConstraint("cart_id", "position", name=op.f("cart_line_cart_id_position_key")),
    )
    op.create_table(
        "order_line",
        Column("id", UUID, nullable=False),
        Column("order_id", UUID, nullable=False),
        Column("position", Integer, nullable=False),
        Column("variant_id", Integer, nullable=False),
        Column("product_name", Text, nullable=False),
        Column("variant_name", Text, nullable=False),
        Column("sku", Text, nullable=False),
        Column("quantity", Integer, nullable=False),
        Column("unit_price_minor", BigInteger, nullable=False),
        Column("discount_minor", BigInteger, nullable=False),
        Column("total_minor", BigInteger, nullable=False),
        Column("attributes", JSONB, nullable=False),
        CheckConstraint(
            "quantity > 0 AND total_minor = unit_price_minor * quantity - discount_minor",
            name=op.f("order_line_adds_up_check"),
        ),
        ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("order_line_order_id_fkey")),
        ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("order_line_variant_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("order_line_pkey")),
        UniqueConstraint("order_id", "position", name=op.f("order_line_order_id_position_key")),
    )
    op.create_table(
        "reservation",
        Column("order_id", UUID, nullable=False),
        Column("variant_id", Integer, nullable=False),
        Column("quantity", Integer, nullable=False),
        Column("state", Text, nullable=False),
        Column("created_at", MOMENT, nullable=False),
        Column("ended_at", MOMENT, nullable=True),
        CheckConstraint("state IN ('held', 'sold', 'released')", name=op.f("reservation_state_known_check")),
        CheckConstraint("quantity > 0", name=op.f("reservation_quantity_positive_check")),
        ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("reservation_variant_id_fkey")),
        PrimaryKeyConstraint("order_id", "variant_id", name=op.f("reservation_pkey")),
    )
    op.create_table(
        "stock",
        Column("variant_id", Integer, autoincrement=False, nullable=False),
        Column("policy", Text, nullable=False),
        Column("on_hand", Integer, nullable=False),
        Column("reserved", Integer, server_default="0", nullable=False),
        CheckConstraint("policy <> 'deny' OR reserved <= on_hand", name=op.f("stock_never_oversold_check")),
        CheckConstraint("policy IN ('deny', 'backorder', 'untracked')", name=op.f("stock_policy_known_check")),
        CheckConstraint("reserved >= 0", name=op.f("stock_reserved_not_negative_check")),
        ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("stock_variant_id_fkey")),
        PrimaryKeyConstraint("variant_id", name=op.f("stock_pkey")),
    )
    op.create_table(
        "variant_price",
        Column("variant_id", Integer, nullable=False),
        Column("currency", Text, nullable=False),
        Column("amount_minor", BigInteger, nullable=False),
        Column("compare_at_minor", BigInteger, nullable=True),
        CheckConstraint("amount_minor >= 0", name=op.f("variant_price_amount_not_negative_check")),
        ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("variant_price_variant_id_fkey")),
        PrimaryKeyConstraint("variant_id", "currency", name=op.f("variant_price_pkey")),
    )
