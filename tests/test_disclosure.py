"""Who sees what: the customer decides about name, feelings and publicity; what is staff's stays with staff."""

from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.test_timeline import rendered
from tracker import disclosure, embeds, tickets
from tracker.models import Ticket

CANARIES: dict[str, Any] = {
    "email": "canary-mail@home.example",
    "phone": "+49 30 555 0147",
    "impact": "Canary impact",
    "name": "Canary Name",
}


def secretive() -> Ticket:
    """Return a public ticket whose customer hides everything that can be hidden."""
    ticket = make.ticket(name_shown="none", feeling="upset", urgency_on="2031-12-24", **CANARIES)
    make.post(ticket, "reply", text="Canary private reply", publish=False)
    make.post(ticket, "note", text="Canary note")
    make.post(ticket, "handoff_offered", to=make.agent(ticket.desk), briefing="Canary briefing")
    make.post(ticket, "thanks", text="Canary thanks")
    make.post(ticket, "update", text="The part is ordered.")
    return ticket


def exits(client: Visitor, ticket: Ticket) -> dict[str, str]:
    """Return everything an outsider can ask for about a public ticket."""
    embed = embeds.create(ticket, by=make.customer(ticket))
    paths = ["/", f"/t/{ticket.ref}", f"/t/{ticket.ref}/entries", f"/desks/{ticket.desk.slug}"]
    paths += [f"/people/{ticket.assignee.slug}", f"/e/{embed.eid}/badge.svg", f"/e/{embed.eid}/badge.json"]
    paths += [f"/e/{embed.eid}/shields.json", f"/t/{ticket.ref}/badge.svg", f"/t/{ticket.ref}/badge.json"]
    paths += [f"/api/v1/tickets/{ticket.ref}{part}" for part in ("", "/events", "/promises", "/handoffs")]
    paths += ["/api/v1/tickets", f"/api/v1/tickets/{'0' * 12}", "/?q=Canary", "/api/v1/me", "/t/nowhere"]
    answers = {path: client.get(path) for path in paths}
    return {path: f"{answer.headers} {answer.text}" for path, answer in answers.items()}


def test_nothing_hidden_leaves_by_any_exit(house: Flask, client: Visitor) -> None:
    ticket = secretive()
    for path, text in exits(client, ticket).items():
        for canary in ("canary", "555 0147", "2031-12-24", "upset"):
            assert canary not in text.lower().replace("/?q=canary", "").replace('value="canary"', ""), (
                f"{canary}: {path}"
            )
    assert "The part is ordered" in client.get(f"/t/{ticket.ref}").text


def test_what_is_pushed_to_the_public_hides_the_same(house: Flask) -> None:
    assert "canary" not in rendered(secretive(), "public").lower()


def test_the_customer_sees_their_own_and_not_what_is_staffs(house: Flask) -> None:
    text = rendered(secretive(), "customer")
    for theirs in ("canary-mail", "Canary impact", "Canary private reply", "Canary thanks", "upset"):
        assert theirs in text, theirs
    assert "Canary note" not in text
    assert "Canary briefing" not in text


def test_staff_see_all_of_it(house: Flask) -> None:
    text = rendered(secretive(), "staff")
    for words in ("canary-mail", "555 0147", "Canary note", "Canary briefing", "Canary private reply", "Canary Name"):
        assert words in text, words


@pytest.mark.parametrize(
    ("name_shown", "public"), [("own", "Cara Lindt"), ("pseudonym", "Third Floor"), ("none", "The customer")]
)
def test_the_name_shown_is_the_customers_choice(house: Flask, name_shown: str, public: str) -> None:
    ticket = make.ticket(name_shown=name_shown, pseudonym="Third Floor")
    events = make.events_of(ticket)
    assert disclosure.entries(ticket, events, "public")[0]["actor"]["name"] == public
    assert disclosure.entries(ticket, events, "staff")[0]["actor"]["name"] == "Cara Lindt"
    if name_shown != "own":
        assert "Cara" not in rendered(ticket, "public")


def test_a_name_taken_back_is_taken_back_from_earlier_entries_too(house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "reply", publish=True)
    assert "Cara" in rendered(ticket, "public")
    make.post(ticket, "visibility_changed", visibility="public", name_shown="none", pseudonym="")
    assert "Cara" not in rendered(ticket, "public")


def test_feelings_are_public_only_while_the_customer_says_so(house: Flask) -> None:
    ticket = make.ticket(impact="Canary impact", feeling="angry")
    assert "Canary" not in rendered(ticket, "public")
    make.post(ticket, "visibility_changed", visibility="public", shares_feelings=True)
    assert "Canary" in rendered(ticket, "public")
    make.post(ticket, "visibility_changed", visibility="public", shares_feelings=False)
    assert "Canary" not in rendered(ticket, "public")


def test_unlisted_is_read_with_its_address_and_listed_nowhere(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(visibility="unlisted", subject="Canary of the lists")
    make.post(ticket, "update")
    assert "Canary" in client.get(f"/t/{ticket.ref}").text
    for path in ("/", "/?q=Canary", "/desks/buildings", f"/people/{ticket.assignee.slug}", "/api/v1/tickets"):
        assert "Canary of" not in client.get(path).text, path


def test_a_secret_link_opens_one_ticket_until_it_is_taken_back(house: Flask, client: Visitor) -> None:
    ticket, other = make.ticket(visibility="private"), make.ticket(visibility="private")
    assert client.post(f"/k/{tickets.give_key(ticket)}").status_code == 303
    assert client.get(f"/t/{ticket.ref}").status_code == 200
    assert client.get(f"/t/{other.ref}").status_code == 404
