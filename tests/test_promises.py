"""Promises: kept before they are due, missed once at the time they were due, moved only with a reason and in time."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from time_machine import Traveller

from tests import make
from tests.conftest import MONDAY
from tracker import disclosure, promises, statistics, store
from tracker.errors import Conflict, Forbidden, Invalid
from tracker.models import Event, News, Promise, Ticket

SECOND = timedelta(seconds=1)
FIRST_ANSWER = timedelta(hours=4)
HOUR = timedelta(hours=1)


def states(ticket: Ticket) -> list[str]:
    query = select(Promise.state).where(Promise.ticket_id == ticket.id).order_by(Promise.id)
    return list(store.session().scalars(query))


def last(ticket: Ticket, kind: str) -> Event:
    return [event for event in make.events_of(ticket) if event.kind == kind][-1]


@pytest.mark.parametrize(
    ("early", "state", "kinds"),
    [
        (SECOND, "kept", ["update", "promise_kept"]),
        (0 * SECOND, "missed", ["promise_missed", "update"]),
        (-SECOND, "missed", ["promise_missed", "update"]),
    ],
)
def test_a_word_keeps_a_promise_only_before_it_is_due(
    house: Flask, travel: Traveller, early: timedelta, state: str, kinds: list[str]
) -> None:
    ticket = make.ticket()
    travel.shift(FIRST_ANSWER - early)
    make.post(ticket, "update")
    assert states(ticket) == [state, "standing"]
    assert make.kinds_of(ticket)[-2:] == kinds


@pytest.mark.parametrize("kind", ["update", "waiting", "resolved", "declined"])
def test_each_public_word_of_the_assignee_keeps_the_promise(house: Flask, travel: Traveller, kind: str) -> None:
    ticket = make.ticket()
    travel.shift(HOUR)
    make.post(ticket, kind)
    assert states(ticket)[0] == "kept"
    assert last(ticket, "promise_kept").payload["early_s"] == 3 * 3600


@pytest.mark.parametrize("kind", ["note", "reply", "thanks"])
def test_nothing_else_keeps_it(house: Flask, travel: Traveller, kind: str) -> None:
    ticket = make.ticket()
    make.post(ticket, kind)
    assert states(ticket) == ["standing"]
    assert ticket.due_at == MONDAY + FIRST_ANSWER


def test_a_promise_is_missed_once_at_the_time_it_was_due(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(FIRST_ANSWER - SECOND)
    promises.record_missed()
    assert states(ticket) == ["standing"]
    travel.shift(SECOND)
    for _ in range(3):
        promises.record_missed()
    missed = [event for event in make.events_of(ticket) if event.kind == "promise_missed"]
    assert [event.at for event in missed] == [MONDAY + FIRST_ANSWER]
    assert states(ticket) == ["missed"]


def test_downtime_does_not_hide_when_it_was_missed(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(timedelta(days=3))
    make.deliver()
    missed = last(make.fresh(ticket), "promise_missed")
    assert missed.at == MONDAY + FIRST_ANSWER
    assert missed.recorded_at == store.now()
    assert ticket.overdue


def test_it_stands_overdue_until_the_next_word(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(timedelta(days=1))
    promises.record_missed()
    shown = disclosure.ticket(make.fresh(ticket), "public")["promise"]
    assert shown["state"] == "missed"
    assert shown["due_at"] == MONDAY + FIRST_ANSWER
    make.post(ticket, "update")
    assert disclosure.ticket(ticket, "public")["promise"]["state"] == "standing"
    assert states(ticket) == ["missed", "standing"]
    assert "promise_kept" not in make.kinds_of(ticket)


def test_moving_needs_a_reason_and_shows_the_old_date(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    with pytest.raises(Invalid) as refusal:
        make.post(ticket, "promise_moved", reason="")
    assert list(refusal.value.fields) == ["reason"]
    moved = make.post(ticket, "promise_moved", due_at=MONDAY + timedelta(days=1), reason="The part is late")
    assert ticket.due_at == MONDAY + timedelta(days=1)
    assert states(ticket) == ["moved", "standing"]
    shown = disclosure.entries(ticket, [moved], "public")[0]
    assert shown["was_due_at"] == MONDAY + FIRST_ANSWER
    assert "The part is late" in shown["sentence"]


def test_an_overdue_promise_can_not_be_moved(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(FIRST_ANSWER)
    with pytest.raises(Conflict, match="overdue"):
        make.post(ticket, "promise_moved")
    promises.record_missed()
    assert states(ticket) == ["missed"]


@pytest.mark.parametrize("shift", [timedelta(0), -HOUR, timedelta(days=367)])
def test_a_promised_time_lies_in_the_coming_year(house: Flask, travel: Traveller, shift: timedelta) -> None:
    ticket = make.ticket()
    for kind, field in (("update", "next_word_at"), ("waiting", "check_in_at"), ("promise_moved", "due_at")):
        with pytest.raises(Invalid) as refusal:
            make.post(ticket, kind, **{field: (MONDAY + shift).isoformat()})  # type: ignore[arg-type]
        assert list(refusal.value.fields) == [field]


def test_only_the_assignee_promises(house: Flask) -> None:
    ticket = make.ticket()
    for who in (make.viewer(make.agent(ticket.desk)), make.viewer(make.lead(ticket.desk)), make.customer(ticket)):
        for kind in ("update", "promise_moved", "waiting"):
            with pytest.raises(Forbidden):
                make.post(ticket, kind, who)


def test_waiting_carries_its_check_in_as_the_promise(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "waiting", check_in_at=MONDAY + timedelta(days=3))
    shown = disclosure.ticket(ticket, "public")["promise"]
    assert (shown["due_at"], shown["check_in"]) == (MONDAY + timedelta(days=3), True)
    make.post(ticket, "resumed")
    shown = disclosure.ticket(ticket, "public")["promise"]
    assert (shown["due_at"], shown["check_in"]) == (MONDAY + timedelta(days=3), False)


def test_a_missed_check_in_is_missed_like_any_promise(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "waiting", check_in_at=MONDAY + HOUR)
    travel.shift(HOUR)
    promises.record_missed()
    assert states(ticket) == ["kept", "missed"]


def test_a_reply_brings_a_far_check_in_forward(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "waiting", check_in_at=MONDAY + timedelta(days=9))
    make.post(ticket, "reply")
    assert ticket.status == "open"
    assert ticket.due_at == MONDAY + FIRST_ANSWER
    assert last(ticket, "promise_moved").actor_role == "system"
    assert not disclosure.ticket(ticket, "public")["promise"]["check_in"]


def test_a_reply_leaves_an_early_check_in_alone(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "waiting", check_in_at=MONDAY + HOUR)
    make.post(ticket, "reply")
    assert ticket.due_at == MONDAY + HOUR
    assert "promise_moved" not in make.kinds_of(ticket)


def test_a_reply_to_an_open_ticket_changes_no_promise(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "update", next_word_at=MONDAY + timedelta(days=9))
    make.post(ticket, "reply")
    assert ticket.due_at == MONDAY + timedelta(days=9)


def test_an_ended_ticket_owes_nothing_and_a_reopened_one_again(house: Flask, travel: Traveller) -> None:
    for end in ("resolved", "declined"):
        ticket = make.ticket()
        make.post(ticket, end)
        assert ticket.due_at is None
        assert disclosure.ticket(ticket, "public")["promise"] is None
        travel.shift(timedelta(days=7))
        promises.record_missed()
        assert "promise_missed" not in make.kinds_of(ticket)
        make.post(ticket, "reopened")
        assert ticket.due_at == store.now() + FIRST_ANSWER


def test_one_reminder_an_hour_before_and_none_for_short_promises(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    due = select(News).where(News.topic == "due", News.ticket_id == ticket.id)
    promises.remind()
    assert not store.session().scalars(due).all()
    travel.shift(FIRST_ANSWER - HOUR)
    for _ in range(2):
        promises.remind()
    assert len(store.session().scalars(due).all()) == 1
    make.post(ticket, "update", next_word_at=store.now() + HOUR / 2)
    promises.remind()
    assert len(store.session().scalars(due).all()) == 1


def test_what_became_of_promises_is_counted_for_the_person_as_in_their_figures(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "promise_moved", due_at=MONDAY + 2 * HOUR)
    make.post(ticket, "update", next_word_at=MONDAY + HOUR)
    travel.shift(HOUR)
    promises.record_missed()
    assert statistics.promises(ticket.assignee) is None, "too few"
    for _ in range(2):
        make.post(ticket, "waiting")
        make.post(ticket, "reply")
    assert [event.actor_role for event in make.events_of(ticket) if event.kind == "promise_moved"][1:] == ["system"] * 2
    make.post(ticket, "update")
    counted = statistics.promises(ticket.assignee)
    assert counted == {"kept": 3, "missed": 1, "moved": 1, "months": 12}, "what the system moved is nobody's"
    whole = statistics.figures(ticket.assignee).whole.promises
    assert whole is not None
    assert counted == whole | {"months": 12}
