"""Alembic's entry: one connection as owner, every migration in its transaction."""

from alembic import context
from sqlalchemy import create_engine, pool, text

url = context.config.get_main_option("sqlalchemy.url")
engine = create_engine(url or "", poolclass=pool.NullPool)

with engine.connect() as connection:
    # A migration that cannot get its lock gives up rather than queue everyone.
    connection.execute(text("set lock_timeout = '5s'"))
    connection.commit()
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
