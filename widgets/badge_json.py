"""A ticket's public facts as JSON: what the live badge draws, and the Shields endpoint form."""

from typing import Any

from flask import Blueprint, Response, current_app

from tracker import disclosure, links, store
from tracker.models import Embed, Ticket
from tracker.viewer import admits
from widgets._answers import IMAGE_LASTS_S, JSON_LASTS, UNKNOWN, cached, embedded, public_ticket
from widgets.badge_svg import COLOURS, message, tone

blueprint = Blueprint("badge_json", __name__)
NAME = "The facts"
ABOUT = "The facts as JSON, for badges you draw yourself; and for shields.io."
PLACE = 4


def snippet(embed: Embed) -> str:
    """Return the address of the facts."""
    return links.absolute(links.embed(embed.eid, "badge.json"))


@blueprint.get("/e/<eid>/badge.json")
@admits("anyone")
def by_embed(eid: str) -> Response:
    """The facts of an embed's ticket; unknown, private, revoked and foreign sites all get the grey one."""
    embed = embedded(eid)
    if embed is None or embed.ticket is None:
        return _json({"status": UNKNOWN})
    return _json(disclosure.badge(embed.ticket) | {"variant": embed.variant, "theme": embed.theme})


@blueprint.get("/t/<ref>/badge.json")
@admits("anyone")
def by_ticket(ref: str) -> Response:
    """The facts of a ticket that is not private."""
    ticket = public_ticket(ref)
    return _json(disclosure.badge(ticket) | {"variant": "badge", "theme": "auto"} if ticket else {"status": UNKNOWN})


@blueprint.get("/e/<eid>/shields.json")
@admits("anyone")
def shields(eid: str) -> Response:
    """The Shields endpoint form (shields.io/badges/endpoint-badge)."""
    embed = embedded(eid)
    return _json(_shields(embed.ticket if embed else None))


def _shields(ticket: Ticket | None) -> dict[str, Any]:
    now = store.now()
    return {
        "schemaVersion": 1,
        "label": "ticket",
        "message": message(ticket, now) if ticket else UNKNOWN,
        "color": COLOURS[tone(ticket)].lstrip("#"),
        "isError": False,
        "cacheSeconds": 300 if ticket else IMAGE_LASTS_S * 10,
    }


def _json(facts: dict[str, Any]) -> Response:
    return cached(current_app.json.dumps(facts), "application/json", JSON_LASTS)
