"""A ticket in which every field that somebody types holds a payload, and every way out of the house."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask

from tests import make
from tests.houses import Visitor
from tracker import desks, embeds, store, tickets
from tracker.errors import Conflict, Invalid
from tracker.models import Person, Ticket
from tracker.permissions import ANYONE, Viewer

WORDS = {  # kind: the field that takes a text, and what else it needs
    "update": "text",
    "note": "text",
    "reply": "text",
    "thanks": "text",
    "promise_moved": "reason",
    "waiting": "text",
    "resumed": "text",
    "resolved": "text",
    "feedback": "text",
    "reopened": "text",
}


@dataclass
class Scene:
    """Who is there, and what was taken of what was tried."""

    ticket: Ticket
    agent: Person
    other: Person
    taken: int = 0
    refused: int = 0

    def attempt(self, kind: str, by: Viewer, **given: Any) -> int:
        """Post what may be refused in plain words, but nothing else may happen; return its seq, 0 when refused."""
        try:
            event = make.post(self.ticket, kind, by, **given)
        except (Invalid, Conflict):
            self.refused += 1
            return 0
        self.taken += 1
        return event.seq


def open_with(payload: str, number: int, at: Any, **given: Any) -> Ticket | None:
    """Open a public ticket whose every field is the payload, or as much of it as fits; None when it is refused."""
    fields = {
        "subject": payload[:140],
        "text": payload[:10_000],
        "impact": payload[:500],
        "phone": payload[:40],
        "zone": payload[:64],
        "language": payload[:12],
        "feeling": "upset",
        "name": payload[:80],
        "pseudonym": payload[:80],
    }
    for fallback in (
        {},
        {"name": f"Cara {chr(97 + number % 26)}", "pseudonym": ""},
        {"phone": ""},
        {"subject": "Plain words"},
    ):
        fields |= fallback
        try:
            opened, _secret = tickets.open(
                fields | {"email": f"c{number}@home.example", "desk": at.slug, "visibility": "public", **given},
                by=ANYONE,
            )
        except Invalid:
            continue
        with store.transaction():
            found = make.fresh(opened)
            found.visibility, found.wanted_visibility, found.email_confirmed_at = "public", None, store.now()
            found.shares_feelings = True
        return opened
    return None


def fill(payloads: list[str]) -> Scene:
    """Say every payload in every kind of event that takes words, as all who may."""
    desk = desks.everyone()[0] if desks.everyone() else make.desk()
    agent, other = make.agent(desk), make.agent(desk)
    ticket = make.ticket(desk)
    if ticket.assignee_id != agent.id:
        agent, other = other, agent
    scene = Scene(ticket, agent, other)
    for payload in payloads:
        _round(scene, payload)
    return scene


def _round(scene: Scene, text: str) -> None:
    agent, customer = make.viewer(scene.agent), make.customer(scene.ticket)
    for kind, field in WORDS.items():
        by = customer if kind in ("reply", "thanks", "feedback", "reopened") else agent
        more = {"publish": True} if kind in ("reply", "feedback") else {}
        seq = scene.attempt(kind, by, **{field: text[:500] if kind in ("promise_moved", "feedback") else text}, **more)
        if seq and kind in ("update", "note"):
            scene.attempt("corrected", agent, target=seq, text=text, reason=text[:500])
        if seq and kind == "thanks":
            scene.attempt("redacted", agent, target=seq, reason=text[:500])
    _hand_round(scene, text[:500])


def _hand_round(scene: Scene, text: str) -> None:
    offered = scene.attempt("handoff_offered", make.viewer(scene.agent), to=scene.other, reason=text, briefing=text)
    if offered and not scene.attempt("handoff_declined", make.viewer(scene.other), reason=text):
        scene.attempt("handoff_declined", make.viewer(scene.other), reason="No")


def dress_up(scene: Scene, payload: str) -> None:
    """Let the desk and the people carry a payload too: whoever runs the house may be careless."""
    with store.transaction():
        found = make.fresh(scene.ticket)
        found.desk.name, found.desk.about = payload[:80], payload[:500]
        scene.other.name, scene.other.line, scene.other.languages = payload[:80], payload[:200], [payload[:20]]


def browsers(house: Flask, scene: Scene) -> Iterator[tuple[str, Visitor]]:
    """Give a browser of each audience."""
    for who in ("public", "customer", "staff"):
        browser = house.test_client()
        assert isinstance(browser, Visitor)
        if who == "customer":
            make.own(browser, scene.ticket)
        if who == "staff":
            make.sign_in(browser, scene.agent)
        yield who, browser


def pages(scene: Scene, who: str) -> list[str]:
    """Return the addresses of HTML that this audience may open."""
    ref = scene.ticket.ref
    listed = [f"/t/{ref}", f"/t/{ref}/entries?after=0", "/", "/new", f"/desks/{scene.ticket.desk.slug}"]
    listed += [f"/people/{scene.agent.slug}", f"/people/{scene.other.slug}", "/dev/mailbox", "/signin"]
    if who == "public":
        listed.append(f"/t/{ref}/card")
    if who == "customer":
        listed.append(f"/t/{ref}/embeds")
    if who == "staff":
        listed += ["/workspace/", f"/workspace/t/{ref}", "/workspace/new"]
    return listed


def embed_of(scene: Scene) -> str:
    return embeds.create(scene.ticket, by=make.customer(scene.ticket), theme="auto", sites=[]).eid
