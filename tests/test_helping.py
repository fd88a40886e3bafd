"""Helpers on a ticket: they see what its staff see and may leave notes; the assignee alone answers."""

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.test_timeline import rendered
from tests.test_workspace import desk_of, read, send
from tracker import browse, handoffs, helping, tickets
from tracker.errors import Conflict, Forbidden, Invalid, NotFound
from tracker.models import Person, Ticket


@pytest.fixture
def ticket(house: Flask) -> Ticket:
    return make.ticket(visibility="private")


@pytest.fixture
def zoe(ticket: Ticket) -> Person:
    """Somebody of another desk."""
    return make.agent(make.desk("streets"), name="Zoe Winter")


def test_a_helper_of_another_desk_reads_along_and_leaves_notes_until_they_go(ticket: Ticket, zoe: Person) -> None:
    with pytest.raises(NotFound):
        browse.find(ticket.ref, make.viewer(zoe))
    make.post(ticket, "helper_added", to=zoe, reason="She knows the street.")
    assert browse.find(ticket.ref, make.viewer(zoe))[1] == "staff"
    make.post(ticket, "note", zoe, text="The pipe is ours.")
    with pytest.raises(Forbidden):
        make.post(ticket, "update", zoe)
    make.post(ticket, "helper_left", zoe, to=zoe)
    with pytest.raises(NotFound):
        browse.find(ticket.ref, make.viewer(zoe))


def test_the_ticket_is_in_their_queue_apart_from_their_own(ticket: Ticket, zoe: Person, client: Visitor) -> None:
    make.post(ticket, "helper_added", to=zoe)
    row = browse.queue(zoe)[0]
    assert (row["ref"], row["is_help"], row["is_urgent"]) == (ticket.ref, True, False)
    make.sign_in(client, zoe)
    page = read(client.get("/workspace/"))
    assert "You help with" in page
    assert "<title>Whom" in page
    assert "I am done" in read(client.get(desk_of(ticket)))


def test_who_is_asked_to_help_is_told_by_mail_and_nobody_outside_is(ticket: Ticket, zoe: Person) -> None:
    make.deliver()
    make.post(ticket, "helper_added", to=zoe, reason="She knows the riser.")
    before, told = len(make.mails()), make.deliver()
    assert [mail["To"] for mail in told[before:]] == [zoe.email]
    assert f"asked {zoe.name} to help" in str(told[-1].get_body(("plain",)).get_content())  # type: ignore[union-attr]


def test_nobody_outside_learns_that_somebody_helps(ticket: Ticket, zoe: Person) -> None:
    make.post(ticket, "helper_added", to=zoe, reason="Canary")
    make.post(ticket, "helper_left", to=zoe)
    for audience in ("public", "customer"):
        assert "Zoe" not in rendered(ticket, audience)
        assert "helper" not in " ".join(make.kinds_of(ticket, audience))


def test_the_assignee_asks_and_thanks_helpers_at_the_desk(ticket: Ticket, zoe: Person, client: Visitor) -> None:
    make.sign_in(client, ticket.assignee)
    assert send(client, ticket, "helper_added", to=zoe.slug).status_code == 303
    page = read(client.get(desk_of(ticket)))
    assert "Zoe Winter</bdi></a> helps" in page
    assert "asked Zoe Winter to help." in page
    assert send(client, ticket, "helper_left", to=zoe.slug).status_code == 303
    assert helping.of(ticket) == []


def test_only_the_assignee_or_a_lead_asks_and_helpers_send_only_themselves_away(ticket: Ticket, zoe: Person) -> None:
    ben = make.agent(ticket.desk)
    with pytest.raises(Forbidden):
        make.post(ticket, "helper_added", ben, to=zoe)
    make.post(ticket, "helper_added", make.lead(ticket.desk), to=zoe)
    make.post(ticket, "helper_added", to=ben)
    with pytest.raises(Forbidden):
        make.post(ticket, "helper_left", zoe, to=ben)


def test_who_has_it_or_helps_already_or_is_gone_can_not_be_asked(ticket: Ticket, zoe: Person) -> None:
    make.post(ticket, "helper_added", to=zoe)
    with pytest.raises(Conflict):
        make.post(ticket, "helper_added", to=zoe)
    for nobody in (ticket.assignee, make.agent(ticket.desk, active=False)):
        with pytest.raises(Invalid):
            make.post(ticket, "helper_added", to=nobody)
    with pytest.raises(Conflict):
        make.post(ticket, "helper_left", to=ticket.assignee)


def test_a_helper_who_takes_the_ticket_over_helps_no_more(ticket: Ticket, zoe: Person) -> None:
    make.post(ticket, "helper_added", to=zoe)
    make.post(ticket, "handoff_offered", to=zoe)
    make.post(ticket, "handoff_accepted", zoe)
    assert helping.of(ticket) == []
    assert handoffs.pending(ticket) is None
    assert "update" in tickets.possible(ticket, by=make.viewer(zoe))
