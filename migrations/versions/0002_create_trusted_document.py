"""Create the table of trusted documents.

Revision ID: 0002
"""

from alembic import op
from sqlalchemy import Column, DateTime, PrimaryKeyConstraint, Text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A table of its own that nothing else refers to."""
    op.create_table(
        "trusted_document",
        Column("id", Text(), nullable=False),
        Column("sha256", BYTEA(), nullable=False),
        Column("body", Text(), nullable=False),
        Column("operation_names", ARRAY(Text()), nullable=False),
        Column("imported_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", name="trusted_document_pkey"),
    )
    op.create_index("trusted_document_sha256_idx", "trusted_document", ["sha256"])
