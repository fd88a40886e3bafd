"""How widgets answer: cacheable bytes with an ETag, open to every site, never an error a host page would show."""

import hashlib
import re

from flask import Response, request

from tracker import badges, copies
from tracker.badges import Glance, Worn
from tracker.errors import NotFound

UNKNOWN = "unknown"
JSON_LASTS = "public, max-age=2, stale-if-error=300"
IMAGE_LASTS_S = 60
IMAGE_LASTS = f"public, max-age={IMAGE_LASTS_S}, stale-if-error=300"
# What XML 1.0 has no way to say, not even as a reference.
UNSAYABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def embedded(eid: str) -> Worn | None:
    """Return the embed if it may be shown to the asking site; None for unknown, private, revoked or another site's."""
    terms = copies.terms(request.environ)
    terms.about.add(eid)
    try:
        found = badges.worn(eid, terms.once(eid, lambda: badges.of_embed(eid)))
    except NotFound:
        return None
    terms.sites = found.look.allowed
    terms.about.add(found.shows.head["ref"] if isinstance(found.shows, Glance) else copies.LISTS)
    return None if copies.is_foreign(request.headers.get("Origin"), found.look.allowed) else found


def public_ticket(ref: str) -> Glance | None:
    """Return a ticket that its customer lets everyone with the address read; None otherwise, alike."""
    terms = copies.terms(request.environ)
    terms.about.add(ref)
    try:
        return terms.once(ref, lambda: badges.of_ticket(ref))
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
