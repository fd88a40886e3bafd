"""What a ticket's page tells search engines and previews of links: one address, who has it, how it stands."""

import json
from datetime import timedelta
from typing import Any

import html5lib
import pytest
from flask import Flask
from time_machine import Traveller

from tests import make
from tests.attacks import payloads
from tests.attacks.markup import wrong
from tests.houses import ORIGIN, Visitor
from tests.html import parse_errors
from tracker import store
from tracker.models import Ticket

ACTION = "https://schema.org/{}ActionStatus"
ENDINGS = {"resolved": "Completed", "declined": "Failed", "waiting": "Active", "update": "Active"}


def told(client: Visitor, ticket: Ticket, address: str = "") -> tuple[dict[str, str], Any]:
    """Return the page's meta elements and links by name, and its JSON-LD, as a parser of HTML finds them."""
    html = client.get(address or f"/t/{ticket.ref}").text
    assert parse_errors(html) == []
    head = html5lib.parse(html, namespaceHTMLElements=False).find("head")
    metas = {one.get("property") or one.get("name"): one.get("content") for one in head.iter("meta")}
    metas |= {one.get("rel"): one.get("href") for one in head.iter("link")}
    scripts = [one.text for one in head.iter("script") if one.get("type") == "application/ld+json"]
    return metas, json.loads(scripts[0]) if scripts else None


def test_a_preview_says_who_has_it_how_long_and_their_latest_words(client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(timedelta(hours=3))
    make.post(ticket, "update", text="The part is *ordered*.")
    metas, _ = told(client, ticket)
    page = f"{ORIGIN}/t/{ticket.ref}"
    assert metas["og:title"] == ticket.subject
    assert metas["og:description"] == f"{ticket.assignee.name} has this: open for 3 h. The part is ordered."
    assert (metas["og:type"], metas["og:site_name"]) == ("article", "Nameplate")
    assert metas["og:image"] == f"{page}/og.png?v={make.fresh(ticket).last_public_seq}"
    assert metas["twitter:card"] == "summary_large_image"
    assert metas["og:url"] == metas["canonical"] == page
    assert metas["article:published_time"] == "2026-03-02T10:00:00Z"
    assert metas["article:modified_time"] == "2026-03-02T13:00:00Z"


def test_a_preview_names_who_said_the_latest_words_when_somebody_else_has_it(client: Visitor) -> None:
    ticket = make.ticket()
    rosa = ticket.assignee.name
    make.post(ticket, "update", text="The part is ordered.")
    make.post(ticket, "reassigned", make.lead(ticket.desk, on_duty=False), to=make.agent(ticket.desk))
    assert told(client, ticket)[0]["og:description"].endswith(f". {rosa}: The part is ordered.")


def test_the_page_is_an_action_of_a_person(client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    _, action = told(client, ticket)
    assert (action["@context"], action["@type"]) == ("https://schema.org", "Action")
    assert action["agent"] == {
        "@type": "Person",
        "name": ticket.assignee.name,
        "url": f"{ORIGIN}/people/{ticket.assignee.slug}",
    }
    assert action["object"]["name"] == action["name"] == ticket.subject
    assert action["startTime"] == "2026-03-02T10:00:00Z"
    assert "endTime" not in action


@pytest.mark.parametrize(("kind", "status"), ENDINGS.items())
def test_the_action_stands_as_the_ticket_does(client: Visitor, travel: Traveller, kind: str, status: str) -> None:
    ticket = make.ticket()
    travel.shift(timedelta(hours=1))
    make.post(ticket, kind)
    _, action = told(client, ticket)
    assert action["actionStatus"] == ACTION.format(status)
    assert action.get("endTime") == ("2026-03-02T11:00:00Z" if kind in ("resolved", "declined") else None)


def test_every_address_of_a_page_names_the_one_it_is_known_by(client: Visitor) -> None:
    ticket = make.ticket()
    for address in (f"/t/{ticket.ref}", f"/t/{ticket.ref}/no-water", f"/t/{ticket.ref}?after=1"):
        assert told(client, ticket, address)[0]["canonical"] == f"{ORIGIN}/t/{ticket.ref}"


def test_only_a_public_ticket_asks_to_be_found(client: Visitor) -> None:
    assert "robots" not in told(client, make.ticket())[0]
    unlisted = make.ticket(visibility="unlisted")
    metas, action = told(client, unlisted)
    assert metas["robots"] == "noindex"
    assert metas["og:title"] == unlisted.subject, "whoever has the link may show a preview of it"
    assert action


def test_a_private_ticket_tells_programs_nothing_also_on_its_customer_s_page(client: Visitor) -> None:
    ticket = make.ticket(visibility="private")
    make.own(client, ticket)
    metas, action = told(client, ticket)
    assert metas["robots"] == "noindex"
    assert action is None
    assert not [name for name in metas if name and name.startswith(("og:", "article:", "canonical", "description"))]


def test_the_customer_s_page_tells_programs_no_more_than_the_public_s(client: Visitor, house: Flask) -> None:
    ticket = make.ticket(name="Carola Canaria", name_shown="none", impact="I carry it up.")
    make.post(ticket, "reply", text="A private word.", publish=False)
    public = told(client, ticket)
    make.own(client, ticket)
    own = told(client, ticket)
    assert own == public
    assert "Canaria" not in str(own)


def test_no_subject_or_name_breaks_out_of_the_data(client: Visitor) -> None:
    ticket = make.ticket()
    storable = [text for text in payloads.OURS if min(text) >= " "]  # control characters never get that far
    for text in (*storable[::3], "</script><script>alert(1)</script>", "<!--<script>", "a\u2028b\u2029c"):
        with store.transaction():
            found = make.fresh(ticket)
            found.subject, found.assignee.name, found.desk.name = text[:140], text[:80], text[:80]
        html = client.get(f"/t/{ticket.ref}").text
        assert wrong(html) == [], text
        _, action = told(client, ticket)
        assert (action["name"], action["agent"]["name"]) == (text[:140], text[:80])
