"""The tables of accounts, in a schema of their own: no foreign key leads in or out, so that they can move out.

What a stranger could use is not kept as it was given: passwords as Argon2id hashes, tokens as digests, private keys and
second factors sealed with the shop's secret. See ADR-0031 and ADR-0032.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Identity, Index, Table, Text, text, true
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, UUID

from app.database.metadata import metadata, moment

SCHEMA = "accounts"

customer = Table(
    "customer",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("email", Text, nullable=False, unique=True),  # case folded
    Column("name", Text),
    Column("password_hash", Text, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("role", Text, nullable=False, server_default="customer"),
    Column("email_verified_at", moment),
    Column("disabled_at", moment),
    Column("sealed_totp", BYTEA),
    Column("totp_step", BigInteger),  # the last time step whose code was taken: a code works once
    CheckConstraint("role IN ('customer', 'staff')", name="role_known"),
    CheckConstraint("(role = 'staff') = (sealed_totp IS NOT NULL)", name="staff_have_a_second_factor"),
    Index("customer_staff_idx", "email", postgresql_where=text("role = 'staff'")),
    schema=SCHEMA,
)

session = Table(
    "session",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("customer_id", UUID(as_uuid=True), nullable=False),  # of no account any more, for a while
    Column("created_at", moment, nullable=False),
    Column("last_used_at", moment, nullable=False),
    Column("expires_at", moment, nullable=False),
    Column("ended_at", moment),
    Column("user_agent", Text),
    Column("address", Text, nullable=False),
    Column("refresh_digest", BYTEA, nullable=False),  # of the token that may be used next
    Column("spent", JSONB, nullable=False),  # the tokens of the last seconds, by digest, with what took their place
    Index(None, "customer_id", "created_at"),
    Index(None, "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    Index(None, "expires_at"),
    schema=SCHEMA,
)

sign_in_try = Table(
    "sign_in_try",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("account", BYTEA, nullable=False),  # a digest of what was typed, whether or not it is an account's
    Column("address", Text, nullable=False),
    Column("is_known", Boolean, nullable=False),  # whether the account has signed in from that address before
    Column("at", moment, nullable=False),
    Index(None, "account", "at"),
    Index(None, "address", "at"),
    Index(None, "at"),
    schema=SCHEMA,
)

email_request = Table(  # what somebody asked for who has to show first that the address is theirs
    "email_request",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("email", Text, nullable=False),  # case folded
    Column("name", Text),
    Column("password_hash", Text),
    Column("language", Text, nullable=False),
    Column("asked_at", moment, nullable=False),
    Column("address", Text, nullable=False),
    Column("token_digest", BYTEA, unique=True),  # null until the e-mail is posted
    Column("expires_at", moment),
    CheckConstraint("kind IN ('registration', 'reset')", name="kind_known"),
    CheckConstraint("(kind = 'registration') = (password_hash IS NOT NULL)", name="registration_has_a_password"),
    CheckConstraint("(token_digest IS NULL) = (expires_at IS NULL)", name="token_whole"),
    Index(None, "email"),
    Index(None, "address", "asked_at"),
    Index(None, "expires_at"),
    schema=SCHEMA,
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("public_key", BYTEA, nullable=False),
    Column("sealed_key", BYTEA, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("signs_from", moment, nullable=False),
    Column("verifies_until", moment),  # null for the newest
    schema=SCHEMA,
)

audit_entry = Table(  # append-only: a trigger of the migration refuses everything else
    "audit_entry",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", moment, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("digest", BYTEA, nullable=False),  # over all of this and the entry before
    Index(None, "subject", "seq"),
    schema=SCHEMA,
)

audit_head = Table(  # one row: how many entries there are, and the last one's digest
    "audit_head",
    metadata,
    Column("id", Boolean, primary_key=True, server_default=true()),
    Column("seq", BigInteger, nullable=False),
    Column("digest", BYTEA, nullable=False),
    CheckConstraint("id", name="one_row"),
    schema=SCHEMA,
)
