"""Drawing badges: one pure function of two texts and their colours, in the proportions people know."""

import re
from base64 import b64encode
from hashlib import sha256
from itertools import pairwise
from unicodedata import category, east_asian_width
from xml.sax.saxutils import escape, quoteattr

LIGHT = {
    "open": "#0b5c96",
    "late": "#a35200",
    "waiting": "#6b3fa0",
    "done": "#1a7f4b",
    "declined": "#5f6368",
    "unknown": "#6b6f76",
    "label": "#555",
}
DARK = {
    "open": "#2273b5",
    "late": "#ad5f08",
    "waiting": "#8355bd",
    "done": "#1d8450",
    "declined": "#6d737c",
    "unknown": "#6d737c",
    "label": "#3a404b",
}
"""Colours by tone, for light and dark pages; white text on each has a contrast of 4.5 and more."""
THEMES = {"light": LIGHT, "dark": DARK, "auto": LIGHT}
STYLE = "@media (prefers-color-scheme:dark){" + "".join(f".{tone}{{fill:{DARK[tone]}}}" for tone in DARK) + "}"
"""What an `auto` badge carries: the same bytes in each, so that a policy can name it."""
STYLE_SOURCE = f"'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
DARK_TEXT_FROM = 0.69
"""Brightness of a background from which text on it is dark (the threshold that badges on the web share)."""
PADDING, HEIGHT = 5, 20
EM = 2048
# Advance widths of Verdana, in 1/2048 em, from U+0020 to U+007E: what the text is drawn with where it is installed.
_VERDANA = (
    "720 806 940 1676 1302 2204 1487 550 930 930 1302 1676 745 930 745 930 1302 1302 1302 1302 1302 1302 1302 1302 "
    "1302 1302 930 930 1676 1676 1676 1117 2048 1400 1404 1430 1578 1295 1177 1588 1539 862 931 1419 1140 1726 1532 "
    "1612 1235 1612 1424 1400 1262 1499 1400 2025 1403 1260 1403 930 930 930 1676 1302 1302 1230 1276 1067 1276 1220 "
    "720 1276 1296 562 705 1212 562 1992 1296 1243 1276 1276 874 1067 807 1296 1212 1676 1212 1212 1076 1300 930 1300 "
    "1676"
)
WIDTHS = {chr(32 + place): int(width) for place, width in enumerate(_VERDANA.split())} | {"·": 745, "…": 1676}
BLOCKS = (
    (0x0370, 0x03FF, 1180),  # Greek
    (0x0400, 0x052F, 1290),  # Cyrillic
    (0x0590, 0x05FF, 1080),  # Hebrew
    (0x0600, 0x08FF, 980),  # Arabic and its kin, joined
    (0x0900, 0x0DFF, 1250),  # scripts of India
    (0x0E00, 0x0EFF, 1200),  # Thai, Lao
)
"""Mean widths of scripts that Verdana lacks, measured in the fonts that stand in for it."""
OTHER, EMOJI, FLAG_HALF = 1302, 2500, 1250
JOINER, SKIN = "\u200d", range(0x1F3FB, 0x1F400)
HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,20}")


def draw(
    label: str,
    said: str,
    *,
    colour: str,
    label_colour: str = LIGHT["label"],
    flat_square: bool = False,
    classes: tuple[str, str] = ("", ""),
    suffix: str = "",
) -> str:
    """Return a badge as SVG. Pure: the same words make the same bytes.

    `classes` name the tones that label and message take on dark pages; `suffix` keeps ids apart when inlined.
    """
    left, right = (width(text) + 2 * PADDING if text else 0 for text in (label, said))
    total, name, clip = left + right, f"{label}: {said}" if label else said, f"r{suffix}"
    halves = [(label, left / 2, left, label_colour), (said, left + right / 2, right, colour)]
    texts = "".join(_text(text, middle, space, paper) for text, middle, space, paper in halves if text)
    label_class, said_class = (f' class="{one}"' if one else "" for one in classes)
    style = f"<style>{STYLE}</style>" if any(classes) else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{HEIGHT}" role="img" '
        f"aria-label={quoteattr(name)}><title>{escape(name)}</title>{style}"
        f'<clipPath id="{clip}"><rect width="{total}" height="{HEIGHT}" rx="{0 if flat_square else 3}"/></clipPath>'
        f'<g clip-path="url(#{clip})"><rect{label_class} width="{left}" height="{HEIGHT}" fill="{label_colour}"/>'
        f'<rect{said_class} x="{left}" width="{right}" height="{HEIGHT}" fill="{colour}"/></g>'
        f'<g text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="110">{texts}</g></svg>'
    )


def width(text: str) -> int:
    """Return how wide text is in Verdana at 11 px, whole pixels; other scripts as wide as they are on average."""
    units = sum(_advance(one, before) for before, one in pairwise(f" {text}"))
    return round(units * 11 / EM)


def brightness(colour: str) -> float:
    """Return how bright a #rgb or #rrggbb colour looks, 0 to 1 (W3C: 299, 587, 114 parts of red, green, blue)."""
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4))
    return (299 * red + 587 * green + 114 * blue) / 255_000


def colour(asked: str | None) -> str | None:
    """Return a colour that was asked for as #rgb or #rrggbb, with or without #; None when it is none."""
    found = HEX.fullmatch(asked or "")
    return f"#{found[1].lower()}" if found else None


def _text(text: str, middle: float, space: int, paper: str) -> str:
    ink, shadow = ("#333", "#ccc") if brightness(paper) > DARK_TEXT_FROM else ("#fff", "#010101")
    # Letters of other fonts are stretched to the room as they are: more space between them would tear Arabic apart.
    adjust = "" if all(one in WIDTHS for one in text) else ' lengthAdjust="spacingAndGlyphs"'
    place = f'x="{middle * 10:g}" transform="scale(.1)" textLength="{(space - 2 * PADDING) * 10}"{adjust}'
    words = escape(text)
    return (
        f'<text aria-hidden="true" {place} y="150" fill="{shadow}" fill-opacity=".3">{words}</text>'
        f'<text {place} y="140" fill="{ink}">{words}</text>'
    )


def _advance(one: str, before: str) -> int:
    """Return the width of a character in 1/2048 em, after the one before it."""
    if one in WIDTHS:
        return WIDTHS[one]
    code, kind = ord(one), category(one)
    if kind in ("Mn", "Me", "Cf") or before == JOINER or code in SKIN:
        return 0
    if 0x1F1E6 <= code <= 0x1F1FF:
        return FLAG_HALF
    if east_asian_width(one) in "WF":
        return EMOJI if kind == "So" else EM
    return next((wide for first, last, wide in BLOCKS if first <= code <= last), OTHER)
