"""What must hold for every route there is, also for those that come: who it admits, and what it allows a browser."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tests import make
from tests.houses import Visitor
from tests.test_routes import Scene
from tracker import embeds, permissions
from tracker.models import Person
from widgets import _svg

WHOEVER = {"anyone", "ticket", "link"}
FRAMED = re.compile(r"^/(e/<eid>|t/<ref>/card)$")
"""Cards are for other sites' frames; nothing else is."""
TRIED = re.compile(r"/embeds/tried/")
"""Embeds that are not kept yet are for frames of our own page."""
CROSS_ORIGIN = re.compile(
    r"^/(e/<eid>/|t/<ref>/(badge\.|og\.png)|(t/<ref>|people/<slug>|desks/<slug>)/feed\.atom|embed\.js|embed/|api/v1/|oembed|static/)"
)
"""What pages of other sites may read by script."""
FROM_ANY_SITE = {"/e/<eid>/seen", "/follow/<token>/leave"}
"""Where others may post, for no cookie is looked at: a view is counted, a mail program leaves for its reader."""
STRICT = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'"},
    "connect-src": {"'self'"},
    "font-src": {"'self'"},
    "base-uri": {"'none'"},
    "form-action": {"'self'"},
    "frame-ancestors": {"'none'"},
}


def rules(app: Flask) -> Iterator[Rule]:
    yield from sorted(app.url_map.iter_rules(), key=str)


@pytest.fixture
def stage(house: Flask) -> Scene:
    desk = make.desk()
    cast: dict[str, Person] = {"assignee": make.agent(desk)}
    ticket = make.ticket(desk)
    return Scene(ticket, desk, embeds.create(ticket, by=make.customer(ticket)).eid, cast)


def policy(told: str) -> dict[str, set[str]]:
    parts = [part.split() for part in told.split(";") if part.strip()]
    return {name: set(sources) for name, *sources in parts}


def test_every_route_says_whom_it_admits(house: Flask) -> None:
    for rule in rules(house):
        if rule.endpoint != "static":
            told = getattr(house.view_functions[rule.endpoint], "admits", None)
            assert told in WHOEVER | set(permissions.HOUSE_ACTS), rule


def test_a_route_admits_whom_it_says(house: Flask, client: Visitor, stage: Scene) -> None:
    """Those for people who work here turn everybody else away, whatever the view does."""
    for rule in rules(house):
        act = getattr(house.view_functions[rule.endpoint], "admits", None)
        if act in set(permissions.HOUSE_ACTS) - {"open"}:
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                answer = client.open(stage.address(rule.rule), method=method, buffered=True)
                assert answer.status_code in (303, 401), f"{method} {rule}"
                assert answer.status_code == 401 or "/signin" in answer.headers["Location"]


def test_every_answer_carries_the_strict_policy(house: Flask, client: Visitor, stage: Scene) -> None:
    make.sign_in(client, stage.people["assignee"])
    make.own(client, stage.ticket)
    for rule in rules(house):
        house.extensions.pop("tracker_limiter", None)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(stage.address(rule.rule), method=method, buffered=True)
            found = policy(answer.headers["Content-Security-Policy"])
            framed = FRAMED.match(rule.rule)
            for name, sources in STRICT.items():
                if framed and name == "frame-ancestors":
                    continue
                if TRIED.search(rule.rule) and name == "frame-ancestors":
                    assert found[name] <= {"'self'", "'none'"}
                    continue
                own = {_svg.STYLE_SOURCE} if rule.rule.endswith(".svg") and name == "style-src" else {"'none'"}
                assert found.get(name, found["default-src"]) <= sources | own | {"'none'"}, f"{method} {rule}: {name}"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer")


def test_only_what_is_meant_for_other_sites_may_be_read_by_them(house: Flask, client: Visitor, stage: Scene) -> None:
    make.own(client, stage.ticket)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for rule in rules(house):
        house.extensions.pop("tracker_limiter", None)
        answer = client.get(stage.address(rule.rule), headers=foreign, buffered=True)
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        if not CROSS_ORIGIN.match(rule.rule):
            assert allowed is None, rule
        assert allowed in (None, "*"), "an Origin is never reflected"
        assert "Access-Control-Allow-Credentials" not in answer.headers, rule


def test_no_form_of_another_site_is_taken(house: Flask, client: Visitor, stage: Scene) -> None:
    make.sign_in(client, stage.people["assignee"])
    make.own(client, stage.ticket)
    before = make.fresh(stage.ticket).last_seq
    foreign: tuple[dict[str, str], ...] = (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    )
    open_to_all = {r.rule for r in rules(house) if getattr(house.view_functions[r.endpoint], "from_any_site", False)}
    assert open_to_all == FROM_ANY_SITE
    for rule in rules(house):
        for method in (
            (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"} - ({"POST"} if rule.rule in FROM_ANY_SITE else set())
        ):
            for headers in foreign:
                answer = client.open(
                    stage.address(rule.rule), method=method, headers=headers, data={"text": "Mine now."}
                )
                assert answer.status_code in (401, 403), f"{method} {rule} {headers}"
    assert make.fresh(stage.ticket).last_seq == before


def test_secrets_are_on_no_page_that_may_be_kept(house: Flask, client: Visitor, stage: Scene) -> None:
    make.own(client, stage.ticket)
    for path in (f"/t/{stage.ticket.ref}", f"/t/{stage.ticket.ref}/entries", f"/api/v1/tickets/{stage.ticket.ref}"):
        assert "no-store" in client.get(path).headers["Cache-Control"], path
    for path in ("/k/" + "x" * 43, "/link/signin/" + "x" * 43):
        answer = client.get(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
