"""The queue: whom an agent owes a word, what each of them waits for, and what to do when nobody waits."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests import make, reading
from tests.houses import Visitor
from tests.test_workspace import desk_of, read
from tracker import browse, listing, promises, store
from tracker.models import Person, Promise, Ticket


@pytest.fixture
def ticket(house: Flask) -> Ticket:
    return make.ticket()


@pytest.fixture
def agent(ticket: Ticket, client: Visitor) -> Person:
    """The assignee, signed in."""
    make.sign_in(client, ticket.assignee)
    return ticket.assignee


def test_the_queue_says_whom_you_owe_a_word_first(house: Flask, client: Visitor) -> None:
    desk = make.desk()
    rosa = make.agent(desk)
    late, soon = make.ticket(desk, subject="The late one"), make.ticket(desk, subject="The soon one")
    make.post(late, "update", next_word_at=make.ahead(days=3))
    make.post(soon, "update", next_word_at=make.ahead(hours=2))
    make.sign_in(client, rosa)
    page = read(client.get("/workspace/"))
    assert page.index("The soon one") < page.index("The late one")
    assert "<title>Whom you owe a word</title>" in page


def test_the_title_counts_who_waits_for_a_word_now(ticket: Ticket, agent: Person, client: Visitor) -> None:
    assert "<title>(1) Whom you owe a word" in client.get("/workspace/").text
    make.post(ticket, "update")
    assert "<title>Whom you owe a word" in client.get("/workspace/").text
    make.post(ticket, "reply")
    page = read(client.get("/workspace/"))
    assert "<title>(1) Whom you owe a word" in page
    assert "replied" in page


def test_an_overdue_word_counts_too(travel: Any, house: Flask, client: Visitor) -> None:
    one = make.ticket()
    travel.shift(timedelta(hours=6))
    promises.record_missed()
    make.sign_in(client, one.assignee)
    page = read(client.get("/workspace/"))
    assert "<title>(1)" in page
    assert "</time> overdue" in page


def test_an_empty_queue_says_what_to_do(house: Flask, client: Visitor) -> None:
    make.sign_in(client, make.agent())
    page = read(client.get("/workspace/"))
    assert "You owe nobody a word." in page
    assert 'href="/workspace/new"' in page


def test_a_lead_sees_the_desks_queue_and_another_desks_lead_does_not(ticket: Ticket, client: Visitor) -> None:
    place = f"/workspace/desks/{ticket.desk.slug}"
    make.sign_in(client, make.lead(ticket.desk))
    page = read(client.get(place))
    assert ticket.subject in page
    assert f"{ticket.assignee.name}</bdi> has it" in page
    make.sign_in(client, make.lead(make.desk("streets")))
    assert client.get(place).status_code == 403
    assert client.post("/workspace/pass", query_string={"desk": ticket.desk.slug}).status_code == 403
    make.sign_in(client, ticket.assignee)
    assert client.get(place).status_code == 403


def test_the_queue_asks_as_many_questions_for_twenty_tickets_as_for_two(house: Flask) -> None:
    desk = make.desk()
    rosa = make.agent(desk)
    counts = []
    for more in (2, 8):
        for _ in range(more):
            make.post(make.ticket(desk), "update")
        store.session().expire_all()
        with reading.asked() as found:
            assert browse.queue(rosa)
        counts.append(len(found))
    assert counts[1] <= counts[0]


def test_the_queue_quotes_customers_as_they_wrote(ticket: Ticket) -> None:
    make.post(ticket, "update")
    make.post(ticket, "reply", text="Ring me at 030 5550147.", publish=True)
    assert [row["asked"] for row in browse.queue(ticket.assignee)] == ["Ring me at 030 5550147."]
    assert "5550147" not in str(listing.public_tickets(listing.Filter(), cursor=None, limit=20))


def test_a_queue_that_is_cut_says_so(agent: Person, client: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "of 1 open." in client.get("/workspace/").text
    make.ticket(agent.desk)
    monkeypatch.setattr(browse, "MOST", 1)
    assert "of the 1 listed here, to whom a word is owed first." in read(client.get("/workspace/"))


def test_a_ticket_without_a_promise_waits_in_a_group_of_its_own(house: Flask, client: Visitor) -> None:
    one = make.ticket()
    with store.transaction():
        for name, value in {"due_at": None, "imported_key": "k", "customer_name": ""}.items():
            setattr(one, name, value)
        for promise in store.session().scalars(select(Promise)):
            promise.ended_seq = 1
    make.sign_in(client, one.assignee)
    assert "No promise given" in read(client.get("/workspace/"))
    page = read(client.get(desk_of(one)))
    assert "Your words to the customer" in page
    assert "act-promise_moved" not in page


def test_the_queue_says_what_each_of_them_is_waiting_for(house: Flask, client: Visitor) -> None:
    desk = make.desk()
    rosa = make.agent(desk)
    make.ticket(desk, text="Canary one drips.")
    answered, asked = make.ticket(desk), make.ticket(desk)
    make.post(answered, "update", text="The canary two is ordered.")
    make.post(asked, "update")
    make.post(asked, "reply", text="Is canary three here?")
    make.sign_in(client, rosa)
    page = read(client.get("/workspace/"))
    assert 'waits for a first word on <q dir="auto">Canary one drips.</q>' in page
    assert 'waits for what comes after <q dir="auto">The canary two is ordered.</q>' in page
    assert 'waits for an answer to <q dir="auto">Is canary three here?</q>' in page
    make.post(asked, "redacted", make.lead(desk), target=make.events_of(asked)[-1].seq)
    assert "canary three" not in client.get("/workspace/").text


def test_the_first_day_is_shown_until_it_is_done(house: Flask, client: Visitor) -> None:
    rosa = make.agent(make.desk(), on_duty=False)
    make.sign_in(client, rosa)
    page = read(client.get("/workspace/"))
    assert "Your first day" in page
    assert page.count("tour__step--done") == 0
    make.ticket(rosa.desk)
    assert "Your first day" not in client.get("/workspace/").text, "there is somebody to answer"
    other = make.agent(rosa.desk, line="Pipes.")
    make.sign_in(client, other)
    page = read(client.get("/workspace/"))
    assert page.count("tour__step--done") == 2
    assert "Invite who answers with you" not in page


def test_a_leads_first_day_begins_with_the_desk(house: Flask, client: Visitor) -> None:
    lead = make.lead(make.desk(about=""))
    make.sign_in(client, lead)
    page = read(client.get("/workspace/"))
    assert page.index("Say what your desk looks after") < page.index("Invite who answers with you") < page.index("face")
    settings = f"/workspace/desk/{lead.desk.slug}"
    for part in ("settings", "people"):
        assert f'href="{settings}#{part}"' in page
        assert f'id="{part}"' in client.get(settings).text
    make.agent(lead.desk)
    assert "Invite somebody" not in client.get("/workspace/").text, "somebody was"
