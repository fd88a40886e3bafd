"""F15: bombs, markup and files that are two things at once are refused before decoding, and cost little memory."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from tests import make
from tests.attacks import payloads
from tests.attacks.markup import wrong
from tests.houses import Visitor
from tests.test_attachments import PDF
from tests.test_faces import _with_header_of as with_header_of
from tests.test_faces import picture
from tracker import attachments, browse, files
from tracker.errors import Invalid

MEASURE = """
import sys
from tracker.errors import Invalid
from tracker.files import accept
peak = lambda: int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
accept(open(sys.argv[1], "rb").read())
before = peak()
try:
    accept(open(sys.argv[2], "rb").read())
except Invalid:
    pass
print(peak() - before)
"""
ENTITIES = (
    b"<!DOCTYPE svg ["
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><svg>&a9;</svg>"
)
ZIP = b"PK\x03\x04" + b"\0" * 40 + b"PK\x05\x06" + b"\0" * 18


def deflated(count: int) -> bytes:
    """A PNG that says it is small and unpacks to `count` bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"\0" * count, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of a process from /proc")
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(lambda: with_header_of((40_000, 40_000), "PNG"), id="a PNG of 1.6 gigapixels"),
        pytest.param(lambda: with_header_of((40_000, 40_000), "JPEG"), id="a JPEG of 1.6 gigapixels"),
        pytest.param(lambda: deflated(400_000_000), id="a PNG that unpacks to 400 MB"),
        pytest.param(lambda: picture("PNG", (3_840, 2_161), "RGBA"), id="the largest PNG we take"),
        pytest.param(lambda: picture("PNG", (3_840, 2_161), "I;16"), id="the largest PNG of 16 bits"),
        pytest.param(lambda: picture("JPEG", (4_032, 3_025), "RGB", progressive=True), id="the largest JPEG"),
        pytest.param(lambda: picture("WEBP", (2_500, 2_000), "RGBA", lossless=True), id="the largest WebP"),
        pytest.param(lambda: ENTITIES, id="an SVG with entities"),
        pytest.param(lambda: b"x" * files.LARGEST_UPLOAD, id="five megabytes of text"),
        pytest.param(lambda: PDF[:-6] + b" " * 5_000_000 + b"%%EOF", id="five megabytes of PDF"),
        pytest.param(lambda: PDF[:-6] + b"<" * 5_000_000 + b"%%EOF", id="five megabytes of brackets"),
    ],
)
def test_no_upload_costs_a_hundred_megabytes(tmp_path: Path, raw: Any) -> None:
    small, upload = tmp_path / "small", tmp_path / "upload"
    small.write_bytes(picture("PNG", (2_000, 2_000)))
    upload.write_bytes(raw())
    command = [sys.executable, "-c", MEASURE, str(small), str(upload)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert int(told.stdout) < 100 * 1024


@pytest.mark.parametrize("rider", [b"<script>alert(1)</script>", ZIP, b"<?php system($_GET[0]); ?>", PDF])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_second_file_behind_a_picture_is_left_behind(form: str, rider: bytes) -> None:
    found = files.accept(picture(form, (80, 60)) + rider)
    assert rider not in found.content + (found.thumb or b"")
    assert Image.open(BytesIO(found.content)).format == "WEBP"


@pytest.mark.parametrize(
    "raw",
    [
        ENTITIES,
        b"\xef\xbb\xbf" + ENTITIES,
        b"\n\n<svg onload=alert(1)>",
        b"GIF89a/*" + picture() + b"*/=1;alert(1)",
        b"<html>" + picture(),
        PDF + ZIP,
        ZIP + PDF,
        PDF[:-6] + ZIP + b"%%EOF",
        b"%!PS-Adobe-3.0 EPSF-3.0\n\0",
        b"BM" + b"\0" * 60,
        b"\0\0\x01\0\x01\0",
        b"RIFF\0\0\0\0AVI LIST",
        b"\0\0\0\x20ftypavif" + b"\0" * 40,
        b"II*\0" + b"\0" * 60,
        b"#!/bin/sh\n\x07",
    ],
)
def test_what_would_be_opened_as_something_else_is_refused_unopened(
    raw: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(Image, "open", lambda *given, **_: opened.append(given))
    with pytest.raises(Invalid):
        files.accept(raw)
    assert not opened


def test_no_payload_gets_out_of_a_files_name_or_description(house: Flask, client: Visitor, full: bool) -> None:
    for number, text in enumerate(payloads.sample(400 if full else 20)):
        if number % (attachments.MOST_OF_TICKET - 1) == 0:
            ticket = make.ticket()
            make.own(client, ticket)
        kept = attachments.keep(b"a text", text)
        try:
            make.post(ticket, "reply", files=[{"file": kept.key, "alt": text[:200]}], publish=True)
        except Invalid:
            continue
        page = client.get(f"/t/{ticket.ref}").text
        assert wrong(page) == [], text
        events = browse.news(ticket, after=0, audience="public", html=True, limit=200)["events"]
        entry = next(one for one in reversed(events) if one["kind"] == "reply")
        header = client.get(entry["files"][0]["url"]).headers["Content-Disposition"]
        assert header == f'attachment; filename="text-{kept.key[:6]}.txt"'
