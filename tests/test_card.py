"""The framed card: what it shows, on whose sites it may stand, and grey when there is nothing to show."""

from datetime import timedelta

import html5lib
import pytest
from flask import Flask
from time_machine import Traveller

from tests import make
from tests.attacks import payloads
from tests.attacks.markup import wrong
from tests.houses import ORIGIN, Visitor
from tests.html import parse_errors
from tracker import embeds, links, store
from tracker.errors import Invalid
from widgets import card

GREY = "Ticket status unknown"


def words(html: str) -> str:
    return " ".join("".join(html5lib.parse(html, namespaceHTMLElements=False).find("body").itertext()).split())


def frames(answer: object) -> str:
    policy: str = answer.headers["Content-Security-Policy"]  # type: ignore[attr-defined]
    return policy.partition("frame-ancestors ")[2]


def test_a_card_says_who_what_how_long_the_promise_and_the_latest_words(client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(timedelta(hours=3))
    make.post(ticket, "update", text="The part is **ordered**.")
    answer = client.get(f"/e/{make.worn(ticket).eid}")
    assert answer.content_type == "text/html; charset=utf-8"
    assert parse_errors(answer.text) == []
    said = words(answer.text)
    assert f"{ticket.assignee.name} has this {ticket.subject} 3 h Open" in said
    assert f"Next word from {ticket.assignee.name} by " in said
    assert "The part is ordered." in said
    make.post(ticket, "resolved")
    assert "had this to the end" in words(client.get(f"/t/{ticket.ref}/card").text)


def test_every_link_of_a_card_opens_a_page_of_its_own(client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "update", text="See [the plan](https://plan.example).")
    body = html5lib.parse(client.get(f"/t/{ticket.ref}/card").text, namespaceHTMLElements=False).find("body")
    found = [(one.get("href"), one.get("target"), one.get("rel")) for one in body.iter("a")]
    page = f"/t/{ticket.ref}"
    ways = (page, f"{page}#follow", f"{page}#waiting-too", f"{page}#thanks")
    assert set(found) == {(address, "_blank", "noopener") for address in ways}


@pytest.mark.parametrize("kind", ["update", "resolved"])
def test_where_a_card_leads_there_is_something_for_a_reader_who_is_not_signed_in(client: Visitor, kind: str) -> None:
    ticket = make.ticket()
    make.post(ticket, kind)
    body = html5lib.parse(client.get(f"/e/{make.worn(ticket).eid}").text, namespaceHTMLElements=False).find("body")
    ways = [address.partition("#") for one in body.iter("a") if (address := one.get("href", ""))]
    assert len(ways) == (5 if kind == "update" else 4)
    for page, _, anchor in ways:
        found = html5lib.parse(client.get(page).text, namespaceHTMLElements=False)
        assert not anchor or any(one.get("id") == anchor for one in found.iter()), anchor


def test_a_timeline_shows_the_last_events_and_a_card_does_not(client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "update", text="The part is **ordered**.")
    make.post(ticket, "note", text="Between us.")
    make.post(ticket, "update", text="It is on the van.")
    timeline, plain = (
        words(client.get(f"/e/{make.worn(ticket, variant=one).eid}").text) for one in ("timeline", "card")
    )
    assert timeline.index("The part is ordered.") < timeline.index("It is on the van.")
    assert "The part is ordered." not in plain
    assert "Between us." not in timeline
    assert "The part is ordered." in words(client.get(f"/t/{ticket.ref}/card?variant=timeline").text), "a preview"


def test_a_wall_lists_its_tickets_with_their_people(client: Visitor) -> None:
    one = make.ticket(subject="No light on the stairs", email="cara@home.example")
    two = make.ticket(subject="The door sticks", email="cara@home.example")
    wall = embeds.create(
        one, by=make.customer(one, two), variant="wall", picks=[two.ref, one.ref], title="My <b>house</b>"
    )
    answer = client.get(f"/e/{wall.eid}")
    assert parse_errors(answer.text) == []
    said = words(answer.text)
    assert said.index("My <b>house</b>") < said.index("The door sticks") < said.index("No light on the stairs")
    assert one.assignee.name in said
    make.post(two, "visibility_changed", visibility="private")
    assert "The door sticks" not in client.get(f"/e/{wall.eid}").text
    desk_wall = embeds.create(one.desk, by=make.viewer(make.lead(one.desk)))
    assert f'href="/desks/{one.desk.slug}"' in client.get(f"/e/{desk_wall.eid}").text


def test_a_card_keeps_to_the_sites_of_its_embed(client: Visitor) -> None:
    ticket = make.ticket()
    assert frames(client.get(f"/e/{make.worn(ticket).eid}")) == "*"
    kept = make.worn(ticket, sites=["https://Blog.example", "http://localhost:4000"])
    assert frames(client.get(f"/e/{kept.eid}")) == "'self' https://blog.example http://localhost:4000"


def test_no_script_of_another_site_reads_a_card(client: Visitor) -> None:
    eid = make.worn(make.ticket(), sites=["https://blog.example"]).eid
    for origin in ("https://blog.example", "https://other.example"):
        answer = client.get(f"/e/{eid}", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert (GREY in answer.text) == (origin == "https://other.example")


def test_a_card_sets_no_cookie_and_is_the_same_for_all(client: Visitor) -> None:
    ticket = make.ticket()
    eid = make.worn(ticket).eid
    first = client.get(f"/e/{eid}")
    make.own(client, ticket)
    own = client.get(f"/e/{eid}")
    assert first.data == own.data
    for answer in (first, own):
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "public, max-age=2, stale-if-error=300"
        assert "Cookie" not in answer.headers["Vary"]


def test_unknown_private_and_revoked_cards_are_grey_alike(client: Visitor) -> None:
    private, taken = make.ticket(visibility="private"), make.ticket()
    revoked = make.worn(taken, sites=["https://blog.example"], theme="dark")
    embeds.revoke(revoked.eid, by=make.customer(taken))
    ids = [links.new_ref(), make.worn(private).eid, revoked.eid]
    answers = [client.get(f"/e/{eid}") for eid in ids] + [client.get(f"/t/{private.ref}/card")]
    assert {one.status_code for one in answers} == {200}
    assert len({one.data for one in answers}) == 1
    assert len({one.headers["Content-Security-Policy"] for one in answers}) == 1
    assert GREY in words(answers[0].text)


@pytest.mark.parametrize("theme", embeds.THEMES)
def test_a_card_wears_the_colours_its_customer_chose(client: Visitor, theme: str) -> None:
    assert f'class="theme--{theme}"' in client.get(f"/e/{make.worn(make.ticket(), theme=theme).eid}").text


def test_an_embed_may_be_a_card_and_nothing_unknown(house: Flask) -> None:
    ticket = make.ticket()
    assert make.worn(ticket, variant="card").variant == "card"
    with pytest.raises(Invalid):
        make.worn(ticket, variant="hologram")


def test_the_frame_reserves_its_room_and_says_what_it_is(house: Flask) -> None:
    ticket = make.ticket(subject='"><script>alert(1)</script>')
    embed = make.worn(ticket)
    (frame,) = html5lib.parseFragment(card.snippet(embed), namespaceHTMLElements=False)
    assert frame.tag == "iframe"
    assert frame.get("src") == f"{ORIGIN}/e/{embed.eid}"
    assert frame.get("title") == f"Who has my ticket: {ticket.subject}"
    assert (frame.get("width"), frame.get("height")) == ("100%", str(card.HEIGHTS["badge"]))


def test_no_payload_harms_a_card(client: Visitor) -> None:
    ticket = make.ticket()
    for text in payloads.OURS[::2]:
        with store.transaction():
            found = make.fresh(ticket)
            found.subject, found.assignee.name, found.desk.name = text[:140], text[:80], text[:80]
        assert wrong(client.get(f"/t/{ticket.ref}/card").text) == [], text


def test_a_card_says_how_often_a_ticket_was_passed_on(client: Visitor) -> None:
    ticket = make.ticket()
    eid = make.worn(ticket).eid
    assert "passed on" not in words(client.get(f"/e/{eid}").text)
    make.post(ticket, "reassigned", make.lead(ticket.desk, on_duty=False), to=make.agent(ticket.desk))
    assert "passed on once" in words(client.get(f"/e/{eid}").text)
