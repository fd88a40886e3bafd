"""Files that people upload: a face becomes a small square picture without anything hidden in it."""

from io import BytesIO
from struct import error as StructError
from typing import Final

from PIL import Image, PngImagePlugin

from tracker.errors import Invalid

LARGEST_UPLOAD: Final = 5 * 1024 * 1024
FACE_SIDE: Final = 256
FACE_TYPE: Final = "image/webp"
FACE_QUALITY: Final = 82
# What the decoders take at these sizes stays under 100 MB; the WebP one holds several copies of the picture.
MOST_PIXELS: Final = {"JPEG": 12_200_000, "PNG": 8_300_000, "WEBP": 5_000_000}
MOST_HIDDEN_TEXT: Final = 1024 * 1024

Image.MAX_IMAGE_PIXELS = max(MOST_PIXELS.values())
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


def reencode_face(raw: bytes, declared_type: str) -> bytes:
    """Give an uploaded JPEG, PNG or WebP picture as a WebP of 256 × 256 pixels, upright and without metadata.

    Size, declared type and first bytes are checked before anything is decoded; Invalid says what to do.
    """
    if len(raw) > LARGEST_UPLOAD:
        raise _invalid(f"Choose a picture of at most {LARGEST_UPLOAD // 1024**2} MB.")
    declared = _FORMATS.get(declared_type.partition(";")[0].strip().lower())
    if declared is None or _sniffed(raw) != declared:
        raise _invalid("Choose a JPEG, PNG or WebP picture.")
    try:
        with Image.open(BytesIO(raw), formats=(declared,)) as picture:
            if picture.width * picture.height > MOST_PIXELS[declared]:
                raise _too_many_pixels(declared)
            return _encoded(_upright_square(picture))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(declared) from None
    except _BROKEN:
        raise _invalid("This picture is damaged. Save it again as JPEG or PNG, or choose another.") from None


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
    turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
    picture.draft("RGB", (2 * FACE_SIDE, 2 * FACE_SIDE))
    clear = picture.has_transparency_data
    if picture.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        picture = picture.convert("RGBA" if clear else "RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    middle = picture.reduce(max(1, side // (2 * FACE_SIDE)), box=(left, top, left + side, top + side))
    face = middle.convert("RGBA" if clear else "RGB").resize((FACE_SIDE, FACE_SIDE), Image.Resampling.LANCZOS)
    return face.transpose(turn) if turn is not None else face


def _encoded(face: Image.Image) -> bytes:
    # A fresh picture: what the upload carried along (EXIF, XMP, colour profile, comments) lives in the old one's info.
    bare = Image.new(face.mode, face.size)
    bare.paste(face)
    out = BytesIO()
    bare.save(out, "WEBP", quality=FACE_QUALITY, method=4)
    return out.getvalue()
