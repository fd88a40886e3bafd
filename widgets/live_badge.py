"""The live badge: one script for any site, which turns a link into a badge that changes by itself."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, request

from tracker import badges, links
from tracker.errors import NotFound
from tracker.models import Embed
from tracker.settings import STATIC
from tracker.viewer import admits
from widgets._answers import cached

blueprint = Blueprint("live_badge", __name__)
NAME = "Script: the live badge"
ABOUT = "For pages that may run scripts. Ticks, and changes by itself when the next word comes."
PLACE = 1
ROOM_EM = {"card": 21, "timeline": 32, "wall": 32}
"""How high the script makes them: reserved, nothing on the page moves."""
SIZES = {"": 14, "small": 12, "large": 18}
"""How high its letters are, in px, by what the attribute `size` says."""
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ar": "العربية"}
PLAIN_LASTS = "public, max-age=3600, stale-if-error=86400"
VERSIONED_LASTS = "public, max-age=31536000, immutable"
OTHERS_LAST = "public, max-age=60, stale-if-error=86400"
"""Parts asked for by a script of another version: an older one in a cache, or, while instances are renewed, a newer."""
KIND = "text/javascript; charset=utf-8"
SQUEEZED = Path(STATIC) / "embed"
NAMED = re.compile(r"/embed/([0-9a-f]{8})/")


def snippet(embed: Embed, size: str = "", lang: str = "") -> str:
    """Return the two lines a customer copies; without scripts a plain link is left."""
    page = links.absolute(badges.page(embed))
    script = f'<script async src="{links.absolute("/embed.js")}"></script>'
    chosen = {name: value for name, value in (("size", size), ("lang", lang)) if value}
    if embed.variant == "badge":  # a link survives where unknown elements are stripped
        more = "".join(f' data-{name}="{value}"' for name, value in chosen.items())
        return (
            f'<a class="ticket-badge" href="{page}" data-embed="{embed.eid}"{more}>{badges.words(embed)}</a>\n{script}'
        )
    more = "".join(f' {name}="{value}"' for name, value in chosen.items())
    room = f'style="display:block;min-height:{ROOM_EM[embed.variant] * SIZES[size]}px"'
    link = f'<a href="{page}">{badges.words(embed)}</a>'
    return f'<ticket-badge embed="{embed.eid}"{more} {room}>{link}</ticket-badge>\n{script}'


def address() -> str:
    """Return where the script is as it is now, for pages of our own."""
    return f"/embed.js?v={_script()[1]}"


@blueprint.get("/embed.js")
@admits("anyone")
def script() -> Response:
    """The script; under its version (?v=) it never changes."""
    source, version = _script()
    lasts = VERSIONED_LASTS if request.args.get("v") == version else PLAIN_LASTS
    return cached(source, KIND, lasts)


@blueprint.get("/embed/<version>/<name>.js")
@admits("anyone")
def part(version: str, name: str) -> Response:
    """A part of the script: for good under the version that the script names, under others as it is now."""
    parts, current = _parts()
    if name not in parts:
        raise NotFound()
    return cached(parts[name], KIND, VERSIONED_LASTS if version == current else OTHERS_LAST)


@lru_cache(maxsize=1)
def _script() -> tuple[str, str]:
    source = (SQUEEZED / "badge.js").read_text()
    return source, hashlib.sha256(source.encode()).hexdigest()[:12]


@lru_cache(maxsize=1)
def _parts() -> tuple[dict[str, str], str]:
    """Return the parts by name, and the version that `make embed` wrote into the script."""
    named = NAMED.search(_script()[0])
    assert named, "make embed"
    return {one.stem: one.read_text() for one in SQUEEZED.glob("*.js") if one.stem != "badge"}, named[1]
