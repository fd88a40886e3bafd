"""The framed card: a ticket, its last events, or a wall of tickets; a page for other sites' frames."""

from html import escape
from typing import Any

from flask import Blueprint, Response, request

from tracker import badges, disclosure, embeds, links, present
from tracker.badges import Glance, Look, Wall
from tracker.models import Embed
from tracker.viewer import admits
from widgets._answers import JSON_LASTS, cached, embedded, public_ticket

blueprint = Blueprint("card", __name__)
NAME = "Iframe"
ABOUT = "For pages that take frames but no scripts of others. Live too: the script in it is ours."
PLACE = 5
WIDTH = 420
HEIGHTS = {"badge": 330, "card": 330, "timeline": 560, "wall": 420}
"""What a frame reserves, by variant; it says how high it is, and scrolls inside where nobody listens."""
WORDS, WORDS_EACH = 220, 140
"""How many characters of the latest words a card shows, and a timeline of each event's."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors {}"
)
"""The script keeps it true; without it the card is whole, as of when it was loaded."""
NO_HUE = 8
PLAIN = Look("card", "auto", (), frozenset())
"""Of a ticket's own card, which no embed is asked for."""


def snippet(embed: Embed) -> str:
    """Return the frame a customer copies; its room is reserved before it has loaded."""
    one = embed.only_ticket
    title = f"Who has my ticket: {one.subject}" if one else badges.title(embed)
    return frame(links.absolute(links.embed(embed.eid)), title, height=HEIGHTS[embed.variant])


def frame(address: str, title: str, width: int | str = "100%", height: int = HEIGHTS["card"]) -> str:
    """Return an iframe of a card, without style: pages with a strict policy take it as it is."""
    return (
        f'<iframe src="{escape(address)}" title="{escape(title)}" width="{width}" height="{height}" '
        'loading="lazy" frameborder="0"></iframe>'
    )


@blueprint.get("/e/<eid>")
@admits("anyone")
def by_embed(eid: str) -> Response:
    """The frame of an embed, on its sites; unknown, private and revoked ones are grey, with status 200."""
    embed = embedded(eid)
    if embed is None:
        return _answer(_grey())
    shows, look = embed.shows, embed.look
    oembed = links.oembed(links.embed(eid))
    if isinstance(shows, Glance):
        html = of_ticket(shows, look, oembed=oembed, watched={"embed": eid})
    else:
        html = wall(shows, oembed=oembed, watched={"embed": eid, "wall": "yes"})
    return _answer(html, " ".join(["'self'", *look.sites]) if look.sites else "*")


@blueprint.get("/t/<ref>/card")
@admits("anyone")
def by_ticket(ref: str) -> Response:
    """The card of a ticket that is not private, for any site."""
    ticket = public_ticket(ref)
    return _answer(of_ticket(ticket, watched={"ref": ref}) if ticket else _grey())


def of_ticket(ticket: Glance, look: Look = PLAIN, *, oembed: Any = None, watched: dict[str, str] | None = None) -> str:
    """Return a ticket's card; what is not kept yet has no address and is not watched."""
    head, has_events = ticket.head, _asked("variant", look.variant, embeds.VARIANTS) == "timeline"
    return _render(
        "card",
        ticket=head,
        recent=ticket.entries if has_events else None,
        latest_by_another=disclosure.another(head),
        latest_is_standard=not has_events and ticket.latest_is_standard,
        words=WORDS_EACH if has_events else WORDS,
        hue=head["desk"]["hue"],
        heading=head["subject"],
        oembed=oembed,
        watched=watched and watched | {"last": head["last"]},
        theme=look.theme,
    )


def wall(shows: Wall, *, oembed: Any = None, watched: Any = None) -> str:
    """Return a wall; one that is not kept yet has no address and is not watched."""
    return _render(
        "wall",
        tickets=shows.rows,
        more=shows.facts["more"],
        page_url=None if shows.hue is None else shows.page,
        hue=NO_HUE if shows.hue is None else shows.hue,
        heading=shows.facts["title"],
        theme=shows.look.theme,
        oembed=oembed,
        watched=watched,
    )


def _grey() -> str:
    return _render("card", ticket=None, recent=None, words=0, hue=NO_HUE, heading="", oembed=None, watched=None)


def _render(name: str, *, theme: str = "auto", **facts: Any) -> str:
    return present.render(f"widgets/{name}.html", theme=_asked("theme", theme, embeds.THEMES), **facts)


def _asked(name: str, default: str, known: tuple[str, ...]) -> str:
    """Return what a preview asks to see instead of what the embed says."""
    asked = request.args.get(name, default)
    return asked if asked in known else default


def _answer(html: str, ancestors: str = "*") -> Response:
    response = cached(html, "text/html; charset=utf-8", JSON_LASTS)
    del response.headers["Access-Control-Allow-Origin"]  # a frame shows it, no script of another site reads it
    response.headers["Content-Security-Policy"] = POLICY.format(ancestors)
    return response
