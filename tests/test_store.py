"""The one way to write: all or nothing, in turn, told of afterwards; a database that is away is said in plain words."""

import threading
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from tests import make
from tests.houses import Visitor
from tests.threads import at_once
from tracker import embeds, store, timeline
from tracker.errors import Unavailable
from tracker.models import Desk, Fact
from tracker.models.embeds import Sighting


def facts() -> dict[str, str]:
    store.session().expire_all()
    return {one.name: one.value for one in store.session().scalars(select(Fact)) if one.name not in ("epoch", "key")}


def put(name: str, value: str = "1") -> None:
    store.session().add(Fact(name=name, value=value))


def test_a_transaction_keeps_all_of_it_or_none(house: Flask) -> None:
    def fail() -> None:
        with store.transaction():
            put("one")
            store.session().flush()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert not facts()
    with store.transaction():
        put("one")
        put("two")
    assert set(facts()) == {"one", "two"}


def test_an_inner_one_belongs_to_the_outer_one(house: Flask) -> None:
    def fail() -> None:
        with store.transaction():
            with store.transaction():
                put("inner")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert not facts()


def test_a_change_outside_is_a_mistake_that_is_said(house: Flask) -> None:
    put("stray")
    with pytest.raises(RuntimeError, match="inside transaction"), store.transaction():
        pass
    store.session().rollback()
    with pytest.raises(RuntimeError, match="inside transaction"):
        store.notice("event", "x")


def test_listeners_are_told_after_the_commit_and_only_then(house: Flask) -> None:
    told: list[tuple[str, Any]] = []
    store.after_commit(house, lambda topic, subject: told.append((topic, (subject, set(facts())))))

    def fail() -> None:
        with store.transaction():
            store.notice("event", "lost")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    with store.transaction():
        put("kept")
        for _ in range(2):
            store.notice("event", "ref")
        assert not told
    assert told == [("event", ("ref", {"kept"}))]


def test_a_listener_that_fails_does_not_make_the_write_look_lost(house: Flask) -> None:
    def fail(_topic: str, _subject: Any) -> None:
        raise ZeroDivisionError

    store.after_commit(house, fail)
    with store.transaction():
        put("kept")
        store.notice("event", "ref")
    assert set(facts()) == {"kept"}


def test_writers_wait_for_each_other_and_lose_nothing(house: Flask) -> None:
    with store.transaction():
        put("count", "0")

    def add(_number: int) -> None:
        for _ in range(10):
            with store.transaction() as session:
                one = session.scalars(select(Fact).where(Fact.name == "count").with_for_update()).one()
                session.refresh(one)
                one.value = str(int(one.value) + 1)

    assert not at_once(house, 6, add)
    assert facts()["count"] == "60"


def test_what_is_old_is_forgotten_in_portions(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FORGETS", 2)
    ticket, before = make.ticket(), date(2026, 1, 1)
    shown = embeds.create(ticket, by=make.customer(ticket))
    with store.transaction() as session:
        for name in ("a", "b", "c"):
            seen = {"site": f"{name}.example", "way": "script", "views": 1}
            session.add_all((Fact(name=f"old {name}", value=""), Sighting(embed_id=shown.id, on_day=before, **seen)))
    old: list[tuple[type[store.Base], Any]] = [(Fact, Fact.name.startswith("old ")), (Sighting, Sighting.views == 1)]
    for table, those in old:
        left = []
        while store.forget(table, those):
            left.append(store.session().scalar(select(func.count()).select_from(table).where(those)))
        assert left == [1, 0]
    assert store.session().get(Fact, "epoch")


def test_a_reader_is_not_held_up_by_a_writer(house: Flask) -> None:
    ticket = make.ticket()
    read: list[int] = []
    with store.transaction():
        put("held")
        store.session().flush()

        def look() -> None:
            with house.app_context():
                read.append(len(make.events_of(store.session().merge(ticket, load=False))))

        other = threading.Thread(target=look)
        other.start()
        other.join(30)
    assert read


def test_a_writer_that_waits_too_long_is_told_to_try_again(
    house: Flask, client: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    monkeypatch.setattr(store, "LOCK_WAIT_S", 0.2)  # PostgreSQL was told its limit when it was connected to
    with store.transaction():
        timeline.lock(ticket.ref)
        answer = client.post(f"/t/{ticket.ref}/say/reply", data={"text": "It drips"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert client.post(f"/t/{ticket.ref}/say/reply", data={"text": "It drips"}).status_code == 303
    assert make.kinds_of(make.fresh(ticket)).count("reply") == 1


def test_a_database_that_is_away_is_unavailable_not_broken(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        with store.transaction():
            raise OperationalError("select", {}, Exception("gone"))

    with pytest.raises(Unavailable) as refusal:
        fail()
    assert refusal.value.retry_after


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
def test_moments_come_back_as_they_were_in_utc(house: Flask, zone: timezone) -> None:
    ticket = make.ticket()
    at = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=zone)
    with store.transaction():
        ticket.assigned_at = at
    make.fresh(ticket)
    assert ticket.assigned_at == at
    assert ticket.assigned_at.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(house: Flask) -> None:
    ticket = make.ticket()

    def write() -> None:
        with store.transaction():
            ticket.assigned_at = datetime(2026, 3, 2, 10)  # noqa: DTZ001

    with pytest.raises(Exception, match="give it a zone"):
        write()


def test_what_is_written_comes_back_whole(house: Flask) -> None:
    odd = "Grüße 🙂 漢字 عربى \\ ' \" % {{7*7}} ; drop table desks; --"
    desk = make.desk(about=odd)
    store.session().expire_all()
    assert store.session().get_one(Desk, desk.id).about == odd
