"""The framed card: who has a ticket, since when, the next word, the latest words; a page for other sites' frames."""

from collections.abc import Sequence
from html import escape

from flask import Blueprint, Response

from tracker import badges, disclosure, links, present
from tracker.models import Embed, Ticket
from tracker.viewer import admits
from widgets._answers import JSON_LASTS, cached, embedded, public_ticket

blueprint = Blueprint("card", __name__)
NAME = "Card"
ABOUT = "A frame with face, clock, promise and latest words, for pages without scripts. As of when it was loaded."
PLACE = 5
WIDTH, HEIGHT = 420, 300
WORDS = 220
"""How many characters of the latest words a card shows."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors {}"
)
"""The script only keeps times true, in the reader's zone: without it the card is whole."""


def snippet(embed: Embed) -> str:
    """Return the frame a customer copies; its room is reserved before it has loaded."""
    one = embed.only_ticket
    title = f"Who has my ticket: {one.subject}" if one else badges.title(embed)
    return frame(links.absolute(links.embed(embed.eid)), title)


def frame(address: str, title: str, width: int | str = "100%", height: int = HEIGHT) -> str:
    """Return an iframe of a card, without style: pages with a strict policy take it as it is."""
    return (
        f'<iframe src="{escape(address)}" title="{escape(title)}" width="{width}" height="{height}" '
        'loading="lazy" frameborder="0"></iframe>'
    )


@blueprint.get("/e/<eid>")
@admits("anyone")
def by_embed(eid: str) -> Response:
    """The card of an embed's ticket, on its sites; unknown, private and revoked ones are grey, with status 200."""
    embed = embedded(eid)
    one = embed.only_ticket if embed else None
    if embed is None or one is None:
        return _answer(None)
    return _answer(one, embed.theme, embed.sites, links.oembed(links.embed(embed.eid)))


@blueprint.get("/t/<ref>/card")
@admits("anyone")
def by_ticket(ref: str) -> Response:
    """The card of a ticket that is not private, for any site."""
    return _answer(public_ticket(ref))


def _answer(
    ticket: Ticket | None, theme: str = "auto", sites: Sequence[str] = (), oembed: dict[str, str] | None = None
) -> Response:
    shown = disclosure.ticket(ticket, "public") if ticket else None
    html = present.render("widgets/card.html", ticket=shown, theme=theme, words=WORDS, oembed=oembed)
    response = cached(html, "text/html; charset=utf-8", JSON_LASTS)
    del response.headers["Access-Control-Allow-Origin"]  # a frame shows it, no script of another site reads it
    response.headers["Content-Security-Policy"] = POLICY.format(" ".join(sites) or "*")
    return response
