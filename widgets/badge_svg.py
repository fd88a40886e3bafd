"""A ticket's badge as a picture: one pure function of a label and a message, in the proportions people know."""

import re
from dataclasses import dataclass
from datetime import datetime
from unicodedata import combining, east_asian_width
from xml.sax.saxutils import escape, quoteattr

from flask import Blueprint, Response, request

from tracker import badges, clock, embeds, links, store
from tracker.models import Embed, Ticket
from tracker.viewer import admits
from widgets import _seen
from widgets._answers import IMAGE_LASTS_S, UNKNOWN, cached, embedded, public_ticket

blueprint = Blueprint("badge_svg", __name__)
NAME = "Picture"
ABOUT = "A picture, for pages without scripts: READMEs, mails, forums. Up to a minute old."
PLACE = 2

COLOURS = {
    "open": "#0b5c96",
    "late": "#a35200",
    "waiting": "#6b3fa0",
    "done": "#1a7f4b",
    "declined": "#5f6368",
    "unknown": "#9f9f9f",
}
DEFAULT_LABEL, LABEL_COLOUR = "ticket", "#555"
HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
LONGEST = 80
DARK_TEXT_FROM = 0.69
"""Brightness of a background from which text on it is dark (the threshold that badges on the web share)."""
PADDING, HEIGHT = 5, 20
# Advance widths of Verdana, in 1/2048 em, from U+0020 to U+007E: what the text is drawn with where it is installed.
_VERDANA = (
    "720 806 940 1676 1302 2204 1487 550 930 930 1302 1676 745 930 745 930 1302 1302 1302 1302 1302 1302 1302 1302 "
    "1302 1302 930 930 1676 1676 1676 1117 2048 1400 1404 1430 1578 1295 1177 1588 1539 862 931 1419 1140 1726 1532 "
    "1612 1235 1612 1424 1400 1262 1499 1400 2025 1403 1260 1403 930 930 930 1676 1302 1302 1230 1276 1067 1276 1220 "
    "720 1276 1296 562 705 1212 562 1992 1296 1243 1276 1276 874 1067 807 1296 1212 1676 1212 1212 1076 1300 930 1300 "
    "1676"
)
WIDTHS = {chr(32 + place): int(width) for place, width in enumerate(_VERDANA.split())} | {"·": 745, "…": 1676}


@dataclass(frozen=True)
class Said:
    """The two halves of a badge, and the colour of the right one."""

    label: str
    message: str
    colour: str
    is_known: bool = True


def snippet(embed: Embed) -> str:
    """Return HTML of the picture, linked to what it tells of."""
    page = links.absolute(badges.page(embed))
    picture = links.absolute(links.embed(embed.eid, "badge.svg"))
    return f'<a href="{page}"><img src="{picture}" alt="Who has my ticket, and since when" height="{HEIGHT}"></a>'


@blueprint.get("/e/<eid>/badge.svg")
@admits("anyone")
def by_embed(eid: str) -> Response:
    """The picture of an embed's ticket; unknown, private and revoked ones are grey, with status 200."""
    _seen.picture(eid)
    return _answer(of_embed(embedded(eid), store.now()))


@blueprint.get("/t/<ref>/badge.svg")
@admits("anyone")
def by_ticket(ref: str) -> Response:
    """The picture of a ticket that is not private."""
    return _answer(_of_ticket(public_ticket(ref), store.now()))


def of_embed(embed: Embed | None, now: datetime) -> Said:
    """Return what an embed's picture says: of its ticket, or how many tickets of a wall are open."""
    if embed is None or not embed.is_wall:
        return _of_ticket(embed.ticket if embed else None, now)
    count, late = embeds.open_count(embed)
    overdue = f", {late} overdue" if late else ""
    return Said(badges.title(embed), f"{count} open{overdue}", COLOURS["late" if late else "open" if count else "done"])


def _of_ticket(ticket: Ticket | None, now: datetime) -> Said:
    said = message(ticket, now) if ticket else UNKNOWN
    return Said(DEFAULT_LABEL, said, COLOURS[tone(ticket)], is_known=ticket is not None)


def message(ticket: Ticket, now: datetime) -> str:
    """Return the right half of a badge: how long, and who."""
    span = clock.humanise((ticket.ended_at or now) - ticket.opened_at, short=True)
    verb = {"resolved": "solved in", "closed": "solved in", "declined": "declined after", "waiting": "waiting for me,"}
    words = f"{verb.get(ticket.status, 'open')} {span}"
    return f"{words}{', word overdue' if ticket.overdue else ''} · {ticket.assignee.name}"


def tone(ticket: Ticket | None) -> str:
    """Return the name of a badge's colour."""
    if ticket is None:
        return "unknown"
    if ticket.overdue:
        return "late"
    return {"resolved": "done", "closed": "done", "declined": "declined", "waiting": "waiting"}.get(
        ticket.status, "open"
    )


def draw(label: str, said: str, *, colour: str, label_colour: str = LABEL_COLOUR, flat_square: bool = False) -> str:
    """Return a badge as SVG. Pure: the same words make the same bytes."""
    left, right = (width(text) + 2 * PADDING if text else 0 for text in (label, said))
    total, name = left + right, f"{label}: {said}" if label else said
    radius = 0 if flat_square else 3
    halves = [(label, left / 2, left, label_colour), (said, left + right / 2, right, colour)]
    texts = "".join(_text(text, middle, space, paper) for text, middle, space, paper in halves if text)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{HEIGHT}" role="img" '
        f"aria-label={quoteattr(name)}><title>{escape(name)}</title>"
        f'<clipPath id="r"><rect width="{total}" height="{HEIGHT}" rx="{radius}"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="{HEIGHT}" fill="{label_colour}"/>'
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{colour}"/></g>'
        f'<g text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="110">{texts}</g></svg>'
    )


def width(text: str) -> int:
    """Return how wide text is in Verdana at 11 px, whole pixels; wide scripts count an em."""
    units = sum(WIDTHS.get(one) or _width_beyond(one) for one in text)
    return round(units * 11 / 2048)


def brightness(colour: str) -> float:
    """Return how bright a #rgb or #rrggbb colour looks, 0 to 1 (W3C: 299, 587, 114 parts of red, green, blue)."""
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4))
    return (299 * red + 587 * green + 114 * blue) / 255_000


def _text(text: str, middle: float, space: int, paper: str) -> str:
    ink, shadow = ("#333", "#ccc") if brightness(paper) > DARK_TEXT_FROM else ("#fff", "#010101")
    place = f'x="{middle * 10:g}" transform="scale(.1)" textLength="{(space - 2 * PADDING) * 10}"'
    words = escape(text)
    return (
        f'<text aria-hidden="true" {place} y="150" fill="{shadow}" fill-opacity=".3">{words}</text>'
        f'<text {place} y="140" fill="{ink}">{words}</text>'
    )


def _width_beyond(one: str) -> int:
    if combining(one) or one in "\u200c\u200d\ufe0e\ufe0f":
        return 0
    return 2048 if east_asian_width(one) in "WF" else 1302


def _answer(said: Said) -> Response:
    asked = request.args
    svg = draw(
        _one_line(asked.get("label", said.label)),
        _one_line(said.message),
        colour=_colour(asked.get("color"), said.colour),
        label_colour=_colour(asked.get("labelColor"), LABEL_COLOUR),
        flat_square=asked.get("style") == "flat-square",
    )
    seconds = asked.get("cacheSeconds", "")[:9]
    lasts = max(IMAGE_LASTS_S, min(int(seconds), 86_400) if seconds.isascii() and seconds.isdigit() else 0)
    response = cached(svg, "image/svg+xml; charset=utf-8", f"public, max-age={lasts}, stale-if-error=300")
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    return response


def _one_line(text: str) -> str:
    shown = "".join(one for one in text if one.isprintable())
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _colour(asked: str | None, default: str) -> str:
    found = HEX.fullmatch(asked or "")
    return f"#{found[1].lower()}" if found else default
