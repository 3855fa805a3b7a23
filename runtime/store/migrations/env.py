"""Alembic's entry: runs the migrations on the connection that `runtime.store.migrating` gives."""

from alembic import context

from runtime.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite changes a table by copying it
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
