"""A ticket's public facts as JSON: what the live badge draws, and the Shields endpoint form."""

from typing import Any

from flask import Blueprint, Response, current_app

from tracker import badges, links, store
from tracker.models import Embed
from tracker.viewer import admits
from widgets import _svg
from widgets._answers import IMAGE_LASTS_S, JSON_LASTS, UNKNOWN, cached, embedded, public_ticket
from widgets.badge_svg import of_embed

blueprint = Blueprint("badge_json", __name__)
NAME = "The facts"
ABOUT = "The facts as JSON, for badges you draw yourself; and for shields.io."
PLACE = 4
UNKNOWN_FACTS = {"status": UNKNOWN}


def snippet(embed: Embed) -> str:
    """Return the address of the facts."""
    return links.absolute(links.embed(embed.eid, "badge.json"))


@blueprint.get("/e/<eid>/badge.json")
@admits("anyone")
def by_embed(eid: str) -> Response:
    """The facts of an embed's ticket; unknown, private, revoked and foreign sites all get the grey one."""
    embed = embedded(eid)
    return _json(badges.facts(embed) if embed else UNKNOWN_FACTS)


@blueprint.get("/e/<eid>/timeline.json")
@admits("anyone")
def timeline(eid: str) -> Response:
    """The same with the ticket's last public events, oldest first."""
    embed = embedded(eid)
    return _json(badges.timeline(embed) if embed else UNKNOWN_FACTS)


@blueprint.get("/t/<ref>/badge.json")
@admits("anyone")
def by_ticket(ref: str) -> Response:
    """The facts of a ticket that is not private."""
    ticket = public_ticket(ref)
    return _json(ticket.facts | {"variant": "badge", "theme": "auto"} if ticket else UNKNOWN_FACTS)


@blueprint.get("/e/<eid>/shields.json")
@admits("anyone")
def shields(eid: str) -> Response:
    """The Shields endpoint form (shields.io/badges/endpoint-badge)."""
    said = of_embed(embedded(eid), store.now())
    facts = {
        "schemaVersion": 1,
        "label": said.label,
        "message": said.message,
        "color": _svg.LIGHT[said.tone].lstrip("#"),
    }
    return _json(facts | {"isError": False, "cacheSeconds": 300 if said.is_known else IMAGE_LASTS_S * 10})


def _json(facts: dict[str, Any]) -> Response:
    return cached(current_app.json.dumps(facts), "application/json", JSON_LASTS)
