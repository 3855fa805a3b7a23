"""Alembic's entry: runs the migrations on the connection that `runtime.store.migrating` gives."""

from alembic import context

from runtime.store.session_tables import SESSIONS

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SESSIONS.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
