"""A database that is full, read only, of another version, or away: what works still works, and the rest is said."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from time_machine import Traveller

from tests import houses, make
from tests.houses import Visitor
from tests.servers.ground import wait_until
from tests.servers.redis import Redis
from tracker import outbox, store


def say(app: Flask, *words: str) -> str:
    return app.test_cli_runner().invoke(args=["tracker", *words]).output


def ready(app: Flask) -> tuple[int, dict[str, Any]]:
    answer = app.test_client().get("/readyz")
    return answer.status_code, answer.get_json()


@contextmanager
def limited(pragma: str) -> Iterator[None]:
    """Let every connection of SQLite from now on have a limit, and those that are open go."""

    def limit(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(store.db.engine, "connect", limit)
    store.db.session.remove()
    store.db.engine.dispose()
    yield
    event.remove(store.db.engine, "connect", limit)
    store.db.session.remove()
    store.db.engine.dispose()


@pytest.mark.parametrize("limit", ["max_page_count = 1", "query_only = ON"])
def test_where_nothing_can_be_written_everything_is_read_nothing_is_half_written_and_it_heals(
    sqlite_template: Path, tmp_path: Path, limit: str
) -> None:
    with houses.opened(houses.copied(sqlite_template, tmp_path), tmp_path) as app:
        ticket = make.ticket()
        visitor = app.test_client()
        make.own(visitor, ticket)
        posts = 0
        with limited(limit):
            answer = visitor.get(f"/t/{ticket.ref}")
            while answer.status_code != 503:  # what still fits is taken
                posts += answer.status_code == 303
                answer = visitor.post(f"/t/{ticket.ref}/say/reply", data={"text": "It drips. " * 900})
            assert answer.headers["Retry-After"] == "5"
            assert visitor.get(f"/t/{ticket.ref}").status_code == 200
            assert ready(app)[0] == 200, "who reads is not sent away"
        assert make.kinds_of(store.session().merge(ticket)).count("reply") == posts
        assert visitor.post(f"/t/{ticket.ref}/say/reply", data={"text": "It drips"}).status_code == 303


def test_the_doctor_names_a_database_that_takes_nothing(sqlite_template: Path, tmp_path: Path) -> None:
    with houses.opened(houses.copied(sqlite_template, tmp_path), tmp_path) as app:
        assert "takes what is written" in say(app, "doctor")
        with limited("query_only = ON"):
            said = say(app, "doctor")
    assert "takes nothing new" in said
    assert "let the service's user write" in said


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_may_only_be_read_is_read_and_named(database_url: str, tmp_path: Path) -> None:
    with houses.opened(database_url, tmp_path) as app:
        ticket = make.ticket(visibility="public")
        visitor = app.test_client()
        make.own(visitor, ticket)
        name = store.db.engine.url.database
        with store.transaction() as session:
            session.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        store.db.session.remove()
        store.db.engine.dispose()
        assert visitor.post(f"/t/{ticket.ref}/say/reply", data={"text": "It drips"}).status_code == 503
        assert visitor.get(f"/t/{ticket.ref}").status_code == 200
        assert "connect to the one that may be written to" in say(app, "doctor")


def test_after_an_upgrade_of_the_database_the_version_before_serves_and_starts_again(house: Flask) -> None:
    make.ticket()
    with store.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    status, told = ready(house)
    assert (status, told["ready"]) == (200, True)
    assert "later version" in told["migrations"]
    again = house.test_cli_runner().invoke(args=["tracker", "init"])
    assert again.exit_code == 0
    assert "later version" in again.output
    assert "upgrade this instance too" in say(house, "doctor")


def test_a_database_before_its_upgrade_is_not_ready(house: Flask) -> None:
    with store.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    status, told = ready(house)
    assert (status, told["ready"]) == (503, False)
    assert "flask tracker init" in told["migrations"]


def test_late_mail_takes_no_page_away(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(timedelta(hours=1))
    status, told = ready(house)
    assert (status, told["ready"]) == (200, True)
    assert told["outbox"].startswith("late since")
    assert "outbox run" in say(house, "doctor")
    make.deliver()
    make.post(ticket, "update")
    assert ready(house)[1]["outbox"] == "moving"


def test_a_promise_that_nobody_records_as_missed_shows_that_the_worker_stands_still(
    house: Flask, travel: Traveller
) -> None:
    ticket = make.ticket()
    make.deliver()
    travel.move_to(ticket.due_at + timedelta(minutes=10))
    assert ready(house)[1]["outbox"].startswith("late since")
    make.deliver()
    assert ready(house)[1]["outbox"] == "moving"


def test_a_large_mailing_on_its_way_is_no_fault(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "update")
    travel.shift(timedelta(hours=1))
    make.deliver()
    with store.transaction() as session:
        waits = text(
            "UPDATE deliveries SET state = 'waiting', attempts = 0, sent_at = NULL, next_at = :at WHERE id = 1"
        )
        session.execute(waits, {"at": (store.now() - timedelta(minutes=30)).replace(tzinfo=None)})
    said = say(house, "doctor")
    assert "a large mailing is on its way" in said
    assert "BAD   outbox" not in said


def test_an_outbox_without_its_database_says_so_once_and_when_it_works_again(
    house: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    stop, rounds = threading.Event(), iter([True, True, True, False])

    def once() -> int:
        away = next(rounds)
        if not away:
            stop.set()
            return 0
        raise OperationalError("select", {}, Exception("no route to host"))

    stop.wait = lambda _seconds=None: stop.is_set()  # type: ignore[method-assign,assignment]
    with caplog.at_level(logging.WARNING):
        outbox._work(house, stop, stop, once)
    told = [record.getMessage() for record in caplog.records]
    assert told == ["outbox: waits for the database: no route to host", "outbox: works again"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # where a table that is missing is "away"
def test_a_page_that_can_not_be_read_leaves_a_line_that_says_why(
    house: Flask, client: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    with store.transaction() as session:
        session.execute(text("ALTER TABLE tickets RENAME TO elsewhere"))
    try:
        with caplog.at_level(logging.WARNING):
            client.get("/")
    finally:
        with store.transaction() as session:
            session.execute(text("ALTER TABLE elsewhere RENAME TO tickets"))
    assert "tickets" in caplog.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_works_here_is_told_without_another_question_to_a_database_that_went_away(
    house: Flask, client: Visitor, method: str
) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    asked: list[str] = []

    def away(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if asked or "FROM tickets" in statement:
            asked.append(statement)
            raise OperationalError(statement, None, Exception("no route to host"))

    event.listen(store.db.engine, "before_cursor_execute", away)
    try:
        path = f"/workspace/t/{ticket.ref}" + ("/say/update" if method == "post" else "")
        answer = getattr(client, method)(path, **({"data": {"text": "It is here."}} if method == "post" else {}))
    finally:
        event.remove(store.db.engine, "before_cursor_execute", away)
    assert (answer.status_code, len(asked)) == (503, 1)
    assert "To your queue" in answer.text


def test_a_database_that_says_nothing_at_all_is_named_by_the_kind_of_its_error() -> None:
    assert store.reason(OperationalError("select", None, Exception(""))) == "OperationalError"
    assert store.reason(TimeoutError()) == "TimeoutError"


def test_a_loop_that_survives_writes_a_line_a_minute_while_the_database_is_away_and_a_trace_when_the_fault_is_ours(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_quiet_until", {})
    gone = OperationalError("select", {}, Exception("no route\nto host"))
    for error in (gone, gone, KeyError("ours")):
        try:
            raise error
        except Exception:
            store.complain(logging.getLogger("loop"), "could not tell of %s", "news")
    away, ours = caplog.records
    assert (away.getMessage(), away.exc_info) == ("could not tell of news: the database is away: no route", None)
    assert ours.exc_info


def test_a_backup_is_taken_into_use_with_its_own_key_only(sqlite_template: Path, tmp_path: Path) -> None:
    """Who was erased is recognised by the key: with another one they would be back, unnoticed."""
    url = houses.copied(sqlite_template, tmp_path)
    with houses.opened(url, tmp_path, secret_key="another key than the one that this house began with") as app:
        assert "secret key: not the one" in say(app, "doctor")
        refused = app.test_cli_runner().invoke(args=["tracker", "restored"])
        assert refused.exit_code == 1
        assert "--key-lost" in refused.output
        assert "The epoch is now" in say(app, "restored", "--key-lost")
        assert "secret key: not the one" not in say(app, "doctor")
    with houses.opened(url, tmp_path) as app:
        assert "secret key: not the one" in say(app, "doctor")


@pytest.mark.slow
def test_a_frozen_redis_is_left_alone_for_a_while_and_told_of_once(
    sqlite_template: Path, tmp_path: Path, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    assert redis_server.process
    url = houses.copied(sqlite_template, tmp_path)
    with houses.opened(url, tmp_path, redis_url=redis_server.url) as app, caplog.at_level(logging.WARNING):
        visitor = app.test_client()
        assert visitor.get("/").status_code == 200
        redis_server.process.send_signal(signal.SIGSTOP)
        assert [visitor.get("/").status_code for _ in range(5)] == [200] * 5
        redis_server.process.send_signal(signal.SIGCONT)
        wait_until(lambda: visitor.get("/") and "in Redis again" in caplog.text, within=20, what="Redis is asked again")
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("limits")]
    assert len(told) == 2, "once when it goes, once when it is back"


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_broke_in_the_middle_of_a_request_answers_503_not_500(
    database_url: str, tmp_path: Path
) -> None:
    with houses.opened(database_url, tmp_path) as app:
        ticket = make.ticket()
        visitor = app.test_client()
        make.own(visitor, ticket)

        armed: list[bool] = []

        def cut(*_: Any) -> None:
            if armed and armed.pop():
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                with store.db.engine.connect() as other:
                    other.execute(text(f"{others} AND datname = current_database()"))

        store.db.session.remove()
        event.listen(store.db.engine, "before_cursor_execute", cut)
        for word in ("first", "second"):
            armed.append(True)
            answer = visitor.post(f"/t/{ticket.ref}/say/reply", data={"text": f"The {word} time"})
            assert answer.status_code == 503
        assert visitor.post(f"/t/{ticket.ref}/say/reply", data={"text": "The third time"}).status_code == 303
