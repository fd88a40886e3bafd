"""Who sees what: the only road from rows to outsiders. Every exit takes what it shows from here."""

from tracker import links
from tracker.disclosure._entries import body_html, entries, may_see
from tracker.disclosure._people import (
    absolute_face,
    customer_name,
    desk,
    desk_page,
    face,
    initials,
    person,
    person_ref,
)
from tracker.disclosure._shown import Shown, plain
from tracker.disclosure._tickets import another, badge, epoch, receipt, row, subject, ticket
from tracker.models import ApiToken, Embed, Handoff, Person, Promise

__all__ = [
    "Shown",
    "absolute_face",
    "another",
    "badge",
    "body_html",
    "customer_name",
    "desk",
    "desk_page",
    "embed",
    "entries",
    "epoch",
    "face",
    "handoff",
    "initials",
    "may_see",
    "person",
    "person_ref",
    "plain",
    "promise",
    "receipt",
    "row",
    "subject",
    "ticket",
    "token",
]


def promise(one: Promise, by: Person) -> Shown:
    """Return a promise with what became of it."""
    return {
        "person": person_ref(by),
        "made_at": one.made_at,
        "due_at": one.due_at,
        "check_in": one.check_in,
        "state": one.state,
        "settled_at": one.settled_at,
    }


def handoff(one: Handoff, audience: str) -> Shown:
    """Return a handoff; its briefing is for staff."""
    shown = {
        "from": person_ref(one.giver),
        "to": person_ref(one.taker),
        "reason": one.reason,
        "state": one.state,
        "offered_at": one.offered_at,
        "expires_at": one.expires_at,
        "answered_at": one.answered_at,
    }
    return shown | {"briefing_html": one.briefing_html} if audience == "staff" else shown


def embed(one: Embed) -> Shown:
    """Return an embed to its owner."""
    return {
        "embed": one.eid,
        "variant": one.variant,
        "theme": one.theme,
        "title": one.title,
        "picks": [pick.ticket.ref for pick in one.picks],
        "sites": list(one.sites),
        "created_at": one.created_at,
        "revoked_at": one.revoked_at,
        "svg_url": links.absolute(links.embed(one.eid, "badge.svg")),
        "json_url": links.absolute(links.embed(one.eid, "badge.json")),
    }


def token(one: ApiToken) -> Shown:
    """Return an API token to its owner; the secret is long gone."""
    return {
        "token": one.public_id,
        "name": one.name,
        "scopes": list(one.scopes),
        "created_at": one.created_at,
        "last_used_at": one.last_used_at,
    }
