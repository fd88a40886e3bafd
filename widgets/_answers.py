"""How widgets answer: cacheable bytes with an ETag, open to every site, never an error a host page would show."""

import hashlib
import re

from flask import Response, request

from tracker import browse, copies, embeds
from tracker.errors import NotFound
from tracker.models import Embed, Ticket
from tracker.permissions import ANYONE

UNKNOWN = "unknown"
JSON_LASTS = "public, max-age=2, stale-if-error=300"
IMAGE_LASTS_S = 60
IMAGE_LASTS = f"public, max-age={IMAGE_LASTS_S}, stale-if-error=300"
# What XML 1.0 has no way to say, not even as a reference.
UNSAYABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def embedded(eid: str) -> Embed | None:
    """Return the embed if it may be shown to the asking site; None for unknown, private, revoked or another site's."""
    terms = copies.terms(request.environ)
    terms.about.add(eid)
    embed = embeds.shown(eid)
    if embed is None:
        return None
    terms.sites = embeds.allowed(embed)
    terms.about.add(embed.only_ticket.ref if embed.only_ticket else copies.LISTS)
    return embed if embeds.allows(embed, request.headers.get("Origin")) else None


def public_ticket(ref: str) -> Ticket | None:
    """Return a ticket that its customer lets everyone with the address read; None otherwise, alike."""
    copies.terms(request.environ).about.add(ref)
    try:
        return browse.find(ref, ANYONE)[0]
    except NotFound:
        return None


def cached(body: str | bytes, kind: str, lasts: str) -> Response:
    """Return bytes any site may use and caches may keep as long as `lasts` says; 304 when they have them already."""
    copies.terms(request.environ).may_be_copied = True
    response = Response(body, content_type=kind)
    response.headers["Cache-Control"] = lasts
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Vary"] = "Origin"
    response.set_etag(hashlib.sha256(response.data).hexdigest()[:32])
    response.make_conditional(request)
    return response


def sayable(xml: str) -> str:
    """Return XML without the characters that XML can't hold."""
    return UNSAYABLE.sub("", xml)
