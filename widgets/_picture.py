"""The picture in previews of a link: one pure function of who has a ticket, what it is and how long it takes."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from math import cos, radians, sin
from unicodedata import bidirectional

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 630
MARGIN, FACE = 72, 168
SITE = "Nameplate"
PAPER, INK, QUIET, LINE = "#faf8f4", "#1d222e", "#565c68", "#dcdad5"
HUES = (25, 50, 80, 110, 145, 170, 200, 230, 255, 285, 315, 350)
"""Of faces, as static/css/parts.css has them."""
# Pillow brings a font for Latin along. Others are looked for among those the machine has installed.
FONTS = (
    *("DejaVuSans", "NotoSans-Regular", "LiberationSans-Regular", "NotoSansCJK-Regular.ttc", "NotoNaskhArabic-Regular"),
    *("NotoSansArabic-Regular", "NotoSansHebrew-Regular", "NotoSansDevanagari-Regular", "NotoSansThai-Regular"),
)
HEAVY = (("DejaVuSans", "DejaVuSans-Bold"), ("-Regular", "-Bold"))
ABSENT = "\U0010fffd"
"""A character that no font has: what is drawn like it is missing."""
KEPT = 64
Font = ImageFont.FreeTypeFont


@dataclass(frozen=True)
class Facts:
    """What the picture shows; `face` holds a WebP, or nothing."""

    name: str
    has: str
    subject: str
    clock: str
    stands: str
    colour: str
    initials: str
    hue: int
    face: bytes = b""


@lru_cache(maxsize=KEPT)
def draw(facts: Facts) -> bytes:
    """Return the picture as PNG. Pure, and dear: the last ones are kept."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(picture)
    picture.paste(_face(facts), (MARGIN, 52), _circle())
    beside, room = MARGIN + FACE + 36, WIDTH - 2 * MARGIN
    _write(pen, (beside, 76), facts.name, 50, room - FACE - 36, heavy=True)
    _write(pen, (beside, 148), facts.has, 34, room - FACE - 36, colour=QUIET)
    _write(pen, (MARGIN, 252), facts.subject, 56, room, heavy=True, lines=2)
    pen.line((MARGIN, 418, WIDTH - MARGIN, 418), fill=LINE, width=3)
    _write(pen, (MARGIN, 440), facts.clock, 72, room - 250, heavy=True)
    _write(pen, (MARGIN, 534), facts.stands, 34, room - 250, colour=facts.colour, heavy=True)
    pen.text((WIDTH - MARGIN, 566), SITE, fill=QUIET, font=_font(SITE, 30), anchor="rs")
    out = BytesIO()
    picture.save(out, "PNG", compress_level=3)
    return out.getvalue()


def wrap(text: str, font: Font, room: int, lines: int) -> list[str]:
    """Return text as at most `lines` lines that are no wider than `room` pixels, ending in … when some is left out."""
    found: list[str] = []
    while text and len(found) < lines:
        fits = _fitting(text, font, room)
        space = text.rfind(" ", 0, fits + 1) if fits < len(text) else -1
        cut = space if space > 0 else fits
        found.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    if text:
        last = found[-1]
        found[-1] = last[: _fitting(last, font, room - round(font.getlength("…")))].rstrip() + "…"
    return found


def _fitting(text: str, font: Font, room: int) -> int:
    widths = range(1, len(text) + 1)
    return max(1, bisect_right(widths, room, key=lambda count: int(font.getlength(text[:count]))))


def _write(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    size: int,
    room: int,
    *,
    colour: str = INK,
    heavy: bool = False,
    lines: int = 1,
) -> None:
    best, font = _best(text), _font(text, size, heavy=heavy)
    drawable = (one for one in text if one.isprintable() and _has(best, one))  # rather nothing than empty boxes
    shown = " ".join("".join(drawable).split())
    left, top = place
    from_right = lines > 1 and _reads_from_right(shown)
    for number, line in enumerate(wrap(shown, font, room, lines)):
        where = (left + room if from_right else left, top + round(number * size * 1.25))
        pen.text(where, line, fill=colour, font=font, anchor="ra" if from_right else "la")


def _reads_from_right(text: str) -> bool:
    strong = next((found for one in text if (found := bidirectional(one)) in ("L", "R", "AL")), "L")
    return strong != "L"


def _font(text: str, size: int, *, heavy: bool = False) -> Font:
    best = _best(text)
    return _load(_heavier(best) if heavy else best, size)


def _best(text: str) -> str:
    """Return the font that has most of a text's characters, an earlier one when they are alike."""
    return max(_installed(), key=lambda name: sum(_has(name, one) for one in set(text)))


def _heavier(name: str) -> str:
    for light, bold in HEAVY:
        if light in name and _opens(name.replace(light, bold)):
            return name.replace(light, bold)
    return name


@lru_cache(maxsize=1)
def _installed() -> Sequence[str]:
    return [name for name in FONTS if _opens(name)] + [""]


@lru_cache(maxsize=2 * len(FONTS))
def _opens(name: str) -> bool:
    try:
        _load(name, 32)
    except OSError:
        return False
    return True


@lru_cache(maxsize=KEPT)
def _load(name: str, size: int) -> Font:
    if name:
        return ImageFont.truetype(name if "." in name else f"{name}.ttf", size)
    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType: no picture can hold words")
    return found


@lru_cache(maxsize=4096)
def _has(name: str, one: str) -> bool:
    font = _load(name, 32)
    return one.isspace() or bytes(font.getmask(one)) != bytes(font.getmask(ABSENT))


@lru_cache(maxsize=1)
def _circle() -> Image.Image:
    mask = Image.new("L", (4 * FACE, 4 * FACE))
    ImageDraw.Draw(mask).ellipse((0, 0, 4 * FACE - 1, 4 * FACE - 1), fill=255)
    return mask.resize((FACE, FACE), Image.Resampling.LANCZOS)


def _face(facts: Facts) -> Image.Image:
    if facts.face:
        with Image.open(BytesIO(facts.face), formats=("WEBP",)) as found:
            return found.convert("RGB").resize((FACE, FACE), Image.Resampling.LANCZOS)
    hue = HUES[facts.hue % len(HUES)]
    tile = Image.new("RGB", (FACE, FACE), oklch(0.9, 0.06, hue))
    font, letters = _font(facts.initials, 62, heavy=True), facts.initials
    best = _best(letters)
    if all(_has(best, one) for one in letters):
        ImageDraw.Draw(tile).text((FACE // 2, FACE // 2), letters, fill=oklch(0.34, 0.09, hue), font=font, anchor="mm")
    return tile


def oklch(light: float, chroma: float, hue: float) -> tuple[int, int, int]:
    """Return sRGB of a colour as our style sheets write it (CSS Color 4, section 9 and its sample code)."""
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _encoded(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        _encoded(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        _encoded(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )


def _encoded(linear: float) -> int:
    linear = min(max(linear, 0.0), 1.0)
    return round(255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055))
