"""Saying a write twice: the same key does it once, another body is refused, a day later it is forgotten."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from time_machine import Traveller

from tests import make
from tests.threads import at_once
from tracker import idempotency, store, tickets
from tracker.errors import Conflict, Invalid
from tracker.models import Event, News, Replay, Ticket
from tracker.permissions import ANYONE, Viewer

BODY = {"text": "One more."}
AT_ONCE = 20


def once(key: str = "k1", body: Any = None, *, principal: str = "person:1", route: str = "events") -> idempotency.Once:
    found = idempotency.once(key, principal=principal, route=route, body=body or BODY)
    assert found
    return found


def count(model: type[Any]) -> int:
    return store.session().scalar(select(func.count()).select_from(model)) or 0


def end(ref: str, by: Viewer, seen: int, number: int) -> None:
    tickets.post(ref, ("resolved", "declined")[number], {"text": "Done."}, by=by, version=seen)


def test_the_same_write_said_again_does_nothing_and_answers_the_same(house: Flask) -> None:
    ticket = make.ticket()
    by = make.assignee(ticket)
    _, first = tickets.post(ticket.ref, "note", BODY, by=by, once=once())
    _, again = tickets.post(ticket.ref, "note", BODY, by=by, once=once())
    assert first.seq == again.seq == make.fresh(ticket).last_seq


def test_another_body_under_the_same_key_is_refused(house: Flask) -> None:
    ticket = make.ticket()
    by = make.assignee(ticket)
    tickets.post(ticket.ref, "note", BODY, by=by, once=once())
    last = make.fresh(ticket).last_seq
    with pytest.raises(Invalid) as refusal:
        tickets.post(ticket.ref, "note", {"text": "Other"}, by=by, once=once(body={"text": "Other"}))
    assert list(refusal.value.fields) == ["Idempotency-Key"]
    assert make.fresh(ticket).last_seq == last


def test_twenty_at_once_write_one_event(house: Flask) -> None:
    ticket = make.ticket()
    ref, customer, before = ticket.ref, make.customer(ticket), (count(Event), count(News))
    seqs: list[int] = []

    def say(_number: int) -> None:
        seqs.append(tickets.post(ref, "reply", BODY, by=customer, once=once())[1].seq)

    busy = at_once(house, AT_ONCE, say)
    assert all(isinstance(error, Conflict) for error in busy), busy
    assert len(set(seqs)) == 1
    assert len(seqs) + len(busy) == AT_ONCE
    assert (count(Event), count(News)) == (before[0] + 1, before[1] + 1)


def test_twenty_openings_at_once_open_one_ticket_and_show_one_secret(house: Flask) -> None:
    desk = make.agent().desk
    given = {"subject": "No water", "text": "None.", "name": "Cara", "email": "cara@home.example", "desk": desk.slug}
    secrets: list[str | None] = []
    refs: set[str] = set()

    def ask(_number: int) -> None:
        ticket, secret = tickets.open(given, by=ANYONE, once=once(principal="net:10.0.0.0/24", route="open"))
        secrets.append(secret)
        refs.add(ticket.ref)

    busy = at_once(house, AT_ONCE, ask)
    assert all(isinstance(error, Conflict) for error in busy), busy
    assert len([secret for secret in secrets if secret]) == 1
    assert len(refs) == count(Ticket) == 1


def test_a_key_counts_for_one_principal_and_route(house: Flask) -> None:
    ticket = make.ticket()
    by = make.assignee(ticket)
    for one in (once(), once(principal="person:2"), once(route="other"), once("k2")):
        tickets.post(ticket.ref, "note", BODY, by=by, once=one)
    assert make.kinds_of(make.fresh(ticket)).count("note") == 4


def test_a_write_that_failed_may_be_tried_again_under_its_key(house: Flask) -> None:
    ticket = make.ticket()
    by = make.assignee(ticket)
    body = {"text": "All done."}
    with pytest.raises(Conflict):
        tickets.post(ticket.ref, "resolved", body, by=by, version=99, once=once(body=body))
    assert count(Replay) == 0
    tickets.post(ticket.ref, "resolved", body, by=by, once=once(body=body))
    assert make.fresh(ticket).status == "resolved"


def test_the_replay_of_a_write_ignores_what_has_changed_since(house: Flask) -> None:
    ticket = make.ticket()
    by, version = make.assignee(ticket), ticket.version
    body = {"text": "All done."}
    for _ in range(2):
        _, event = tickets.post(ticket.ref, "resolved", body, by=by, version=version, once=once(body=body))
        assert event.kind == "resolved"


def test_a_key_is_forgotten_after_a_day(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    by = make.assignee(ticket)
    tickets.post(ticket.ref, "note", BODY, by=by, once=once())
    travel.shift(timedelta(hours=24, seconds=1))
    tickets.post(ticket.ref, "note", BODY, by=by, once=once())
    assert make.kinds_of(make.fresh(ticket)).count("note") == 2
    travel.shift(timedelta(hours=25))
    assert idempotency.forget_old() == 1
    assert count(Replay) == 0


@pytest.mark.parametrize("key", ["", "x" * 65, "line\nbreak"])
def test_what_can_be_no_key_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        idempotency.once(key, principal="p", route="r", body={})
    assert idempotency.once(None, principal="p", route="r", body={}) is None


def test_two_agents_at_once_one_wins_and_the_other_learns_the_version(house: Flask) -> None:
    desk = make.desk()
    for _ in range(10):
        ticket = make.ticket(desk)
        (lost,) = at_once(house, 2, partial(end, ticket.ref, make.assignee(ticket), ticket.version))
        assert isinstance(lost, Conflict)
        assert make.fresh(ticket).status in ("resolved", "declined")
        assert lost.facts["version"] == ticket.version
        assert make.kinds_of(ticket)[-2:] == [ticket.status, "promise_kept"]
