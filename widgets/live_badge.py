"""The live badge: one script for any site, which turns a link into a badge that changes by itself."""

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, request

from tracker import badges, links
from tracker.models import Embed
from tracker.settings import STATIC
from tracker.viewer import admits
from widgets._answers import cached

blueprint = Blueprint("live_badge", __name__)
NAME = "Script: the live badge"
ABOUT = "For pages that may run scripts. Ticks, and changes by itself when the next word comes."
PLACE = 1
ROOM = {"card": 294, "timeline": 448, "wall": 448}
"""How high the script makes them, in px: reserved, nothing on the page moves."""
PLAIN_LASTS = "public, max-age=3600, stale-if-error=86400"
VERSIONED_LASTS = "public, max-age=31536000, immutable"


def snippet(embed: Embed) -> str:
    """Return the two lines a customer copies; without scripts a plain link is left."""
    page = links.absolute(badges.page(embed))
    script = f'<script async src="{links.absolute("/embed.js")}"></script>'
    if embed.variant == "badge":  # a link survives where unknown elements are stripped
        return f'<a class="ticket-badge" href="{page}" data-embed="{embed.eid}">{badges.words(embed)}</a>\n{script}'
    room = f'style="display:block;min-height:{ROOM[embed.variant]}px"'
    return (
        f'<ticket-badge embed="{embed.eid}" {room}><a href="{page}">{badges.words(embed)}</a></ticket-badge>\n{script}'
    )


@blueprint.get("/embed.js")
@admits("anyone")
def script() -> Response:
    """The script; under its version (?v=) it never changes."""
    source, version = _source()
    lasts = VERSIONED_LASTS if request.args.get("v") == version else PLAIN_LASTS
    return cached(source, "text/javascript; charset=utf-8", lasts)


@lru_cache(maxsize=1)
def _source() -> tuple[str, str]:
    source = (Path(STATIC) / "embed" / "badge.js").read_text()
    return source, hashlib.sha256(source.encode()).hexdigest()[:12]
