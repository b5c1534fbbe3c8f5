"""Run by Alembic: migrate over the connection that the store hands in."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    # SQLite can't alter a column; batch mode copies the table where a migration asks for it.
    render_as_batch=True,
    # The store begins real transactions on SQLite too, so a migration happens whole or not at all.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
