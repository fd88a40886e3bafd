"""How migrations run: on the application's own engine, in one transaction, on SQLite and PostgreSQL alike."""

from alembic import context
from flask import current_app

from tracker.store import Moment, db


def render_item(kind, item, _autogen):
    """Write our time type as the plain one it is stored as, so that old migrations need no code of ours."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Moment) else False


def run() -> None:
    options = current_app.extensions["migrate"].configure_args
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            transactional_ddl=True,
            **options,
        )
        if connection.dialect.name == "postgresql":
            from tracker import postgres  # its driver is not everybody's

            postgres.migrating_alone(connection)
        else:  # its driver begins nothing by itself, and a migration cut short must leave nothing behind
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
