"""What is chosen for an embed, shown before it is kept: as facts, frame and picture, to who may keep it alone."""

from collections.abc import Callable
from typing import NamedTuple

from flask import Blueprint, Response, current_app, request

from tracker import badges, embeds, links, store
from tracker.badges import Look, Wall, Worn
from tracker.disclosure import Shown
from tracker.errors import NotFound
from tracker.models import Embed, Ticket
from tracker.models.embeds import WALL
from tracker.viewer import admits
from widgets import _owned, badge_svg, card

blueprint = Blueprint("tried", __name__)
KEPT = "private, no-store"


class Tried(NamedTuple):
    """What an embed would show, in each of its forms."""

    facts: Callable[[], Shown]
    frame: Callable[[], str]
    picture: Callable[[], badge_svg.Said]


@blueprint.get("/t/<ref>/embeds/tried/<form>")
@admits("ticket")
def on_ticket(ref: str, form: str) -> Response:
    """A ticket as it would show, private or not, or a wall of those that are picked."""
    ticket = _owned.ticket(ref)
    return _answer(_wall_of(ticket) if _variant("badge") == WALL else _ticket(ticket), form)


@blueprint.get("/workspace/desk/<slug>/embeds/tried/<form>")
@admits("run_desk")
def on_desk(slug: str, form: str) -> Response:
    """A wall of the desk's public tickets, as it would look."""
    desk = _owned.desk(slug)
    embed = Embed(variant=WALL, theme="auto", title=_title(), sites=[], desk=desk, desk_id=desk.id)
    return _answer(_wall(badges.kept_wall(embed)), form)


def _ticket(ticket: Ticket) -> Tried:
    look = Look(_variant("badge"), "auto", (), frozenset())
    shows = badges.glance(ticket)
    return Tried(
        facts=lambda: badges.timeline(Worn(look, shows)),
        frame=lambda: card.of_ticket(shows, look),
        picture=lambda: badge_svg.of_ticket(shows, store.now()),
    )


def _wall_of(owner: Ticket) -> Tried:
    picked = [ref for ref in request.args.getlist("picks") if ref] or [owner.ref]
    found = [one for one in _owned.pickable(owner) if one.ref in picked]
    embed = Embed(variant=WALL, theme="auto", title=_title(), sites=[])
    is_late = [one.overdue for one in found if one.is_open]
    return _wall(badges.wall(embed, found, page=links.ticket(owner.ref), counts=(len(is_late), sum(is_late))))


def _wall(shows: Wall) -> Tried:
    return Tried(
        facts=lambda: badges.facts(Worn(shows.look, shows)),
        frame=lambda: card.wall(shows),
        picture=lambda: badge_svg.of_wall(shows),
    )


def _variant(default: str) -> str:
    asked = request.args.get("variant", default)
    return asked if asked in embeds.VARIANTS else default


def _title() -> str:
    return badge_svg.one_line(request.args.get("title", ""))


def _answer(tried: Tried, form: str) -> Response:
    if form == "facts":
        response = Response(current_app.json.dumps(tried.facts()), content_type="application/json")
    elif form == "frame":
        response = Response(tried.frame())
        response.headers["Content-Security-Policy"] = card.POLICY.format("'self'")
    elif form == "picture":
        response = Response(badge_svg.drawn(tried.picture(), "auto"), content_type=badge_svg.KIND)
        response.headers["Content-Security-Policy"] = badge_svg.POLICY
    else:
        raise NotFound()
    response.headers["Cache-Control"] = KEPT
    return response
