"""The database and the clock on the wall: transaction() is the only commit, now() the only time."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    delete,
    event,
    inspect,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from tracker.errors import Unavailable
from tracker.settings import MIGRATIONS

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
_BACK: ContextVar[timedelta] = ContextVar("back", default=timedelta(0))
LOCK_WAIT_S = 4
"""How long a write waits for another writer before it answers 503."""
FORGETS = 1000
"""How many rows one transaction forgets: pages write too, and a statement of seconds is given up, time and again."""
TOLD_EVERY_S = 60
_quiet_until: dict[str, float] = {}
AWAY = (OperationalError, PoolTimeout, PendingRollbackError, Unavailable)
"""What is raised while the database does not answer, or does not take what is written."""


class Base(DeclarativeBase):
    """Base of all tables; typed, with names for every constraint so that migrations can find them."""

    metadata = MetaData(naming_convention=NAMING)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, to the microsecond, on both databases (SQLite keeps no zone: we add it when reading)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware: give it a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
Notice = tuple[str, Any]
"""What an after-commit listener is told: a topic and its subject, such as ("event", ref) or ("embed", eid)."""


def now() -> datetime:
    """Return the present, aware, UTC."""
    return datetime.now(UTC) - _BACK.get()


@contextmanager
def as_of(moment: datetime) -> Iterator[None]:
    """Let now() be `moment` and run on from there, in this context: how a demo gets a past, never a served request."""
    token = _BACK.set(datetime.now(UTC) - moment)
    try:
        yield
    finally:
        _BACK.reset(token)


def session() -> Session:
    """Return this context's session."""
    return db.session()


@contextmanager
def transaction() -> Iterator[Session]:
    """Run one unit of work: all of it commits, or none. Nests by joining the outer one.

    Raises Unavailable when the database does not answer in LOCK_WAIT_S seconds; nothing is written then, but what was
    cut off in its commit may be (0124).
    SQLite has one writer: we queue for it in Python, because its own lock is unfair.
    """
    one = session()
    if one.info.get("in_transaction"):
        yield one
        return
    if one.new or one.dirty or one.deleted:
        raise RuntimeError("changes belong inside transaction()")
    one.commit()  # ends the read that came before, keeps what it loaded
    one.info.update(in_transaction=True, notices=[])
    lock = _writer_lock()
    try:
        if lock and not lock.acquire(timeout=LOCK_WAIT_S):
            raise Unavailable()
        try:
            if lock:
                one.execute(text("BEGIN IMMEDIATE"))
            yield one
            one.flush()
            one.commit()
        except BaseException:
            one.rollback()
            raise
        finally:
            if lock:
                lock.release()
        notices = one.info["notices"]
    except (OperationalError, PoolTimeout, PendingRollbackError) as error:
        current_app.logger.warning("database unavailable: %s", reason(error))
        raise Unavailable() from error
    finally:
        one.info.update(in_transaction=False, notices=[])
    _tell(notices)


def inserting(table: type[Base]) -> Any:
    """Return an INSERT that can say ON CONFLICT, as each of the databases spells it."""
    dialect: Any = postgresql if session().get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def forget(table: type[Base], old: ColumnElement[bool]) -> int:
    """Delete old rows, FORGETS at once, in a transaction of their own, not begun for none; return 1 when some went.

    For due work of the outbox worker: where there is one writer at a time, looking must not be writing.
    """
    if session().execute(select(literal(1)).select_from(table).where(old).limit(1)).first() is None:
        return 0
    key = inspect(table).primary_key
    some = tuple_(*key).in_(select(*key).where(old).limit(FORGETS).correlate(None))
    with transaction() as writing:
        writing.execute(delete(table).where(old, some))  # old still: what was renewed meanwhile stays
    return 1


def notice(topic: str, subject: Any) -> None:
    """Remember to tell the after-commit listeners; outside a transaction that is a mistake."""
    found = session().info
    if not found.get("in_transaction"):
        raise RuntimeError("notice() belongs inside transaction()")
    if (topic, subject) not in found["notices"]:
        found["notices"].append((topic, subject))


def after_commit(app: Flask, listener: Callable[[str, Any], None]) -> None:
    """Register a listener (topic, subject); only the composition root does this."""
    app.extensions.setdefault("tracker_listeners", []).append(listener)


def let_go() -> None:
    """End what this context's session reads; one whose connection broke may be used again then."""
    if db.session.registry.has():
        one = db.session()
        try:
            one.rollback()
        except DBAPIError:
            one.invalidate()


def reason(error: BaseException) -> str:
    """Return what a database said, as one line without the query and its parameters."""
    found = error.__cause__ if isinstance(error, Unavailable) and error.__cause__ else error
    return (str(getattr(found, "orig", None) or found).splitlines() or [type(found).__name__])[0]


def complain(logger: logging.Logger, words: str, *of: object) -> None:
    """Write down the error that is being handled: a database that is away in a line, a fault of ours with its trace.

    For loops that survive it: the database may be away for a night, and each kind of line then comes once a minute.
    """
    error = sys.exc_info()[1]
    if isinstance(error, AWAY):
        if time.monotonic() >= _quiet_until.get(words, 0):
            logger.warning("%s: the database is away: %s", words % of, reason(error))
            _quiet_until[words] = time.monotonic() + TOLD_EVERY_S
    else:
        logger.exception(words, *of)


def schema() -> Literal["current", "older", "newer"]:
    """Say how the tables stand to this code: older ones must be migrated, newer ones serve, for migrations only add."""
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    known = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(session().connection()).get_current_revision()
    if found == known.get_current_head():
        return "current"
    return "older" if found in {None, *(one.revision for one in known.walk_revisions())} else "newer"


def init_app(app: Flask, url: str) -> None:
    """Bind the database to an application and tune it."""
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(url)
    db.init_app(app)
    app.teardown_appcontext(lambda _error: let_go())  # before the library's own: a broken connection made it a 500
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            app.extensions["tracker_writer_lock"] = threading.Lock()
            _tune_sqlite(db.engine)
        else:
            from tracker import postgres

            postgres.tune(db.engine)


def _engine_options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = {"pool_size": 24, "max_overflow": 8, "pool_timeout": LOCK_WAIT_S}
    options["hide_parameters"] = True  # or an error that is logged carries names and addresses
    if url.startswith("postgresql"):
        from tracker import postgres  # its driver is not everybody's

        return options | postgres.options()
    return options | {"connect_args": {"timeout": LOCK_WAIT_S, "check_same_thread": False}}


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, or reads would take part in write locks
        cursor = connection.cursor()
        for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={LOCK_WAIT_S * 1000}"):
            cursor.execute(f"PRAGMA {line}")
        cursor.close()


def _writer_lock() -> Any:
    return current_app.extensions.get("tracker_writer_lock")


def _tell(notices: list[Notice]) -> None:
    for listener in current_app.extensions.get("tracker_listeners", ()):
        for topic, subject in notices:
            try:
                listener(topic, subject)
            except Exception:  # the write is durable: a listener that fails must not make it look lost
                current_app.logger.exception("after-commit listener failed on %s", topic)
