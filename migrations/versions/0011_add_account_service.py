"""Add what accounts need to be a service: roles, sessions, signing keys, e-mailed links, tries, the audit log.

Revision ID: 0011
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy import DateTime as Moment
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, UUID

revision = "0011"
down_revision = "0010"

SCHEMA = "accounts"


def upgrade() -> None:
    """One transaction. Accounts that there are were made by the shop itself: their addresses count as verified."""
    _extend_customers()
    _create_sessions()
    _create_requests()
    _create_keys()
    _create_audit_log()


def _extend_customers() -> None:
    op.add_column("customer", Column("role", Text, server_default="customer", nullable=False), schema=SCHEMA)
    op.add_column("customer", Column("email_verified_at", Moment(timezone=True)), schema=SCHEMA)
    op.add_column("customer", Column("disabled_at", Moment(timezone=True)), schema=SCHEMA)
    op.add_column("customer", Column("sealed_totp", BYTEA), schema=SCHEMA)
    op.add_column("customer", Column("totp_step", BigInteger), schema=SCHEMA)
    op.execute("UPDATE accounts.customer SET email_verified_at = created_at")
    op.create_check_constraint(
        op.f("customer_role_known_check"), "customer", "role IN ('customer', 'staff')", schema=SCHEMA
    )
    op.create_check_constraint(
        op.f("customer_staff_have_a_second_factor_check"),
        "customer",
        "(role = 'staff') = (sealed_totp IS NOT NULL)",
        schema=SCHEMA,
    )
    op.create_index("customer_staff_idx", "customer", ["email"], schema=SCHEMA, postgresql_where=text("role = 'staff'"))


def _create_sessions() -> None:
    op.create_table(
        "session",
        Column("id", UUID, nullable=False),
        Column("customer_id", UUID, nullable=False),
        Column("created_at", Moment(timezone=True), nullable=False),
        Column("last_used_at", Moment(timezone=True), nullable=False),
        Column("expires_at", Moment(timezone=True), nullable=False),
        Column("ended_at", Moment(timezone=True)),
        Column("user_agent", Text),
        Column("address", Text, nullable=False),
        Column("refresh_digest", BYTEA, nullable=False),
        Column("spent", JSONB, nullable=False),
        PrimaryKeyConstraint("id", name=op.f("session_pkey")),
        schema=SCHEMA,
    )
    op.create_index(op.f("session_customer_id_created_at_idx"), "session", ["customer_id", "created_at"], schema=SCHEMA)
    op.create_index(
        op.f("session_ended_at_idx"),
        "session",
        ["ended_at"],
        schema=SCHEMA,
        postgresql_where=text("ended_at IS NOT NULL"),
    )
    op.create_index(op.f("session_expires_at_idx"), "session", ["expires_at"], schema=SCHEMA)
    op.create_table(
        "sign_in_try",
        Column("id", BigInteger, Identity(always=True), nullable=False),
        Column("account", BYTEA, nullable=False),
        Column("address", Text, nullable=False),
        Column("is_known", Boolean, nullable=False),
        Column("at", Moment(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", name=op.f("sign_in_try_pkey")),
        schema=SCHEMA,
    )
    for columns in (["account", "at"], ["address", "at"], ["at"]):
        op.create_index(op.f(f"sign_in_try_{'_'.join(columns)}_idx"), "sign_in_try", columns, schema=SCHEMA)


def _create_requests() -> None:
    op.create_table(
        "email_request",
        Column("id", UUID, nullable=False),
        Column("kind", Text, nullable=False),
        Column("email", Text, nullable=False),
        Column("name", Text),
        Column("password_hash", Text),
        Column("language", Text, nullable=False),
        Column("asked_at", Moment(timezone=True), nullable=False),
        Column("address", Text, nullable=False),
        Column("token_digest", BYTEA),
        Column("expires_at", Moment(timezone=True)),
        CheckConstraint("kind IN ('registration', 'reset')", name=op.f("email_request_kind_known_check")),
        CheckConstraint(
            "(kind = 'registration') = (password_hash IS NOT NULL)",
            name=op.f("email_request_registration_has_a_password_check"),
        ),
        CheckConstraint("(token_digest IS NULL) = (expires_at IS NULL)", name=op.f("email_request_token_whole_check")),
        PrimaryKeyConstraint("id", name=op.f("email_request_pkey")),
        UniqueConstraint("token_digest", name=op.f("email_request_token_digest_key")),
        schema=SCHEMA,
    )
    op.create_index(op.f("email_request_address_asked_at_idx"), "email_request", ["address", "asked_at"], schema=SCHEMA)
    op.create_index(op.f("email_request_email_idx"), "email_request", ["email"], schema=SCHEMA)
    op.create_index(op.f("email_request_expires_at_idx"), "email_request", ["expires_at"], schema=SCHEMA)


def _create_keys() -> None:
    op.create_table(
        "signing_key",
        Column("kid", Text, nullable=False),
        Column("public_key", BYTEA, nullable=False),
        Column("sealed_key", BYTEA, nullable=False),
        Column("created_at", Moment(timezone=True), nullable=False),
        Column("signs_from", Moment(timezone=True), nullable=False),
        Column("verifies_until", Moment(timezone=True)),
        PrimaryKeyConstraint("kid", name=op.f("signing_key_pkey")),
        schema=SCHEMA,
    )


def _create_audit_log() -> None:
    op.create_table(
        "audit_entry",
        Column("seq", BigInteger, autoincrement=False, nullable=False),
        Column("at", Moment(timezone=True), nullable=False),
        Column("action", Text, nullable=False),
        Column("actor", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("address", Text, nullable=False),
        Column("facts", JSONB, nullable=False),
        Column("digest", BYTEA, nullable=False),
        PrimaryKeyConstraint("seq", name=op.f("audit_entry_pkey")),
        schema=SCHEMA,
    )
    op.create_index(op.f("audit_entry_subject_seq_idx"), "audit_entry", ["subject", "seq"], schema=SCHEMA)
    op.create_table(
        "audit_head",
        Column("id", Boolean, server_default=true(), nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("digest", BYTEA, nullable=False),
        CheckConstraint("id", name=op.f("audit_head_one_row_check")),
        PrimaryKeyConstraint("id", name=op.f("audit_head_pkey")),
        schema=SCHEMA,
    )
    op.execute("INSERT INTO accounts.audit_head (seq, digest) VALUES (0, '')")
    op.execute(
        """
        CREATE FUNCTION accounts.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit log is only ever added to';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts.audit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION accounts.refuse_change()
        """
    )
