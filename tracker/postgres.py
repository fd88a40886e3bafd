"""Patience with PostgreSQL: how long we wait for a server that is slow, frozen, cut off or may only be read."""

from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.errors import ReadOnlySqlTransaction, _WaitTimeout
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError, OperationalError

Found = TypeVar("Found")
STATEMENT_S = 3.5
"""How long the server itself works on one statement, or waits for a lock, before it gives up."""
SILENCE_S = STATEMENT_S + 0.5
"""How long we wait for its answer. A server that was stopped or cut off keeps its connections and says nothing."""
MIGRATIONS = 7016
"""The number of the lock that says: somebody migrates."""
DIGESTS = 7017
"""The number of the lock that says: somebody claims what leaves together."""
GREETING_S = 2
"""How long we wait for it to let us in, or to say that a connection from before still works."""


class Patient(psycopg.Connection[Any]):
    """A connection that is given up when the server says nothing for `silence_s`; None: never (migrations)."""

    silence_s: float | None = SILENCE_S

    def wait(self, gen: Generator[Any, Any, Found], interval: float = 0.1, timeout: float | None = None) -> Found:
        try:
            return super().wait(gen, interval, timeout or self.silence_s)
        except _WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server says nothing") from None


def options() -> dict[str, Any]:
    """Return what create_engine() is told about PostgreSQL."""
    limits = " ".join(f"-c {name}_timeout={STATEMENT_S * 1000:.0f}" for name in ("statement", "lock"))
    return {"connect_args": {"connect_timeout": GREETING_S, "options": limits}}


def tune(engine: Engine) -> None:
    """Give an engine patient connections, each asked before it is used again whether it still works."""

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, args: Any, given: Any) -> Any:
        return Patient.connect(*args, **given)

    @event.listens_for(engine, "checkout")
    def _greet(connection: Any, _record: Any, _proxy: Any) -> None:
        try:
            _ping(connection)
        except psycopg.Error as error:
            raise InvalidatePoolError() from error  # all the others are as old, or older

    @event.listens_for(engine, "handle_error")
    def _say(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, ReadOnlySqlTransaction):  # a standby, or a disk nearly full
            raise OperationalError(context.statement, None, context.original_exception, hide_parameters=True)


def migrating_alone(connection: Connection) -> None:
    """Wait until no other instance migrates, then take as long as a large house needs.

    Only locks of tables are still waited for in vain: behind us others would queue for them.
    """
    patient: Any = connection.connection.driver_connection
    patient.silence_s = None
    for line in ("SET statement_timeout = 0", "SET lock_timeout = 0", f"SELECT pg_advisory_lock({MIGRATIONS})"):
        connection.exec_driver_sql(line)
    connection.exec_driver_sql("RESET lock_timeout")


def _ping(connection: Patient) -> None:
    connection.silence_s = GREETING_S
    connection.autocommit = True  # or asking would begin a transaction
    connection.execute("")
    connection.autocommit = False
    connection.silence_s = SILENCE_S
