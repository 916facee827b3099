"""Alembic's entry: runs the migrations on the connection that `app.database.migrate` hands over."""

from alembic import context

from app.database.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_schemas=True,
    transaction_per_migration=False,
)
context.run_migrations()
