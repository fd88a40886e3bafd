"""oEmbed 1.0: pasted addresses become cards in the size asked for, found by discovery; 404 alike for the rest."""

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import html5lib
import pytest
from flask import Flask

from tests import make
from tests.attacks import payloads
from tests.houses import ORIGIN, Visitor
from tracker import embeds, store
from tracker.models import Ticket
from widgets import card


def ask(client: Visitor, url: str, **more: str) -> Any:
    return client.get("/oembed", query_string={"url": url, **more})


def address(ticket: Ticket) -> str:
    return f"{ORIGIN}/t/{ticket.ref}"


def frame_in(html: str) -> dict[str, str]:
    (found,) = html5lib.parseFragment(html, namespaceHTMLElements=False)
    assert found.tag == "iframe"
    return dict(found.attrib)


def test_a_ticket_s_address_becomes_its_card(client: Visitor) -> None:
    ticket = make.ticket()
    answer = ask(client, address(ticket))
    assert answer.content_type == "application/json"
    facts = answer.json
    assert (facts["type"], facts["version"], facts["title"]) == ("rich", "1.0", ticket.subject)
    assert facts["author_name"] == ticket.assignee.name
    assert facts["author_url"] == f"{ORIGIN}/people/{ticket.assignee.slug}"
    assert (facts["provider_name"], facts["provider_url"]) == ("Nameplate", f"{ORIGIN}/")
    frame = frame_in(facts["html"])
    assert frame["src"] == f"{ORIGIN}/t/{ticket.ref}/card"
    assert (frame["width"], frame["height"]) == (str(facts["width"]), str(facts["height"]))
    assert ticket.subject in client.get(frame["src"]).text


def test_an_embed_s_address_becomes_that_embed(client: Visitor) -> None:
    ticket = make.ticket()
    eid = embeds.create(ticket, by=make.customer(ticket), theme="dark").eid
    facts = ask(client, f"{ORIGIN}/e/{eid}").json
    assert frame_in(facts["html"])["src"] == f"{ORIGIN}/e/{eid}"


def test_xml_says_the_same(client: Visitor) -> None:
    ticket = make.ticket(subject="Tea & <b>biscuits</b>")
    facts = ask(client, address(ticket)).json
    answer = ask(client, address(ticket), format="xml")
    assert answer.content_type == "text/xml; charset=utf-8"
    root = ElementTree.fromstring(answer.data)
    assert root.tag == "oembed"
    assert {one.tag: one.text for one in root} == {name: str(value) for name, value in facts.items()}


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"maxwidth": "300"}, (300, 330)),
        ({"maxwidth": "5000", "maxheight": "90"}, (420, 90)),
        ({"maxwidth": "0", "maxheight": "-4"}, (420, 330)),
        ({"maxwidth": "x", "maxheight": "²"}, (420, 330)),
    ],
)
def test_no_card_is_larger_than_asked(client: Visitor, asked: dict[str, str], given: tuple[int, int]) -> None:
    facts = ask(client, address(make.ticket()), **asked).json
    assert (facts["width"], facts["height"]) == given
    frame = frame_in(facts["html"])
    assert (frame["width"], frame["height"]) == tuple(str(side) for side in given)


def test_a_thumbnail_comes_whole_or_not_at_all(client: Visitor) -> None:
    ticket = make.ticket()
    facts = ask(client, address(ticket), maxwidth="1200", maxheight="630").json
    assert facts["thumbnail_url"].startswith(f"{ORIGIN}/t/{ticket.ref}/og.png")
    assert (facts["thumbnail_width"], facts["thumbnail_height"]) == (1200, 630)
    for small in ({"maxwidth": "1199"}, {"maxheight": "629"}):
        assert not [name for name in ask(client, address(ticket), **small).json if name.startswith("thumbnail")]


def test_pages_name_their_oembed_to_editors(client: Visitor) -> None:
    ticket = make.ticket()
    eid = embeds.create(ticket, by=make.customer(ticket)).eid
    for page in (f"/t/{ticket.ref}", f"/e/{eid}"):
        tree = html5lib.parse(client.get(page).text, namespaceHTMLElements=False)
        found = {one.get("type"): one.get("href") for one in tree.iter("link") if "oembed" in one.get("type", "")}
        assert set(found) == {"application/json+oembed", "text/xml+oembed"}
        for form, href in found.items():
            assert href.startswith(f"{ORIGIN}/oembed?url={quote(ORIGIN + page, safe='')}&")
            assert client.get(href).content_type.partition(";")[0] == form.replace("+oembed", "")
    private = make.ticket(visibility="private")
    make.own(client, private)
    assert "oembed" not in client.get(f"/t/{private.ref}").text


def test_what_is_not_shown_is_not_found_alike(client: Visitor) -> None:
    private, taken = make.ticket(visibility="private"), make.ticket()
    mine, revoked = (embeds.create(one, by=make.customer(one)).eid for one in (private, taken))
    embeds.revoke(revoked, by=make.customer(taken))
    make.own(client, private, taken)
    pages = [f"t/{private.ref}", "t/000000000000", f"e/{mine}", f"e/{revoked}", "e/000000000000", "", "people/x"]
    answers = [ask(client, f"{ORIGIN}/{page}") for page in pages]
    answers += [ask(client, url) for url in ("", "x", "http://[", f"https://evil.example/t/{taken.ref}")]
    assert {one.status_code for one in answers} == {404}
    assert len({one.data for one in answers}) == 1


def test_other_formats_are_not_implemented(client: Visitor) -> None:
    assert ask(client, address(make.ticket()), format="yaml").status_code == 501


def test_addresses_people_copy_are_understood(client: Visitor) -> None:
    ticket = make.ticket()
    for url in (f"{address(ticket)}/no-water", f"{address(ticket)}#e2", f"{address(ticket)}?after=1"):
        assert ask(client, url).status_code == 200, url


def test_any_site_may_ask_and_caches_keep_it_a_minute(client: Visitor, house: Flask) -> None:
    ticket = make.ticket()
    first = client.get("/oembed", query_string={"url": address(ticket)}, headers={"Origin": "https://a.example"})
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert first.headers["Cache-Control"] == "public, max-age=60, stale-if-error=300"


def test_no_payload_breaks_out_of_the_frame_or_the_xml(client: Visitor) -> None:
    ticket = make.ticket()
    for text in (*payloads.OURS[::3], "a\x08b\ufffe"):
        with store.transaction():
            found = make.fresh(ticket)
            found.subject, found.assignee.name = text[:140], text[:80]
        facts = ask(client, address(ticket)).json
        assert set(frame_in(facts["html"])) == {"src", "title", "width", "height", "loading", "frameborder"}, text
        ElementTree.fromstring(ask(client, address(ticket), format="xml").data)


def test_walls_and_timelines_are_framed_at_their_own_height(client: Visitor) -> None:
    ticket = make.ticket()
    by = make.customer(ticket)
    wall = embeds.create(ticket, by=by, variant="wall", title="My street")
    timeline = embeds.create(ticket, by=by, variant="timeline")
    facts = ask(client, f"{ORIGIN}/e/{wall.eid}").json
    assert facts["title"] == "My street"
    assert "author_name" not in facts
    assert f'src="{ORIGIN}/e/{wall.eid}"' in facts["html"]
    heights = {one.variant: ask(client, f"{ORIGIN}/e/{one.eid}").json["height"] for one in (wall, timeline)}
    assert heights == {name: card.HEIGHTS[name] for name in ("wall", "timeline")}


def test_wordpress_gets_a_link_beside_the_frame_and_nobody_else_does(client: Visitor) -> None:
    ticket = make.ticket(subject='"><script>alert(1)</script>')
    asked = {"query_string": {"url": address(ticket)}}
    plain = client.get("/oembed", **asked)
    frame_in(plain.json["html"])
    answer = client.get("/oembed", **asked, headers={"User-Agent": "WordPress/6.1; https://blog.example"})
    link, frame = html5lib.parseFragment(answer.json["html"], namespaceHTMLElements=False)
    assert (link.tag, frame.tag) == ("blockquote", "iframe")
    assert link.find("a").get("href") == address(ticket)
    assert link.find("a").text.startswith(ticket.subject)
    assert "User-Agent" in answer.headers["Vary"]
