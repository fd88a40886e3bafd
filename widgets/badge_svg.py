"""A ticket's badge as a picture: how long, and who, for pages without scripts."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request

from tracker import badges, clock, links, store
from tracker.badges import Glance, Wall, Worn
from tracker.disclosure import Shown
from tracker.models import Embed
from tracker.viewer import admits
from widgets import _seen, _svg
from widgets._answers import IMAGE_LASTS_S, UNKNOWN, cached, embedded, public_ticket

blueprint = Blueprint("badge_svg", __name__)
NAME = "Image"
ABOUT = "A picture, for pages without scripts: READMEs, mails, forums. Up to a minute old."
PLACE = 2
DEFAULT_LABEL = "ticket"
FLAT_SQUARE = "flat-square"
STYLES = {"": "rounded", FLAT_SQUARE: "square"}
LONGEST = 80
KIND = "image/svg+xml; charset=utf-8"
POLICY = f"default-src 'none'; style-src {_svg.STYLE_SOURCE}"


@dataclass(frozen=True)
class Said:
    """The two halves of a badge, and the tone of the right one."""

    label: str
    message: str
    tone: str
    is_known: bool = True


def snippet(embed: Embed) -> str:
    """Return HTML of the picture, linked to what it tells of."""
    page = links.absolute(badges.page(embed))
    picture = links.absolute(links.embed(embed.eid, "badge.svg"))
    return f'<a href="{page}"><img src="{picture}" alt="{badges.words(embed)}" height="{_svg.HEIGHT}"></a>'


@blueprint.get("/e/<eid>/badge.svg")
@admits("anyone")
def by_embed(eid: str) -> Response:
    """The picture of an embed's ticket; unknown, private and revoked ones are grey, with status 200."""
    _seen.picture(eid)
    embed = embedded(eid)
    return _answer(of_embed(embed, store.now()), embed.look.theme if embed else "auto")


@blueprint.get("/t/<ref>/badge.svg")
@admits("anyone")
def by_ticket(ref: str) -> Response:
    """The picture of a ticket that is not private."""
    return _answer(of_ticket(public_ticket(ref), store.now()), "auto")


def of_embed(embed: Worn | None, now: datetime) -> Said:
    """Return what an embed's picture says: of its ticket, or how many tickets of a wall are open."""
    shows = embed.shows if embed else None
    return of_wall(shows) if isinstance(shows, Wall) else of_ticket(shows, now)


def of_wall(shows: Wall) -> Said:
    """Return what the picture of a wall says: how many tickets are open, and how many of these are owed a word."""
    overdue = f", {shows.late} overdue" if shows.late else ""
    tone = "late" if shows.late else "open" if shows.is_open else "done"
    return Said(shows.facts["title"], f"{shows.is_open} open{overdue}", tone)


def of_ticket(ticket: Glance | None, now: datetime) -> Said:
    """Return what the picture of a ticket says; of none that it is unknown."""
    if ticket is None:
        return Said(DEFAULT_LABEL, UNKNOWN, "unknown", is_known=False)
    return Said(DEFAULT_LABEL, message(ticket.head, now), tone(ticket.head))


def message(ticket: Shown, now: datetime) -> str:
    """Return the right half of a badge: how long, and who."""
    span = clock.humanise((ticket["ended_at"] or now) - ticket["opened_at"], short=True)
    verb = {
        "resolved": "solved in",
        "closed": "solved in",
        "declined": "declined after",
        "waiting": "waiting for customer,",
    }
    words = f"{verb.get(ticket['status'], 'open')} {span}"
    return f"{words}{', word overdue' if ticket['overdue'] else ''} · {ticket['assignee']['name']}"


def tone(ticket: Shown) -> str:
    """Return the name of a badge's colour."""
    if ticket["overdue"]:
        return "late"
    tones = {"resolved": "done", "closed": "done", "declined": "declined", "waiting": "waiting"}
    return tones.get(ticket["status"], "open")


def drawn(said: Said, theme: str) -> str:
    """Return a picture, as its address asks it to look."""
    asked, theme = request.args, _theme(request.args.get("theme"), theme)
    colours, tones = _svg.THEMES[theme], ("label", said.tone)
    chosen = (_svg.colour(asked.get("labelColor")), _svg.colour(asked.get("color")))
    label_colour, colour = (picked or colours[tone] for picked, tone in zip(chosen, tones, strict=True))
    suffix = asked.get("idSuffix", "")
    return _svg.draw(
        one_line(asked.get("label", said.label)),
        one_line(said.message),
        colour=colour,
        label_colour=label_colour,
        flat_square=asked.get("style") == FLAT_SQUARE,
        classes=_recoloured(chosen, tones) if theme == "auto" else ("", ""),
        suffix=suffix if _svg.SUFFIX.fullmatch(suffix) else "",
    )


def _answer(said: Said, theme: str) -> Response:
    seconds = request.args.get("cacheSeconds", "")[:9]
    lasts = max(IMAGE_LASTS_S, min(int(seconds), 86_400) if seconds.isascii() and seconds.isdigit() else 0)
    response = cached(drawn(said, theme), KIND, f"public, max-age={lasts}, stale-if-error=300")
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _recoloured(chosen: tuple[str | None, str | None], tones: tuple[str, str]) -> tuple[str, str]:
    """Return what dark pages recolour: halves whose colour was not asked for."""
    label, message = ("" if picked else tone for picked, tone in zip(chosen, tones, strict=True))
    return label, message


def _theme(asked: str | None, default: str) -> str:
    return asked if asked in _svg.THEMES else default


def one_line(text: str) -> str:
    """Return text as a badge shows it: what can be seen, cut to a length."""
    shown = "".join(one for one in text if one.isprintable() or one == _svg.JOINER)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
