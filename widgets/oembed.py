"""oEmbed 1.0: a ticket's or an embed's address becomes a framed card wherever such addresses are pasted."""

import re
from html import escape
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from flask import Blueprint, Response, current_app, request

from tracker import badges, browse, disclosure, embeds, links, settings
from tracker.errors import NotFound
from tracker.models import Embed, Ticket
from tracker.permissions import ANYONE
from tracker.viewer import admits
from widgets import _picture, card
from widgets._answers import IMAGE_LASTS, IMAGE_LASTS_S, cached, sayable

blueprint = Blueprint("oembed", __name__)
NAME = "oEmbed: an address to paste"
ABOUT = "For editors that turn an address into a card (oEmbed), such as WordPress."
PLACE = 6
TICKET = re.compile(rf"/t/({links.REF.pattern})(?:/[^/]*)?")
EMBED = re.compile(rf"/e/({links.REF.pattern})/?")
PROVIDER = "Nameplate"


def snippet(embed: Embed) -> str:
    """Return the address to paste."""
    return links.absolute(links.embed(embed.eid))


@blueprint.get("/oembed")
@admits("anyone")
def answer() -> Response:
    """The card of `url` as JSON or XML, within maxwidth × maxheight; 404 where there is none, 501 for others."""
    wanted = request.args.get("format", "json")
    if wanted not in ("json", "xml"):
        return Response("Ask for format=json or format=xml.\n", 501, content_type="text/plain; charset=utf-8")
    facts = _facts(_found(request.args.get("url", "")))
    if wanted == "xml":
        response = cached(_xml(facts), "text/xml; charset=utf-8", IMAGE_LASTS)
    else:
        response = cached(current_app.json.dumps(facts), "application/json", IMAGE_LASTS)
    response.headers["Vary"] = "Origin, User-Agent"
    return response


def _found(url: str) -> Ticket | Embed:
    """Return what an address of ours names; raise NotFound."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise NotFound() from None
    if f"{parts.scheme}://{parts.netloc}".lower() != settings.current().origin:
        raise NotFound()
    if named := TICKET.fullmatch(parts.path):
        return browse.find(named[1], ANYONE)[0]
    named = EMBED.fullmatch(parts.path)
    embed = embeds.shown(named[1]) if named else None
    if embed is None or not embeds.allows(embed, request.headers.get("Origin")):
        raise NotFound()
    return embed


def _facts(one: Ticket | Embed) -> dict[str, Any]:
    told = _of_ticket(one) if isinstance(one, Ticket) else _of_embed(one)
    framed, variant = (links.card(one.ref), "card") if isinstance(one, Ticket) else (links.embed(one.eid), one.variant)
    width, height = _within("maxwidth", card.WIDTH), _within("maxheight", card.HEIGHTS[variant])
    title = " · ".join(told[name] for name in ("title", "author_name") if name in told)
    page = links.ticket(one.ref) if isinstance(one, Ticket) else badges.page(one)
    return {
        "type": "rich",
        "version": "1.0",
        **told,
        "provider_name": PROVIDER,
        "provider_url": links.absolute("/"),
        "cache_age": IMAGE_LASTS_S,
        "html": _left_by_wordpress(page, title) + card.frame(links.absolute(framed), title, width, height),
        "width": width,
        "height": height,
    }


def _left_by_wordpress(page: str, title: str) -> str:
    """Return what WordPress shows until the frame answers it: only beside that it lets a frame open links and grow."""
    if not request.headers.get("User-Agent", "").startswith("WordPress/"):
        return ""
    return f'<blockquote><a href="{escape(links.absolute(page))}">{escape(title)}</a></blockquote>'


def _of_ticket(ticket: Ticket) -> dict[str, Any]:
    who = disclosure.person_ref(ticket.assignee)
    told = {"title": ticket.subject, "author_name": who["name"], "author_url": links.absolute(who["url"])}
    return told | _thumbnail(ticket)


def _of_embed(embed: Embed) -> dict[str, Any]:
    if embed.only_ticket:
        return _of_ticket(embed.only_ticket)
    told = {"title": badges.title(embed)}
    desk = embed.desk
    return told | {"author_name": desk.name, "author_url": links.absolute(badges.page(embed))} if desk else told


def _thumbnail(ticket: Ticket) -> dict[str, Any]:
    """Return the picture for previews, when it is no larger than asked."""
    width, height = _picture.WIDTH, _picture.HEIGHT
    if (_within("maxwidth", width), _within("maxheight", height)) != (width, height):
        return {}
    url = links.absolute(links.picture(ticket.ref, ticket.last_public_seq))
    return {"thumbnail_url": url, "thumbnail_width": width, "thumbnail_height": height}


def _within(name: str, usual: int) -> int:
    asked = request.args.get(name, "")[:6]
    return min(usual, int(asked)) if asked.isascii() and asked.isdigit() and int(asked) else usual


def _xml(facts: dict[str, Any]) -> str:
    root = ElementTree.Element("oembed")
    for name, value in facts.items():
        ElementTree.SubElement(root, name).text = str(value)
    body = ElementTree.tostring(root, encoding="unicode")
    return sayable(f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n{body}')
