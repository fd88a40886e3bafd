"""Atom feeds, read as strangers' programs read them: one entry per public event, under an id that never changes."""

import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import feedparser
import pytest
from flask import Flask
from time_machine import Traveller

from tests import make
from tests.attacks import payloads, stage
from tests.attacks.markup import wrong
from tests.houses import ORIGIN, Visitor
from tracker import attachments, links, store

ATOM = "{http://www.w3.org/2005/Atom}"


def read(client: Visitor, page: str) -> Any:
    answer = client.get(f"{page}/feed.atom")
    assert answer.status_code == 200
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    found = feedparser.parse(answer.data, sanitize_html=False, resolve_relative_uris=False)
    assert not found.bozo, found.get("bozo_exception")
    assert found.version == "atom10"
    return found


def test_a_feed_has_what_the_standard_asks_for(client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "update", text="The part is *ordered*.")
    feed = read(client, f"/t/{ticket.ref}")
    told = feed.feed
    assert told.id == f"tag:localhost,2026:t/{ticket.ref}"
    assert told.title == ticket.subject
    assert told.author == ticket.assignee.name
    own = {link.rel: link.href for link in told.links}
    assert own == {"self": f"{ORIGIN}/t/{ticket.ref}/feed.atom", "alternate": f"{ORIGIN}/t/{ticket.ref}"}
    newest = next(one for one in feed.entries if "wrote" in one.title)
    assert newest.id == f"tag:localhost,2026:t/{ticket.ref}/{newest.link.rpartition('#e')[2]}"
    assert newest.author == ticket.assignee.name
    assert newest.author_detail.href == f"{ORIGIN}/people/{ticket.assignee.slug}"
    assert newest.content[0].type == "text/html"
    assert newest.content[0].value.endswith("<p>The part is <em>ordered</em>.</p>")
    assert told.updated == max(one.updated for one in feed.entries)
    assert told.updated.endswith("Z")


def test_each_public_event_is_one_entry_newest_first_and_no_other_is(client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "note", text="Not for you.")
    make.post(ticket, "reply", text="Nor this.", publish=False)
    make.post(ticket, "update")
    seqs = [int(one.link.rpartition("#e")[2]) for one in read(client, f"/t/{ticket.ref}").entries]
    assert seqs == sorted((event.seq for event in make.events_of(ticket, "public")), reverse=True)


def test_the_feed_moves_with_each_event_and_its_old_ids_stay(client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    before = read(client, f"/t/{ticket.ref}")
    travel.shift(timedelta(hours=1))
    make.post(ticket, "update")
    after = read(client, f"/t/{ticket.ref}")
    assert after.feed.updated == "2026-03-02T11:00:00Z" > before.feed.updated
    assert [one.id for one in after.entries][-len(before.entries) :] == [one.id for one in before.entries]


def test_hidden_words_leave_the_feed_and_their_entry_moves(client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    event = make.post(ticket, "update", text="Her name is Carola.")
    travel.shift(timedelta(hours=1))
    make.post(ticket, "redacted", target=event.seq, reason="Names a customer")
    feed = read(client, f"/t/{ticket.ref}")
    entry = next(one for one in feed.entries if one.id.endswith(f"/{event.seq}"))
    assert "Carola" not in client.get(f"/t/{ticket.ref}/feed.atom").text
    assert "Names a customer" in entry.content[0].value
    assert entry.updated == "2026-03-02T11:00:00Z"
    assert entry.published == "2026-03-02T10:00:00Z"


def test_files_of_public_words_are_linked_and_no_others(client: Visitor) -> None:
    ticket = make.ticket()
    keys = {name: attachments.keep(name.encode(), f"canary {name}.txt").key for name in ("plan", "bill")}
    shown = make.post(ticket, "update", files=[{"file": keys["plan"], "alt": "The plan"}])
    make.post(ticket, "reply", publish=False, files=[{"file": keys["bill"]}])
    text = client.get(f"/t/{ticket.ref}/feed.atom").text
    entry = next(one for one in read(client, f"/t/{ticket.ref}").entries if one.id.endswith(f"/{shown.seq}"))
    (address,) = re.findall(r'<a href="([^"]+)">The plan</a>', entry.content[0].value)
    assert client.get(address).data == b"plan"
    assert keys["bill"] not in text
    assert "canary" not in text
    make.post(ticket, "redacted", target=shown.seq)
    assert keys["plan"] not in client.get(f"/t/{ticket.ref}/feed.atom").text


def test_a_feed_unchanged_is_not_sent_again(client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    first = client.get(f"/t/{ticket.ref}/feed.atom")
    travel.shift(timedelta(minutes=5))
    known = {"If-None-Match": first.headers["ETag"]}
    again = client.get(f"/t/{ticket.ref}/feed.atom", headers=known)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "public, max-age=60, stale-if-error=300"
    make.post(ticket, "update")
    assert client.get(f"/t/{ticket.ref}/feed.atom", headers=known).status_code == 200


def test_people_and_desks_have_feeds_of_what_was_said_on_public_tickets_alone(client: Visitor) -> None:
    desk = make.desk()
    known = {name: make.ticket(desk, visibility=name, subject=f"A {name} one") for name in ("public", "unlisted")}
    known["private"] = make.ticket(desk, visibility="private", subject="A private one")
    for ticket in known.values():
        make.post(ticket, "update", text="Coming.")
        make.post(ticket, "reply", text="Thank you.", publish=True)
    person = known["public"].assignee
    for page in (links.person(person.slug), links.desk(desk.slug)):
        entries = read(client, page).entries
        assert entries
        assert all(one.title.startswith("A public one: ") for one in entries)
        assert any("wrote" in one.title for one in entries)
        assert not [one for one in entries if "Thank you" in one.content[0].value], "not a word of those who answer"
    assert read(client, f"/t/{known['unlisted'].ref}").entries


def test_a_person_s_feed_holds_nobody_else_s_words(client: Visitor) -> None:
    desk = make.desk()
    ann, ben = make.agent(desk), make.agent(desk)
    mine, other = make.ticket(desk), make.ticket(desk)
    for ticket in (mine, other):
        make.post(ticket, "update")
    for person in (ann, ben):
        authors = {one.author for one in read(client, links.person(person.slug)).entries}
        assert authors == {person.name}
    assert {one.author for one in read(client, links.desk(desk.slug)).entries} == {ann.name, ben.name}


def test_a_feed_without_a_word_is_a_feed(client: Visitor) -> None:
    person = make.agent()
    assert read(client, links.person(person.slug)).entries == []
    assert read(client, links.desk(person.desk.slug)).feed.updated == "1970-01-01T00:00:00Z"


def test_taking_publicity_back_takes_the_feed_back_also_from_the_customer(client: Visitor) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    make.post(ticket, "visibility_changed", visibility="private")
    assert client.get(f"/t/{ticket.ref}/feed.atom").status_code == 404
    assert "feed.atom" not in client.get(f"/t/{ticket.ref}").text


@pytest.mark.parametrize("which", ["ticket", "person", "desk"])
def test_pages_name_their_feed_to_readers_programs(client: Visitor, which: str) -> None:
    ticket = make.ticket()
    pages = {
        "ticket": links.ticket(ticket.ref),
        "person": links.person(ticket.assignee.slug),
        "desk": links.desk(ticket.desk.slug),
    }
    html = client.get(pages[which]).text
    assert f'<link rel="alternate" type="application/atom+xml" href="{pages[which]}/feed.atom"' in html
    read(client, pages[which])


def test_no_payload_makes_a_feed_unsound_or_harmful(house: Flask, client: Visitor) -> None:
    scene = stage.fill(list(payloads.OURS[29:31]))
    for text in (*payloads.OURS[::6], "a\x08b\x1bc\ufffe", "]]></content></entry>", "\x85\u2028"):
        with store.transaction():
            make.fresh(scene.ticket).subject = text[:140]
        stage.dress_up(scene, text)
        for page in (f"/t/{scene.ticket.ref}", f"/people/{scene.other.slug}", f"/desks/{scene.ticket.desk.slug}"):
            tree = ElementTree.fromstring(client.get(f"{page}/feed.atom").data)
            for content in tree.iter(f"{ATOM}content"):
                assert wrong(content.text or "", fragment=True) == [], text
            hrefs = [one.get("href", "") for one in tree.iter(f"{ATOM}link")]
            hrefs += [one.text or "" for one in tree.iter(f"{ATOM}uri")]
            assert all(one.startswith(f"{ORIGIN}/") for one in hrefs)


def test_a_person_s_feed_keeps_their_words_when_a_ticket_is_passed_on(client: Visitor) -> None:
    ticket = make.ticket()
    rosa, other = ticket.assignee, make.agent(ticket.desk)
    make.post(ticket, "update", text="The part is ordered.")
    make.post(ticket, "reassigned", by=make.lead(ticket.desk), to=other)
    hidden = make.ticket(ticket.desk, visibility="unlisted")
    make.post(hidden, "update", text="Not for a feed.")
    feed = client.get(f"/people/{rosa.slug}/feed.atom").text
    assert "The part is ordered." in feed
    assert "Not for a feed." not in feed
    assert "The part is ordered." not in client.get(f"/people/{other.slug}/feed.atom").text
