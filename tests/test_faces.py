"""Uploaded faces: made small, upright and bare; bombs, disguises and broken files are refused in words."""

import subprocess
import sys
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tracker.errors import Invalid
from tracker.files import LARGEST_UPLOAD, MOST_PIXELS, _is_one_scan, accept, reencode_face

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
CANARY = b"CANARY-51.4779N-0.0015W"
RED, GREEN, BLUE, WHITE = (250, 0, 0), (0, 250, 0), (0, 0, 250), (255, 255, 255)


def picture(form: str = "PNG", size: tuple[int, int] = (64, 64), mode: str = "RGB", **options: Any) -> bytes:
    out = BytesIO()
    Image.new(mode, size, **({"color": options.pop("color")} if "color" in options else {})).save(out, form, **options)
    return out.getvalue()


def quartered(form: str, **options: Any) -> bytes:
    """Draw a picture whose corners are red, green, blue and white, clockwise from the top left."""
    out, drawn = BytesIO(), Image.new("RGB", (400, 400))
    for box, colour in (((0, 0), RED), ((200, 0), GREEN), ((200, 200), BLUE), ((0, 200), WHITE)):
        drawn.paste(colour, (*box, box[0] + 200, box[1] + 200))
    drawn.save(out, form, **options)
    return out.getvalue()


def corners(face: bytes) -> list[str]:
    """Name the corners of a face clockwise from the top left."""
    opened = Image.open(BytesIO(face)).convert("RGB")
    names = {RED: "red", GREEN: "green", BLUE: "blue", WHITE: "white"}
    seen: list[Any] = [opened.getpixel(place) for place in ((40, 40), (215, 40), (215, 215), (40, 215))]
    return [names[min(names, key=lambda known: sum(abs(known[n] - at[n]) for n in range(3)))] for at in seen]


def orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    exif[0x010E] = CANARY.decode()
    return exif.tobytes()


def refused(raw: bytes, declared: str = "image/png") -> str:
    with pytest.raises(Invalid) as refusal:
        reencode_face(raw, declared)
    assert refusal.value.fields["face"] == str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("form", TYPES)
@pytest.mark.parametrize("size", [(64, 64), (1, 1), (1_000, 300), (300, 1_001), (3, 900), (255, 2_000)])
def test_a_picture_becomes_a_square_webp(form: str, size: tuple[int, int]) -> None:
    face = Image.open(BytesIO(reencode_face(picture(form, size), TYPES[form])))
    assert (face.format, face.size) == ("WEBP", (256, 256))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_colour_is_read(mode: str) -> None:
    assert reencode_face(picture(mode=mode), "image/png")[8:12] == b"WEBP"
    assert reencode_face(picture("JPEG", mode="CMYK"), "image/jpeg")[8:12] == b"WEBP"


def test_the_middle_is_kept_and_transparency_too() -> None:
    wide = Image.new("RGB", (900, 300), RED)
    wide.paste(GREEN, (300, 0, 600, 300))
    out = BytesIO()
    wide.save(out, "PNG")
    assert corners(reencode_face(out.getvalue(), "image/png")) == ["green"] * 4
    clear = Image.open(BytesIO(reencode_face(picture(mode="RGBA", color=(9, 9, 9, 0)), "image/png")))
    assert clear.getpixel((128, 128))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("form", TYPES)
@pytest.mark.parametrize(
    ("value", "upright"),
    [
        (1, "red green blue white"),
        (2, "green red white blue"),
        (3, "blue white red green"),
        (4, "white blue green red"),
        (5, "red white blue green"),
        (6, "white red green blue"),
        (7, "blue green red white"),
        (8, "green blue white red"),
        (9, "red green blue white"),
    ],
)
def test_a_camera_held_sideways_gives_an_upright_face(form: str, value: int, upright: str) -> None:
    face = reencode_face(quartered(form, exif=orientation(value)), TYPES[form])
    assert corners(face) == upright.split()


def test_nothing_hidden_in_the_upload_comes_through() -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", CANARY.decode())
    note.add_itxt("XML:com.adobe.xmp", CANARY.decode())
    uploads = [
        ("image/png", picture(pnginfo=note, exif=orientation(6), icc_profile=CANARY)),
        ("image/jpeg", picture("JPEG", exif=orientation(6), icc_profile=CANARY, comment=CANARY, xmp=CANARY)),
        ("image/webp", picture("WEBP", exif=orientation(6), icc_profile=CANARY, xmp=CANARY)),
    ]
    for declared, raw in uploads:
        assert CANARY in raw
        face = reencode_face(raw, declared)
        assert CANARY not in face
        opened = Image.open(BytesIO(face))
        assert not opened.getexif()
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(opened.info)


@pytest.mark.parametrize("form", TYPES)
@pytest.mark.parametrize(
    "rider", [b"<script>alert(1)</script>", b"PK\x03\x04evil.jar", b"<?php system($_GET[0]); ?>", b"%PDF-1.7"]
)
def test_a_picture_that_is_also_something_else_comes_out_as_a_picture_only(form: str, rider: bytes) -> None:
    face = reencode_face(picture(form) + rider, TYPES[form])
    assert rider not in face


def test_a_face_is_the_same_however_often_it_is_made() -> None:
    assert reencode_face(quartered("PNG"), "image/png") == reencode_face(quartered("PNG"), "image/png")


SVG_WITH_ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">
<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&b;&x;</text></svg>"""


@pytest.mark.parametrize(
    ("raw", "declared"),
    [
        (SVG_WITH_ENTITIES, "image/svg+xml"),
        (SVG_WITH_ENTITIES, "image/png"),
        (b"GIF89a" + b"\0" * 60, "image/gif"),
        (b"GIF89a/*" + picture() + b"*/=1;alert(1)", "image/png"),
        (b"<html>" + picture(), "image/png"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "image/jpeg"),
        (picture("TIFF"), "image/tiff"),
        (picture("BMP"), "image/png"),
        (picture("PNG"), "image/jpeg"),
        (picture("JPEG"), "image/webp"),
        (picture("PNG"), "text/html"),
        (picture("PNG"), ""),
        (b"", "image/png"),
    ],
)
def test_what_is_not_declared_and_written_as_a_picture_is_refused_unopened(
    raw: bytes, declared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(Image, "open", lambda *given, **_: opened.append(given))
    assert refused(raw, declared) == "Choose a JPEG, PNG or WebP picture."
    assert not opened


def test_a_declared_type_may_be_written_in_any_case_with_parameters() -> None:
    assert reencode_face(picture(), " Image/PNG; charset=binary")


def test_a_large_file_is_refused_by_its_size() -> None:
    assert "5 MB" in refused(picture() + b"\0" * LARGEST_UPLOAD)
    padded = picture()
    assert reencode_face(padded + b"\0" * (LARGEST_UPLOAD - len(padded)), "image/png")


@pytest.mark.parametrize("form", TYPES)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_refused_with_what_to_do(form: str, part: float) -> None:
    whole = quartered(form)
    assert "damaged" in refused(whole[: int(len(whole) * part)], TYPES[form])


@pytest.mark.parametrize("form", TYPES)
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(form: str) -> None:
    width, mode = 4_000, "RGB" if form == "WEBP" else "L"
    fits, bursts = MOST_PIXELS[form] // width, MOST_PIXELS[form] // width + 1
    assert reencode_face(picture(form, (width, fits), mode, progressive=True), TYPES[form])
    assert "megapixels" in refused(picture(form, (width, bursts), mode, progressive=True), TYPES[form])


def test_what_a_camera_takes_is_shrunk_while_it_is_read() -> None:
    assert accept(picture("JPEG", (5_712, 4_284), "L")).width == 2_000
    assert "megapixels" in refused(picture("JPEG", (5_712, 4_284), "L", progressive=True), "image/jpeg")
    assert "megapixels" in refused(picture("JPEG", (6_000, 4_400), "L"), "image/jpeg")
    assert "megapixels" in refused(picture("JPEG", (25_400, 1_000), "L"), "image/jpeg"), "a face would need it whole"


def test_scans_of_one_colour_each_are_not_taken_for_one_scan() -> None:
    whole = picture("JPEG", (640, 480))
    scan = whole.index(b"\xff\xda")
    assert _is_one_scan(whole)
    assert not _is_one_scan(whole[: scan + 4] + b"\x01" + whole[scan + 5 :])
    assert not any(_is_one_scan(whole[:length]) for length in range(scan + 4))


def test_hidden_text_that_unpacks_to_megabytes_is_refused() -> None:
    note = PngImagePlugin.PngInfo()
    for number in range(8):
        note.add_text(f"t{number}", "x" * 900_000, zip=True)
    assert "damaged" in refused(picture(pnginfo=note))


SEEDS = tuple((TYPES[form], quartered(form, exif=orientation(6))) for form in TYPES)


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.sampled_from(SEEDS), st.data())
def test_a_spoilt_file_gives_a_face_or_a_refusal_and_nothing_else(seed: tuple[str, bytes], data: st.DataObject) -> None:
    declared, whole = seed
    spoilt = bytearray(whole)
    for place in data.draw(st.lists(st.integers(12, min(len(whole), 700) - 1), min_size=1, max_size=8)):
        spoilt[place] = data.draw(st.integers(0, 255))
    face = b""
    with suppress(Invalid):
        face = reencode_face(bytes(spoilt), declared)
    assert face[8:12] in (b"", b"WEBP")


MEASURE = """
import sys
import zlib
from tracker.errors import Invalid
from tracker.files import accept, reencode_face
peak = lambda: int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
small, raw, declared = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read(), sys.argv[3]
reencode_face(small, "image/png")
accept(small)
before = peak()
for made in (lambda: accept(raw), lambda: reencode_face(raw, declared)):
    try:
        made()
    except Invalid:
        pass
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of a process from /proc")
@pytest.mark.parametrize(
    ("form", "size", "mode", "options"),
    [
        ("PNG", (40_000, 40_000), "1", {}),
        ("PNG", (3_840, 2_161), "RGBA", {}),
        ("PNG", (3_840, 2_161), "P", {"transparency": 0}),
        ("PNG", (3_840, 2_161), "I;16", {}),
        ("JPEG", (4_032, 3_025), "RGB", {"progressive": True, "subsampling": 0}),
        ("JPEG", (4_032, 3_025), "CMYK", {"progressive": True, "subsampling": 0}),
        ("JPEG", (5_712, 4_284), "RGB", {"subsampling": 0}),
        ("JPEG", (9_000, 2_160), "CMYK", {"subsampling": 0}),
        ("JPEG", (40_000, 40_000), "L", {}),
        ("WEBP", (2_500, 1_800), "RGBA", {"lossless": True}),
    ],
)
def test_no_picture_costs_more_than_a_hundred_megabytes(
    tmp_path: Path, form: str, size: tuple[int, int], mode: str, options: dict[str, Any]
) -> None:
    upload, small = tmp_path / "upload", tmp_path / "small"
    small.write_bytes(picture())
    upload.write_bytes(_with_header_of(size, form) if size[0] > 10_000 else picture(form, size, mode, **options))
    command = [sys.executable, "-c", MEASURE, str(small), str(upload), TYPES[form]]
    told = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert int(told.stdout) < 100 * 1024


def _with_header_of(size: tuple[int, int], form: str) -> bytes:
    """Write a bomb: a small picture whose header promises an enormous one."""
    if form == "PNG":
        out = bytearray(picture(size=(64, 64), mode="1"))
        out[16:24] = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big")
        out[29:33] = zlib.crc32(out[12:29]).to_bytes(4, "big")
        return bytes(out)
    out = bytearray(picture("JPEG", mode="L"))
    start = out.index(b"\xff\xc0") + 5
    out[start : start + 4] = size[1].to_bytes(2, "big") + size[0].to_bytes(2, "big")
    return bytes(out)
