"""Stored script and markup: every payload through every field, judged at every way out."""

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask

from tests import make
from tests.attacks import payloads, stage
from tests.attacks.markup import wrong
from tests.houses import Visitor
from tracker import browse, richtext

IN_SVG = {"svg", "title", "clipPath", "rect", "g", "text", "a", "linearGradient", "stop", "style"}
FEW, MANY = 12, 200


def test_the_judge_itself_sees_what_is_wrong() -> None:
    for text in (
        "<script>x</script>",
        "<a onclick=x>",
        "<a href=javascript:x>",
        "<iframe>",
        "<p style=x>",
        "<!-- x -->",
        "<script type='application/ld+json'>go()</script>",
        "<script type='application/ld+json' src='/x.js'></script>",
        "<script type='application/ld+json'>{}</script><script>go()</script>",
    ):
        assert wrong(f"<!doctype html><title>x</title>{text}"), text
        assert wrong(text, fragment=True), text
    assert (
        wrong('<p>fine</p><a href="https://a.example" rel="nofollow ugc noopener noreferrer">a</a>', fragment=True)
        == []
    )


def test_no_payload_of_the_corpora_leaves_markup_and_cleaning_twice_changes_nothing(full: bool) -> None:
    for text in payloads.everything() if full else payloads.sample(600):
        html = richtext.render(text[: richtext.LONGEST_SOURCE])
        assert wrong(html, fragment=True) == [], text
        assert richtext.clean(html) == html, text


@pytest.fixture
def scene(house: Flask, full: bool) -> stage.Scene:
    chosen = payloads.sample(MANY if full else FEW)
    scene = stage.fill(chosen if full else chosen[:: len(chosen) // FEW])
    stage.dress_up(scene, "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}")
    assert scene.taken > scene.refused
    return scene


def test_every_page_holds_allowed_markup_only(house: Flask, scene: stage.Scene) -> None:
    make.deliver()
    for who, browser in stage.browsers(house, scene):
        for address in stage.pages(scene, who):
            answer = browser.get(address)
            assert answer.status_code == 200, (who, address, answer.status)
            assert wrong(answer.text, fragment=False) == [], (who, address)


def test_every_json_holds_allowed_markup_only(house: Flask, scene: stage.Scene) -> None:
    eid, ref = stage.embed_of(scene), scene.ticket.ref
    listed = [f"/api/v1/tickets/{ref}", f"/api/v1/tickets/{ref}/events?limit=200", "/api/v1/tickets"]
    listed += [f"/api/v1/tickets/{ref}/handoffs", f"/api/v1/people/{scene.other.slug}", "/api/v1/desks"]
    listed += [f"/e/{eid}/badge.json", f"/t/{ref}/badge.json", f"/e/{eid}/shields.json", "/api/v1/openapi.json"]
    for who, browser in stage.browsers(house, scene):
        for address in listed:
            answer = browser.get(address)
            assert answer.status_code == 200, (who, address)
            assert answer.content_type.startswith("application/json"), address
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            for html in _html_in(json.loads(answer.text)):
                whole = f"<!doctype html><title>x</title><ol>{html}</ol>"
                faults = wrong(whole) if html.startswith("<li id=") else wrong(html, fragment=True)
                assert faults == [], (who, address)


def test_what_a_socket_pushes_holds_allowed_markup_only(house: Flask, scene: stage.Scene) -> None:
    for audience in ("public", "customer", "staff"):
        news = browse.news(scene.ticket, after=0, audience=audience, limit=200, html=True)
        for event in news["events"]:
            whole = f"<!doctype html><title>x</title><ol>{event['html']}</ol>"
            assert wrong(whole) == [], event
            assert wrong(event["body_html"], fragment=True) == []


def test_a_picture_is_sound_xml_without_scripts(house: Flask, client: Visitor, scene: stage.Scene) -> None:
    eid = stage.embed_of(scene)
    for number, text in enumerate(payloads.sample(40)):
        for address in (f"/e/{eid}/badge.svg", f"/t/{scene.ticket.ref}/badge.svg", "/e/000000000000/badge.svg"):
            asked = {"label": text[:400], "color": text[:400], "labelColor": text[:40], "style": text[:40]}
            answer = client.get(address, query_string=asked)
            policy = answer.headers["Content-Security-Policy"]
            assert answer.status_code == 200
            assert re.fullmatch(r"default-src 'none'(; style-src 'sha256-[\w+/=]+')?", policy), number
            for one in ElementTree.fromstring(answer.data).iter():
                assert str(one.tag).rpartition("}")[2] in IN_SVG, text
                assert not [name for name in one.attrib if name.startswith("on") or "href" in name], text


def test_a_picture_whose_person_is_named_by_an_attacker_is_sound_xml(house: Flask, client: Visitor) -> None:
    scene = stage.fill([])
    for text in payloads.OURS:
        stage.dress_up(scene, text)
        with stage.store.transaction():
            scene.agent.name = text[:80]
        ElementTree.fromstring(client.get(f"/t/{scene.ticket.ref}/badge.svg").data)


def is_dress(fault: str) -> bool:
    """Mail programs read no sheets: ours dress themselves. Words that somebody typed may not."""
    return not fault.endswith("in typed words") and (fault == "<style>" or " style=" in fault)


def test_every_mail_holds_allowed_markup_only(house: Flask, scene: stage.Scene) -> None:
    mails = make.deliver()
    assert not any(mail.defects for mail in mails)
    pages = [part.get_content() for mail in mails for part in mail.walk() if part.get_content_type() == "text/html"]
    assert sum('class="said"' in html for html in pages) > 10, "typed words are marked, or nobody judges them"
    for html in pages:
        faults = [fault for fault in wrong(html) if "leads elsewhere" not in fault and not is_dress(fault)]
        assert faults == [], html


def test_templates_in_typed_words_stay_words(house: Flask) -> None:
    scene = stage.fill(["{{7*7}} ${7*7} <%= 7*7 %> #{7*7} {{config}} %(secret)s {0}"])
    stage.dress_up(scene, "{{7*7}}")
    for who, browser in stage.browsers(house, scene):
        text = browser.get(f"/t/{scene.ticket.ref}").text
        assert "{{7*7}} ${7*7} &lt;%= 7*7 %&gt; #{7*7} {{config}} %(secret)s {0}" in text, who
    assert any("{{7*7}}" in mail.as_string() for mail in make.deliver())


def test_every_field_of_opening_takes_a_payload_as_words(house: Flask, full: bool) -> None:
    desk = make.desk()
    make.agent(desk)
    chosen = payloads.sample(MANY) if full else payloads.sample(FEW)[::8]
    opened = [stage.open_with(text, number, desk) for number, text in enumerate(chosen)]
    found = [ticket for ticket in opened if ticket]
    assert len(found) > len(chosen) / 2
    for ticket in found:
        browser = house.test_client()
        assert isinstance(browser, Visitor)
        for address in (f"/t/{ticket.ref}", "/"):
            assert wrong(browser.get(address).text) == [], ticket.subject
    make.deliver()


def test_what_was_typed_comes_back_as_words_when_a_form_is_refused(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(visibility="private")
    make.own(client, ticket)
    addresses = ("/new", f"/t/{ticket.ref}/say/visibility_changed", f"/t/{ticket.ref}/embeds")
    for text in payloads.OURS:
        typed = {
            "subject": text,
            "text": text,
            "name": text,
            "email": text,
            "phone": text,
            "impact": text,
            "desk": text,
        }
        for address in addresses:
            answer = client.post(
                address, data=typed | {"visibility": text, "theme": text, "sites": text, "pseudonym": text}
            )
            assert answer.status_code in (422, 303, 401), (address, answer.status)
            assert wrong(answer.text) == [], (address, text)
        assert wrong(client.get("/", query_string={"q": text, "status": text, "before": ""}).text) == []


def _html_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            if name in ("html", "body_html", "old_html", "briefing_html") and isinstance(one, str):
                yield one
            else:
                yield from _html_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from _html_in(one)
