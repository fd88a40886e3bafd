"""Opening a ticket, the table of what can be done when, versions, visibility and the confirmed address."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from time_machine import Traveller

from tests import make
from tests.conftest import MONDAY
from tracker import disclosure, people, permissions, store, tickets
from tracker.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from tracker.kinds import KINDS
from tracker.models import CustomerKey, Person, Promise, Ticket
from tracker.permissions import ANYONE

STATUSES = ("open", "waiting", "resolved", "declined", "closed")
ANY: dict[str, str | None] = dict.fromkeys(STATUSES)
WHILE_OPEN: dict[str, str | None] = dict.fromkeys(("open", "waiting"))
# Which kind may be posted in which status, and the status it leads to (None: it stays).
TABLE: dict[str, dict[str, str | None]] = {
    "update": WHILE_OPEN,
    "waiting": {"open": "waiting"},
    "resumed": {"waiting": "open"},
    "resolved": {"open": "resolved", "waiting": "resolved"},
    "declined": {"open": "declined", "waiting": "declined"},
    "confirmed": {"resolved": "closed"},
    "reopened": {"resolved": "open", "declined": "open", "closed": "open"},
    "feedback": {"resolved": "closed", "declined": None, "closed": None},
    "reply": ANY | {"waiting": "open"},
    "reply_published": ANY,
    "thanks": ANY,
    "note": ANY,
    "helper_added": ANY,
    "helper_left": ANY,
    "visibility_changed": ANY,
    "corrected": ANY,
    "redacted": ANY,
    "erased": ANY,
    "promise_moved": WHILE_OPEN,
    "handoff_offered": WHILE_OPEN,
    "handoff_accepted": WHILE_OPEN,
    "handoff_declined": WHILE_OPEN,
    "reassigned": WHILE_OPEN,
}
SYSTEMS = {"opened", "promise_kept", "promise_missed", "imported"}
OPENING = {"subject": "No water", "text": "None.", "name": "Cara Lindt", "email": "cara@home.example"}


def opening() -> dict[str, Any]:
    return OPENING | {"desk": make.agent().desk.slug}


def in_status(status: str) -> tuple[Ticket, Person, dict[str, Any]]:
    """Return a ticket, who else is at the desk, and what each kind speaks about."""
    ticket = make.ticket()
    other = make.agent(ticket.desk)
    private = make.post(ticket, "reply", publish=False)
    word = make.post(ticket, "update")
    steps = {"waiting": ["waiting"], "resolved": ["resolved"], "declined": ["declined"]}
    for kind in steps.get(status, []) or (["resolved", "confirmed"] if status == "closed" else []):
        make.post(ticket, kind)
    assert ticket.status == status
    return ticket, other, {"private": private.seq, "word": word.seq}


def attempt(kind: str, ticket: Ticket, other: Person, seqs: dict[str, Any]) -> None:
    given: dict[str, Any] = {}
    by: Any = None
    if kind in ("reply_published", "corrected", "redacted", "erased"):
        given["target"] = seqs["private" if kind == "reply_published" else "word"]
    if kind == "helper_left":
        make.post(ticket, "helper_added", to=other)
    if kind in ("handoff_offered", "reassigned", "helper_added", "helper_left"):
        given["to"] = other
    if kind in ("reassigned", "erased"):
        by = make.lead(ticket.desk)
    if kind in ("handoff_accepted", "handoff_declined"):
        by = other
        if ticket.is_open:
            make.post(ticket, "handoff_offered", to=other)
    make.post(ticket, kind, by, **given)


def test_the_table_names_every_kind() -> None:
    assert set(TABLE) | SYSTEMS == set(KINDS)
    assert not set(TABLE) & SYSTEMS


@pytest.mark.parametrize("status", STATUSES)
def test_each_kind_can_be_posted_exactly_in_its_statuses(house: Flask, status: str) -> None:
    refusing, *rest = in_status(status)  # one for all that is refused: it never changes
    before = refusing.last_seq
    for kind, allowed in TABLE.items():
        if status in allowed:
            ticket, other, seqs = in_status(status)
            attempt(kind, ticket, other, seqs)
            assert ticket.status == (allowed[status] or status), kind
            continue
        # An offer ends with the ticket, and with it the right to answer it.
        refusal = Forbidden if kind in ("handoff_accepted", "handoff_declined") else Conflict
        with pytest.raises(refusal):
            attempt(kind, refusing, *rest)
        assert make.fresh(refusing).last_seq == before, kind


@pytest.mark.parametrize("kind", sorted(SYSTEMS))
def test_nobody_posts_what_only_the_system_records(house: Flask, kind: str) -> None:
    ticket = make.ticket()
    for who in (make.viewer(make.admin(ticket.desk)), make.assignee(ticket), make.customer(ticket), ANYONE):
        with pytest.raises(Forbidden, match="Only the system"):
            tickets.post(ticket.ref, kind, {}, by=who)


def test_opening_names_a_person_and_a_time_at_once(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket(confirmed=False)
    assert make.kinds_of(ticket) == ["opened"]
    assert ticket.assignee
    assert ticket.due_at == MONDAY + timedelta(hours=4)
    shown = disclosure.ticket(ticket, "customer")
    assert shown["promise"]["state"] == "standing"
    assert shown["assignee"]["name"] == ticket.assignee.name


def test_a_promise_made_with_the_opening_counts_desk_hours_only(house: Flask, travel: Traveller) -> None:
    travel.move_to(datetime(2026, 3, 6, 15, tzinfo=UTC))
    assert make.ticket().due_at == datetime(2026, 3, 9, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", "no"),
        ("subject", "x" * 141),
        ("subject", "a\x00b c"),
        ("text", ""),
        ("text", "x" * 10_001),
        ("text", "\ud800 lone"),
        ("email", "nowhere"),
        ("email", "a@b\r\nBcc: c@d.example"),
        ("name", "The system"),
        ("visibility", "everyone"),
        ("feeling", "furious"),
        ("urgency_on", "soon"),
        ("color", "red"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_field(house: Flask, field: str, value: str) -> None:
    make.agent(make.desk("streets"))
    with pytest.raises(Invalid) as refusal:
        tickets.open(OPENING | {"desk": "streets", field: value}, by=ANYONE)
    assert list(refusal.value.fields) == [field]
    assert not store.session().scalars(select(Ticket)).all()


def test_a_customer_cannot_go_by_the_name_of_somebody_who_answers(house: Flask) -> None:
    agent = make.agent()
    with pytest.raises(Invalid) as refusal:
        make.ticket(name=agent.name.upper())
    assert "name" in refusal.value.fields


def test_the_secret_is_given_once_and_kept_as_a_fingerprint(house: Flask) -> None:
    ticket, secret = tickets.open(opening(), by=ANYONE)
    key = store.session().scalars(select(CustomerKey).where(CustomerKey.ticket_id == ticket.id)).one()
    assert secret
    assert secret not in (key.fingerprint, ticket.ref)
    assert len(key.fingerprint) == 64


def test_a_new_ticket_is_private_until_its_address_is_confirmed(house: Flask) -> None:
    ticket = make.ticket(visibility="public", confirmed=False)
    assert (ticket.visibility, ticket.wanted_visibility) == ("private", "public")
    assert permissions.audience(ANYONE, ticket) is None
    tickets.confirm(people.mint_link("confirm", ticket_id=ticket.id))
    assert (ticket.visibility, ticket.wanted_visibility) == ("public", None)
    assert make.kinds_of(ticket, "public") == ["opened", "visibility_changed"]


def test_visibility_is_private_when_nothing_was_said(house: Flask) -> None:
    ticket, _ = tickets.open(opening(), by=ANYONE)
    assert (ticket.visibility, ticket.wanted_visibility) == ("private", None)


def test_wider_than_private_waits_for_the_confirmed_address(house: Flask) -> None:
    ticket = make.ticket(visibility="private", confirmed=False)
    for wanted in ("public", "unlisted"):
        with pytest.raises(Conflict, match="Confirm your address"):
            make.post(ticket, "visibility_changed", visibility=wanted)
    tickets.confirm(people.mint_link("confirm", ticket_id=ticket.id))
    make.post(ticket, "visibility_changed", visibility="unlisted")
    assert ticket.visibility == "unlisted"


def test_the_customer_can_take_publicity_back(house: Flask) -> None:
    ticket = make.ticket(visibility="public")
    make.post(ticket, "visibility_changed", visibility="private")
    assert permissions.audience(ANYONE, ticket) is None


def test_nobody_else_decides_about_publicity(house: Flask) -> None:
    ticket, other = make.ticket(), make.ticket()
    for who in (make.assignee(ticket), make.viewer(make.lead(ticket.desk)), make.viewer(make.admin()), ANYONE):
        with pytest.raises((Forbidden, Unauthorized)):
            make.post(ticket, "visibility_changed", who)
    with pytest.raises(Forbidden):
        make.post(ticket, "visibility_changed", make.customer(other))


def test_staff_file_on_behalf_with_recorded_consent(house: Flask, travel: Traveller) -> None:
    clerk = make.agent()
    told = {"source": "phone", "consent": "She said so on the phone.", "received_at": make.ahead(days=-2)}
    given = OPENING | {"desk": clerk.desk.slug, "visibility": "public"}
    ticket, _ = tickets.open(given | told, by=make.viewer(clerk))
    assert ticket.visibility == "public"
    assert ticket.opened_at == MONDAY - timedelta(days=2)
    assert ticket.due_at == MONDAY + timedelta(hours=4), "the promise begins when it is filed"


@pytest.mark.parametrize(
    "told", [{"source": "phone"}, {"consent": "Trust me."}, {"received_at": "2026-03-01T10:00:00Z"}]
)
def test_the_public_cannot_file_on_behalf(house: Flask, travel: Traveller, told: dict[str, str]) -> None:
    make.agent(make.desk("streets"))
    with pytest.raises(Forbidden):
        tickets.open(OPENING | {"desk": "streets"} | told, by=ANYONE)


@pytest.mark.parametrize("days", [1, -367])
def test_a_ticket_was_received_within_the_past_year(house: Flask, days: int) -> None:
    clerk = make.agent()
    with pytest.raises(Invalid) as refusal:
        tickets.open(OPENING | {"desk": clerk.desk.slug, "received_at": make.ahead(days=days)}, by=make.viewer(clerk))
    assert list(refusal.value.fields) == ["received_at"]


def test_an_old_version_is_refused_with_the_current_one(house: Flask) -> None:
    ticket = make.ticket()
    seen = ticket.version
    make.post(ticket, "update", version=seen)
    with pytest.raises(Conflict) as refusal:
        make.post(ticket, "resolved", version=seen)
    assert refusal.value.facts["version"] == ticket.version
    assert make.fresh(ticket).status == "open"
    make.post(ticket, "resolved", version=ticket.version)


def test_who_had_it_a_moment_ago_learns_that_it_was_passed_on(house: Flask) -> None:
    ticket = make.ticket()
    before, seen = make.assignee(ticket), ticket.version
    make.post(ticket, "reassigned", make.lead(ticket.desk), to=make.agent(ticket.desk))
    with pytest.raises(Conflict) as refusal:
        make.post(ticket, "resolved", before, version=seen)
    assert refusal.value.facts["version"] == ticket.version
    with pytest.raises(Forbidden):
        make.post(ticket, "resolved", before, version=ticket.version)


def test_what_an_assignee_need_not_look_at_again_keeps_the_version(house: Flask) -> None:
    ticket = make.ticket()
    seen = ticket.version
    make.post(ticket, "note")
    make.post(ticket, "thanks")
    make.post(ticket, "visibility_changed", visibility="unlisted")
    assert ticket.version == seen
    make.post(ticket, "reply")
    assert ticket.version == seen + 1


def test_elapsed_runs_on_through_a_resolution_that_was_none(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(timedelta(days=2))
    make.post(ticket, "resolved")
    travel.shift(timedelta(days=3))
    assert disclosure.ticket(ticket, "public")["elapsed"] == "2 days"
    make.post(ticket, "reopened")
    travel.shift(timedelta(days=1))
    assert disclosure.ticket(ticket, "public")["elapsed"] == "6 days"
    assert ticket.ended_at is None


def test_confirming_does_not_move_the_end(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "resolved")
    ended = ticket.ended_at
    travel.shift(timedelta(days=1))
    make.post(ticket, "confirmed")
    assert ticket.ended_at == ended


def test_a_declined_ticket_is_never_solved(house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "declined")
    assert ticket.status == "declined"
    with pytest.raises(Conflict):
        make.post(ticket, "confirmed")


def test_an_agent_who_is_also_the_customer_acts_as_what_the_kind_asks_for(house: Flask) -> None:
    ticket = make.ticket()
    both = permissions.Viewer(person=ticket.assignee, tickets=frozenset({ticket.id}))
    assert make.post(ticket, "update", both).actor_id == ticket.assignee_id
    assert make.post(ticket, "reply", both).actor_role == "customer"


def test_absent_and_private_answer_alike(house: Flask) -> None:
    ticket = make.ticket(visibility="private")
    for ref in (ticket.ref, "0" * 12, "'; drop table tickets; --"):
        with pytest.raises(NotFound) as refusal:
            tickets.post(ref, "thanks", {"text": "Thanks"}, by=ANYONE)
        assert refusal.value.message == NotFound.default


def test_a_ticket_always_has_exactly_one_person_and_one_promise_while_open(house: Flask) -> None:
    ticket = make.ticket()
    other = make.agent(ticket.desk)
    steps: list[tuple[str, dict[str, Any]]] = [("update", {}), ("waiting", {}), ("resumed", {}), ("promise_moved", {})]
    for kind, given in [*steps, ("handoff_offered", {"to": other})]:
        make.post(ticket, kind, **given)
    make.post(ticket, "handoff_accepted", other)
    query = select(Promise).where(Promise.ticket_id == ticket.id, Promise.ended_seq.is_(None))
    assert len(store.session().scalars(query).all()) == 1
    make.post(ticket, "resolved")
    assert not store.session().scalars(query).all()
