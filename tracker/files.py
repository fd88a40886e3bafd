"""Files that people upload, sniffed and not believed: pictures are drawn anew without anything hidden in them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from struct import error as StructError
from typing import Final

from PIL import Image, PngImagePlugin

from tracker import richtext
from tracker.errors import Invalid

LARGEST_UPLOAD: Final = 5 * 1024 * 1024
FACE_SIDE: Final = 256
FACE_TYPE: Final = "image/webp"
FACE_QUALITY: Final = 82
PICTURE_SIDE: Final = 2_000
THUMB_SIDE: Final = 480
LARGEST_TEXT: Final = 1024 * 1024
TAKEN: Final = "Choose a picture (JPEG, PNG, WebP), a PDF, a plain text or a recording (Ogg, WebM, MP4, MP3)."
UNREADABLE: Final = "Choose a picture, a PDF, a recording, or a text saved as UTF-8: this can not be read."
MARKED_UP: Final = "Choose a picture or a PDF of it, or write its lines as words: we keep no HTML, SVG or scripts."
UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
# What the decoders take at these sizes stays under 100 MB; the WebP one holds several copies of the picture.
MOST_PIXELS: Final = {"JPEG": 12_200_000, "PNG": 8_300_000, "WEBP": 4_500_000}
MOST_SCANNED_PIXELS: Final = 26_000_000
"""Of a JPEG whose one scan is shrunk while it is read, as cameras write it: nothing holds it whole."""
MOST_HIDDEN_TEXT: Final = 1024 * 1024

Image.MAX_IMAGE_PIXELS = MOST_SCANNED_PIXELS
PngImagePlugin.MAX_TEXT_MEMORY = MOST_HIDDEN_TEXT

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow raises, as its documentation and fuzzing show, when a file is not what its first bytes promise.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, StructError),
    ZeroDivisionError,
)


_MARKUP = re.compile(
    rb"<\s*(?:!doctype|!entity|\?xml|\?php|html|svg|script|iframe|object|embed|body|head|img|math|style)\b|\bPK\x03\x04",
    re.IGNORECASE,
)
_LONGEST_ARCHIVE_TAIL = 66_000


def reencode_face(raw: bytes, declared_type: str) -> bytes:
    """Give an uploaded JPEG, PNG or WebP picture as a WebP of 256 × 256 pixels, upright and without metadata.

    Size, declared type and first bytes are checked before anything is decoded; Invalid says what to do.
    """
    if len(raw) > LARGEST_UPLOAD:
        raise _invalid(f"Choose a picture of at most {LARGEST_UPLOAD // 1024**2} MB.")
    declared = _FORMATS.get(declared_type.partition(";")[0].strip().lower())
    if declared is None or _sniffed(raw) != declared:
        raise _invalid("Choose a JPEG, PNG or WebP picture.")
    return _encoded(_shrunk(raw, declared, _upright_square))


@dataclass(frozen=True)
class Upload:
    """A file as we keep it: what it is, its bytes, and for pictures a small one and the size in pixels."""

    kind: str
    type: str
    content: bytes
    thumb: bytes | None = None
    width: int | None = None
    height: int | None = None


def accept(raw: bytes) -> Upload:
    """Return a file as we keep it, by its bytes alone; whatever was said about it is not believed. Raises Invalid."""
    try:
        if len(raw) > LARGEST_UPLOAD:
            raise _invalid(f"Choose a file of at most {LARGEST_UPLOAD // 1024**2} MB.")
        if form := _sniffed(raw):
            return _picture(_shrunk(raw, form, _upright))
        if raw.startswith(b"%PDF-"):
            return _document(raw)
        if not raw.startswith(UTF16_MARKS) and (sound := _sound(raw)):
            return Upload("sound", sound, raw)
        return _text(raw)
    except Invalid as error:
        raise Invalid(error.message, fields={"files": error.message}) from None


def _shrunk(raw: bytes, form: str, shrink: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Return a picture made small; what its decoder held is let go before anything else is done with it."""
    try:
        with Image.open(BytesIO(raw), formats=(form,)) as picture:
            most = MOST_SCANNED_PIXELS if _is_one_scan(raw) else MOST_PIXELS[form]
            if picture.width * picture.height > (most if picture.mode != "CMYK" else most * 3 // 4):
                raise _too_many_pixels(form)
            return shrink(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(form) from None
    except _BROKEN:
        raise _invalid("This picture is damaged. Save it again as JPEG or PNG, or choose another.") from None


def _is_one_scan(raw: bytes) -> bool:
    """Say whether this is a JPEG, not progressive, with all its colours in the first scan (ITU-T T.81, B.1)."""
    at, colours = 2, 0
    while raw[at : at + 1] == b"\xff" and at + 10 <= len(raw):
        marker, length = raw[at + 1], int.from_bytes(raw[at + 2 : at + 4], "big")
        if marker in (0xC0, 0xC1):
            colours = raw[at + 9]
        if marker == 0xDA:
            return 0 < colours == raw[at + 4]
        at += 2 + length
    return False


def _picture(shown: Image.Image) -> Upload:
    content = _encoded(shown)
    small = shown.copy()
    small.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
    return Upload("picture", FACE_TYPE, content, _encoded(small), *shown.size)


def _upright(picture: Image.Image) -> Image.Image:
    """Shrink a picture before anything else, so that no step holds a second whole one, and turn it upright."""
    side, longest = PICTURE_SIDE, max(picture.size)
    turn, mode, picture = _opened(picture, (picture.width * side // longest, picture.height * side // longest))
    if max(picture.size) > 2 * side:
        picture = picture.reduce(max(picture.size) // (2 * side) + 1)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _turned(picture.convert(mode), turn)


def _opened(picture: Image.Image, size: tuple[int, int]) -> tuple[int, str, Image.Image]:
    """Return how a picture is turned, whether it ends with transparency, and itself in a mode that can be shrunk.

    A JPEG is read at half, a quarter or an eighth where that is no smaller than `size`.
    """
    turn = picture.getexif().get(_ORIENTATION, 1)
    picture.draft("RGB", size)
    if picture.width * picture.height > MOST_PIXELS[str(picture.format)]:
        raise _too_many_pixels(str(picture.format))
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return turn, mode, picture if picture.mode in ("L", "LA", "RGB", "RGBA", "CMYK") else picture.convert(mode)


def _turned(picture: Image.Image, turn: int) -> Image.Image:
    return picture.transpose(_TURNS[turn]) if turn in _TURNS else picture


def _document(raw: bytes) -> Upload:
    """Take a PDF that is nothing else besides: no markup before it, nothing behind it, no archive in its tail."""
    is_whole = re.match(rb"%PDF-[12]\.\d", raw) and raw.rstrip(b"\0\t\r\n ").endswith(b"%%EOF")
    if not is_whole or _MARKUP.search(raw[:1024]) or b"PK\x05\x06" in raw[-_LONGEST_ARCHIVE_TAIL:]:
        raise _invalid("This PDF is damaged, or something else besides. Print it to PDF again, or send a picture.")
    return Upload("document", "application/pdf", raw)


def _sound(raw: bytes) -> str | None:
    if raw.startswith(b"OggS\0"):
        return "audio/ogg"
    if raw.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in raw[:64]:
        return "audio/webm"
    if raw[4:8] == b"ftyp" and raw[8:12] in (b"M4A ", b"mp42", b"isom", b"iso5", b"iso6", b"dash"):
        return "audio/mp4"
    is_mp3 = raw.startswith(b"ID3") or (raw[:1] == b"\xff" and len(raw) > 400 and raw[1] & 0xE6 in (0xE2, 0xE4, 0xE6))
    return "audio/mpeg" if is_mp3 else None


def _text(raw: bytes) -> Upload:
    text = richtext.storable(_decoded(raw))
    content = text.encode()
    if not text.strip() or "\ufffd" in text:
        raise _invalid(TAKEN)
    if _MARKUP.search(content):
        raise _invalid(MARKED_UP)
    if len(content) > LARGEST_TEXT:
        raise _invalid("Choose a text of at most 1 MB.")
    return Upload("text", "text/plain", content)


def _decoded(raw: bytes) -> str:
    """Return bytes as text: UTF-16 by its mark, UTF-8, else as Windows writes western languages, mostly in ASCII."""
    if raw.startswith(UTF16_MARKS):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        if len(raw.decode("ascii", "ignore")) < 0.75 * len(raw):
            raise _invalid(UNREADABLE) from None
        return raw.decode("cp1252", "replace")


def _invalid(what_to_do: str) -> Invalid:
    return Invalid(what_to_do, fields={"face": what_to_do})


def _too_many_pixels(declared: str) -> Invalid:
    return _invalid(
        f"Choose a picture of at most {MOST_PIXELS[declared] // 1_000_000} megapixels, or make this one smaller."
    )


def _sniffed(raw: bytes) -> str | None:
    if raw.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    return "WEBP" if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP" else None


def _upright_square(picture: Image.Image) -> Image.Image:
    """Cut the middle square and shrink it before anything else, so that no step holds a second whole picture."""
    turn, mode, picture = _opened(picture, (2 * FACE_SIDE, 2 * FACE_SIDE))
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    middle = picture.reduce(max(1, side // (2 * FACE_SIDE)), box=(left, top, left + side, top + side))
    return _turned(middle.convert(mode).resize((FACE_SIDE, FACE_SIDE), Image.Resampling.LANCZOS), turn)


def _encoded(face: Image.Image) -> bytes:
    # A fresh picture: what the upload carried along (EXIF, XMP, colour profile, comments) lives in the old one's info.
    bare = Image.new(face.mode, face.size)
    bare.paste(face)
    out = BytesIO()
    bare.save(out, "WEBP", quality=FACE_QUALITY, method=4)
    return out.getvalue()
