"""Tables of states: which transitions there are, and which took place.

Triggers on the tables whose rows have a life write `state_change`; its foreign key to `state_edge` makes a transition
that is not drawn there an error, whoever attempts it. See ADR-0025.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Identity, Index, Table, Text

from app.database.metadata import metadata, moment

state_edge = Table(
    "state_edge",
    metadata,
    Column("machine", Text, primary_key=True),
    Column("before", Text, primary_key=True),  # empty before the first state
    Column("after", Text, primary_key=True),
)

state_change = Table(
    "state_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", moment, nullable=False),
    Column("machine", Text, nullable=False),
    Column("subject", Text, nullable=False),  # the row's key; "order/variant" of a reservation
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    ForeignKeyConstraint(
        ["machine", "before", "after"], ["state_edge.machine", "state_edge.before", "state_edge.after"]
    ),
    Index(None, "subject", "machine"),
)
