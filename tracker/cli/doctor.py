"""`flask tracker doctor`: what is wrong with this installation, and what to do about it."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Literal

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import exists, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tracker import arrivals, deliveries, desks, disclosure, health, limits, people, seed, settings, store
from tracker.errors import Unavailable
from tracker.models import Event, Fact, Person, Ticket
from tracker.store import reason

State = Literal["ok", "warn", "bad"]
Finding = tuple[State, str]
MARKS = {"ok": "ok  ", "warn": "note", "bad": "BAD "}
IDLE_AFTER = timedelta(minutes=1)
ROOM_NEEDED = 200 << 20
"""Bytes: for what is written while somebody makes room."""
A_MEGABYTE = (
    "CREATE TEMP TABLE doctor ON COMMIT DROP AS SELECT repeat(md5(n::text), 32) FROM generate_series(1, 1000) AS n"
)
SCHEMAS: dict[str, Finding] = {
    "current": ("ok", "migrations: at head"),
    "older": ("bad", "migrations: not at head; run `flask tracker init`"),
    "newer": ("warn", "migrations: of a later version than this code; upgrade this instance too"),
}
CURES = {
    "full": "make room on the disk",
    "No space left": "make room on the database server's disk",
    "readonly": "let the service's user write to the file and its folder",
    "read-only": "this server is a standby or set to be read only; connect to the one that may be written to",
    "locked": "another program holds the file; end it",
}
"""What to do, by what a database says."""
CLOCKS_APART = timedelta(seconds=5)


@click.command()
@with_appcontext
def doctor() -> None:
    """Check settings, database, migrations, outbox, mail, clock and people. Exit code 1 when something is bad."""
    found = [*_settings(), *_database()]
    if all(state != "bad" for state, _ in found):
        for check in (_writing, _key, _history, _clock, _outbox, _mail_in, _people):
            found += check()
    for check in (_channels, _redis):
        found += check()
    for state, words in found:
        click.echo(f"{MARKS[state]}  {words}")
    worst = sum(state == "bad" for state, _ in found)
    if worst:
        raise click.ClickException(f"{worst} of {len(found)} checks need you.")


def _settings() -> Iterator[Finding]:
    chosen = settings.current()
    serious: State = "bad" if chosen.mode == "production" else "warn"
    yield "ok", f"mode: {chosen.mode}"
    if chosen.mode == "development":
        yield "warn", "development shows outgoing mail to everybody; for the world set TRACKER_MODE=production"
    if not chosen.secret_key:
        yield "warn", f"secret key: kept in {chosen.data_dir}; for the world set TRACKER_SECRET_KEY and back it up"
    elif len(chosen.secret_key) < 32:
        yield "warn", "secret key: short; set TRACKER_SECRET_KEY to at least 32 random characters"
    else:
        yield "ok", "secret key: set"
    if chosen.https:
        yield "ok", f"address: {chosen.public_url}"
    else:
        yield serious, f"address: {chosen.public_url} is not https; cookies and words travel unprotected"


def _database() -> Iterator[Finding]:
    session = store.session()
    try:
        session.execute(text("SELECT 1"))
        dialect = session.get_bind().dialect.name
        yield "ok", f"database: {dialect} answers"
        if dialect == "sqlite":
            checked = session.execute(text("PRAGMA quick_check(1)")).scalar()
            if checked != "ok":
                yield "bad", f"database: damaged ({checked}); restore the last backup"
        yield SCHEMAS[store.schema()]
    except (DBAPIError, PoolTimeout) as error:
        yield "bad", f"database: does not answer ({reason(error)}); check TRACKER_DATABASE_URL or TRACKER_DATA_DIR"


def _writing() -> Iterator[Finding]:
    try:
        with store.transaction() as session:
            session.merge(Fact(name="doctor", value=store.now().isoformat()))
            if session.get_bind().dialect.name == "postgresql":  # a row may fit where a ticket does not
                session.execute(text(A_MEGABYTE))
        yield "ok", "database: takes what is written"
    except Unavailable as error:
        yield "bad", f"database: can be read but takes nothing new ({reason(error)}); {_cure(reason(error))}"
    folder = settings.current().data_dir
    if not os.access(folder, os.W_OK):
        yield "bad", f"data folder: {folder} is not there, or not ours to write; set TRACKER_DATA_DIR"
    elif (free := shutil.disk_usage(folder).free) < ROOM_NEEDED:
        yield "bad", f"data folder: {free >> 20:,} MB left on its disk; make room"


def _cure(words: str) -> str:
    for sign, cure in CURES.items():
        if sign in words:
            return cure
    return "look into the database's own log"


def _key() -> Iterator[Finding]:
    if not seed.key_fits():
        yield "bad", "secret key: not the one from before: sign-ins, mailed links and reply addresses of then are dead"
        yield "warn", "secret key: set the old one again, or, lost for good, run `flask tracker restored --key-lost`"


def _history() -> Iterator[Finding]:
    if disclosure.epoch() == "0":
        yield "bad", "epoch: none; run `flask tracker init`"
    gap = select(Ticket.ref).where(
        Ticket.last_seq != select(func.count()).where(Event.ticket_id == Ticket.id).scalar_subquery()
    )
    broken = store.session().scalars(gap.limit(5)).all()
    if broken:
        yield "bad", f"timelines: entries are missing or too many on {', '.join(broken)}; restore the last backup"
    else:
        yield "ok", "timelines: numbered without gaps"


def _clock() -> Iterator[Finding]:
    session, now = store.session(), store.now()
    newest = session.scalar(select(func.max(Event.recorded_at)))
    if newest and newest > now + CLOCKS_APART:
        yield "bad", f"clock: entries were recorded at {newest:%Y-%m-%d %H:%M:%S} UTC, later than now; set the clock"
    elif session.get_bind().dialect.name == "postgresql":
        apart = abs(session.execute(text("SELECT clock_timestamp()")).scalar_one() - store.now())
        late = apart > CLOCKS_APART
        yield ("bad" if late else "ok"), f"clock: {apart.total_seconds():.1f} s from the database server's"
    else:
        yield "ok", f"clock: {now:%Y-%m-%d %H:%M:%S} UTC"


def _outbox() -> Iterator[Finding]:
    late, totals, sent = health.late_by(), deliveries.totals(), deliveries.last_sent()
    waiting, since = f"{totals.get('waiting', 0):,} waiting", f"since {store.now() - late:%Y-%m-%d %H:%M} UTC"
    if late > health.LATE_AFTER and sent and store.now() - sent < IDLE_AFTER:
        yield "warn", f"outbox: {waiting}, the first {since}; a large mailing is on its way"
    elif late > health.LATE_AFTER:
        yield "bad", f"outbox: late {since}; is the web process, or `flask tracker outbox run`, up?"
    else:
        yield "ok", f"outbox: {waiting}, {totals.get('sent', 0):,} sent"
    if dead := totals.get("dead"):
        yield "warn", f"outbox: {dead:,} given up; see `flask tracker outbox list --state dead`, then `outbox retry`"


def _mail_in() -> Iterator[Finding]:
    if dead := arrivals.totals().get("dead"):
        yield "warn", f"mail in: {dead:,} mails could not be taken; see `flask tracker mail-in list --state dead`"


def _people() -> Iterator[Finding]:
    if not any(one.role == "admin" for one in people.everyone()):
        yield "warn", "people: no admin; make one with `flask tracker agent admin EMAIL`"
    for desk in desks.everyone():
        if not people.of_desk(desk):
            yield (
                "warn",
                f"people: nobody at {desk.name}; add one: flask tracker agent add NAME EMAIL --desk {desk.slug}",
            )
    is_gone = exists().where(Person.id == Ticket.assignee_id, Person.active.is_(False))
    query = select(func.count()).where(Ticket.is_open, is_gone)
    if stranded := store.session().scalar(query):
        yield "bad", f"people: {stranded} open tickets belong to somebody who left; reassign them"


def _channels() -> Iterator[Finding]:
    checks: dict[str, Callable[[], str]] = current_app.extensions["tracker_outbox"].check
    for name, check in checks.items():
        problem = check()
        yield ("bad" if problem else "ok"), f"{name}: {problem or 'ready'}"


def _redis() -> Iterator[Finding]:
    where = limits.where()
    yield ("warn" if "away" in where else "ok"), f"limits are counted by: {where}"
