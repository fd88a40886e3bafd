"""Files of what people said: sniffed, drawn anew, shown to whoever sees the words, gone with them."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from PIL import Image, PngImagePlugin

from tests import make
from tests.houses import Visitor
from tests.test_faces import CANARY, picture
from tracker import attachments, browse, disclosure, files, store
from tracker.errors import Invalid, NotFound
from tracker.models import File, Ticket

PDF = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
SVG = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg>'
ZIP_TAIL = b"PK\x05\x06" + b"\0" * 16 + b"\x06\0%%EOF"


@pytest.mark.parametrize(
    ("raw", "kind", "type_"),
    [
        (picture("PNG", (900, 600)), "picture", "image/webp"),
        (picture("JPEG", (900, 600)), "picture", "image/webp"),
        (picture("WEBP", (900, 600)), "picture", "image/webp"),
        (PDF, "document", "application/pdf"),
        ("Größe: 3 < 4 & 5\r\nfertig".encode(), "text", "text/plain"),
        (b"OggS\0" + b"\x02" * 60, "sound", "audio/ogg"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + b"\0" * 40, "sound", "audio/webm"),
        (b"\0\0\0\x20ftypM4A " + b"\0" * 40, "sound", "audio/mp4"),
        (b"ID3\x04" + b"\0" * 40, "sound", "audio/mpeg"),
    ],
)
def test_a_file_is_what_its_bytes_say(raw: bytes, kind: str, type_: str) -> None:
    found = files.accept(raw)
    assert (found.kind, found.type) == (kind, type_)


@pytest.mark.parametrize("written_in", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_is_kept_as_utf_8_whatever_wrote_it(written_in: str) -> None:
    lines = "Größe: 3 < 4 & 5\r\n" * 40
    found = files.accept(lines.encode(written_in))
    assert (found.kind, found.type) == ("text", "text/plain")
    assert found.content.decode() == lines.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("вода не идёт".encode("cp1251"), files.UNREADABLE),
        (b"10:04 sent <html><body>ok", files.MARKED_UP),
        (b"MZ\x90\0\x03", files.TAKEN),
    ],
)
def test_who_sends_what_is_no_text_we_keep_is_told_what_to_do(raw: bytes, said: str) -> None:
    with pytest.raises(Invalid) as refusal:
        files.accept(raw)
    assert refusal.value.fields == {"files": said}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"  \n",
        SVG,
        b"<html><script>alert(1)</script>",
        b"a text that turns into <script>alert(1)</script>",
        b"<?php system($_GET[0]); ?>",
        b"GIF89a" + b"\0" * 60,
        b"MZ\x90\0\x03",
        b"PK\x03\x04" + b"\0" * 60,
        b"\x7fELF" + b"\0" * 60,
        b"text with a \0 in it",
        b"text with \x1b[31mcolour",
        b"\xff\xfet\0e\0x\0t",
        b"half a character \x81",
        "вода не идёт".encode("cp1251"),
        "a log of <html>".encode("utf-16"),
        b"Gr\xf6\xdfe <script>alert(1)</script>",
        b"<html>" + PDF,
        PDF + b"<script>alert(1)</script>",
        PDF[:9] + b"<html><script>alert(1)</script></html>" + PDF[9:],
        PDF + ZIP_TAIL,
        b"%PDF-9.9" + PDF[8:],
        PDF[:40],
        picture("BMP"),
        picture("TIFF"),
        picture()[:60],
    ],
)
def test_what_is_something_else_or_two_things_at_once_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        files.accept(raw)
    assert list(refusal.value.fields) == ["files"]


def test_a_picture_keeps_its_shape_and_nothing_hidden_in_it() -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", CANARY.decode())
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, CANARY.decode()
    raw = picture("PNG", (3_000, 1_000), pnginfo=note, exif=exif.tobytes()) + b"<script>alert(1)</script>"
    assert CANARY in raw
    found = files.accept(raw)
    assert (found.width, found.height) == (667, 2_000)
    for drawn in (found.content, found.thumb or b""):
        assert CANARY not in drawn
        assert b"script" not in drawn
        assert not Image.open(BytesIO(drawn)).getexif()
    assert max(Image.open(BytesIO(found.thumb or b"")).size) == 480


def test_a_file_of_more_than_five_megabytes_is_refused_before_it_is_opened() -> None:
    with pytest.raises(Invalid, match="5 MB"):
        files.accept(picture() + b"\0" * files.LARGEST_UPLOAD)


def sent(
    ticket: Ticket, kind: str = "update", raw: bytes = b"", alt: str = "The tap, dry", **given: Any
) -> tuple[File, int]:
    """Post words with one file; return it and their seq."""
    kept = attachments.keep(raw or picture("PNG", (60, 40)), "IMG_2031.png")
    event = make.post(ticket, kind, files=[{"file": kept.key, "alt": alt}], **given)
    return kept, event.seq


def shown(ticket: Ticket, seq: int, audience: str) -> list[disclosure.Shown]:
    events = [event for event in make.events_of(make.fresh(ticket)) if event.seq == seq]
    return [file for entry in disclosure.entries(ticket, events, audience) for file in entry["files"]]


def test_whoever_sees_the_words_sees_the_picture_with_its_description(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    _kept, seq = sent(ticket)
    page = client.get(f"/t/{ticket.ref}").text
    (one,) = shown(ticket, seq, "public")
    assert f'src="{one["thumb_url"]}" alt="The tap, dry" width="60" height="40"' in page
    answer = client.get(one["url"])
    assert (answer.status_code, answer.content_type) == (200, "image/webp")
    assert Image.open(BytesIO(answer.data)).size == (60, 40)
    assert client.get(one["thumb_url"]).content_type == "image/webp"
    assert "IMG_2031" not in page
    assert shown(ticket, seq, "staff")[0]["name"] == "IMG_2031.png"


def test_a_file_is_an_attachment_that_can_do_nothing_and_sets_no_cookie(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    _kept, seq = sent(ticket, raw=b"a plain text")
    answer = client.get(shown(ticket, seq, "public")[0]["url"])
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert "Set-Cookie" not in answer.headers
    again = client.get(shown(ticket, seq, "public")[0]["url"], headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_private_replys_picture_is_for_the_two_sides_until_it_is_published(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    kept, seq = sent(ticket, "reply", publish=False)
    assert kept.key not in client.get(f"/t/{ticket.ref}").text
    assert client.get(attachments.address(kept, "public", "x")).status_code == 404
    assert client.get(shown(ticket, seq, "customer")[0]["url"]).status_code == 200
    make.post(ticket, "reply_published", target=seq)
    assert client.get(attachments.address(kept, "public", "x")).status_code == 200


def test_a_notes_file_is_for_staff(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    kept, seq = sent(ticket, "note")
    assert shown(ticket, seq, "staff")
    for audience in ("public", "customer"):
        assert client.get(attachments.address(kept, audience, "x")).status_code == 404
    assert client.get(attachments.address(kept, "staff", "x")).status_code == 200


def test_an_address_ends_with_what_it_was_made_for(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    kept, seq = sent(ticket)
    public, customer = (shown(ticket, seq, audience)[0]["url"] for audience in ("public", "customer"))
    assert client.get(public.replace(kept.key, "0" * 24)).status_code == 404
    assert client.get(f"/f/{kept.key}/{'0' * 24}/x").status_code == 404
    make.post(ticket, "visibility_changed", visibility="private")
    assert (client.get(public).status_code, client.get(customer).status_code) == (404, 200)
    make.post(ticket, "visibility_changed", visibility="public")
    make.post(ticket, "redacted", make.lead(ticket.desk), target=seq)
    for address in (public, customer):
        assert client.get(address).status_code == 404
    assert shown(ticket, seq, "staff") == []


def test_erasing_removes_the_bytes(house: Flask) -> None:
    ticket = make.ticket()
    kept, seq = sent(ticket)
    make.post(ticket, "erased", make.lead(ticket.desk), target=seq)
    store.session().expire_all()
    assert store.session().get(File, kept.id) is None


def test_a_file_goes_with_one_event_only_and_not_too_many_do(house: Flask) -> None:
    ticket, other = make.ticket(), make.ticket()
    kept, _seq = sent(ticket)
    for wanted in ([kept.key], ["0" * 24], [attachments.keep(b"text", "a").key] * 2):
        with pytest.raises(Invalid) as refusal:
            make.post(other, "update", files=[{"file": key} for key in wanted])
        assert "files" in refusal.value.fields
    many = [{"file": attachments.keep(b"text", "a").key} for _ in range(6)]
    with pytest.raises(Invalid):
        make.post(other, "update", files=many)
    make.post(other, "update", files=many[:5])


def test_a_ticket_takes_so_many_files(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MOST_OF_TICKET", 1)
    ticket = make.ticket()
    sent(ticket)
    with pytest.raises(Invalid, match="takes 1 files"):
        sent(ticket)


def test_files_that_no_words_name_are_forgotten(house: Flask, travel: Any) -> None:
    ticket = make.ticket()
    kept, lost = sent(ticket)[0], attachments.keep(b"text", "a")
    travel.shift(timedelta(hours=3))
    assert attachments.forget_waiting() == 1
    assert attachments.forget_waiting() == 0
    store.session().expire_all()
    assert store.session().get(File, lost.id) is None
    assert store.session().get(File, kept.id)


def test_a_description_tells_no_more_than_words_would(house: Flask) -> None:
    ticket = make.ticket()
    kept = attachments.keep(picture(), "a.png")
    seq = make.post(ticket, "update", files=[{"file": kept.key, "alt": "A note: 030 5550147"}]).seq
    assert shown(ticket, seq, "public")[0]["alt"] == "A note: ‹phone number hidden›"


def form(**given: Any) -> dict[str, Any]:
    return {"text": "Look at this.", "next": make.ahead(days=1), **given}


def upload(raw: bytes = b"", name: str = "tap.png") -> tuple[BytesIO, str]:
    return BytesIO(raw or picture("PNG", (60, 40))), name


def test_the_composer_takes_files_without_scripts(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    two = [upload(), upload(PDF, "plan.pdf")]
    answer = client.post(f"/workspace/t/{ticket.ref}/say/update", data=form(files=two, alt="The tap"))
    assert answer.status_code == 303
    kinds = [file["kind"] for file in shown(ticket, make.fresh(ticket).last_seq - 1, "public")]
    assert kinds == ["picture", "document"]


def test_a_form_that_comes_back_keeps_its_files(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    address = f"/workspace/t/{ticket.ref}/say/update"
    answer = client.post(address, data=form(files=upload(), next="never"))
    assert answer.status_code == 422
    kept = answer.text.split('name="uploaded" value="')[1].split('"')[0]
    assert kept.endswith("/tap.png")
    assert client.post(address, data=form(uploaded=kept)).status_code == 303
    assert shown(ticket, make.fresh(ticket).last_seq - 1, "public")


def test_a_preview_without_scripts_keeps_the_files(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    page = client.post(f"/workspace/t/{ticket.ref}/preview", data=form(files=upload()))
    assert page.status_code == 200
    kept = page.text.split('name="uploaded" value="')[1].split('"')[0]
    again = client.post(f"/workspace/t/{ticket.ref}/preview", data=form(uploaded=kept, files=upload(SVG, "x.svg")))
    assert again.status_code == 422
    assert "x.svg: Choose a picture" in again.text
    assert f'value="{kept}"' in again.text
    assert client.post(f"/workspace/t/{ticket.ref}/say/update", data=form(uploaded=kept)).status_code == 303
    assert shown(ticket, make.fresh(ticket).last_seq - 1, "public")


def test_words_kept_for_later_say_that_their_files_are_not(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    address = f"/workspace/t/{ticket.ref}/draft"
    for chosen, said in (("tap.png", True), ("", False)):
        client.post(address, data={"text": "Half", "files": chosen})
        page = client.get(f"/workspace/t/{ticket.ref}").text
        assert "Your words are kept." in page
        assert ("Their files are not" in page) is said
    assert client.post(address, data=form(files=upload(b"x" * 200_000))).status_code == 413


def test_personal_data_in_the_words_does_not_lose_the_files(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    address = f"/workspace/t/{ticket.ref}/say/update"
    asked = client.post(address, data=form(text="Ring 030 5550147.", files=upload()))
    kept = asked.text.split('name="uploaded" value="')[1].split('"')[0]
    again = form(text="Ring 030 5550147.", personal="hide", uploaded=kept)
    assert client.post(address, data=again).status_code == 303
    assert shown(ticket, make.fresh(ticket).last_seq - 1, "public")


def test_a_file_that_is_none_we_take_is_told_with_its_name(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(visibility="private")
    make.own(client, ticket)
    before = make.fresh(ticket).last_seq
    answer = client.post(f"/t/{ticket.ref}/say/reply", data={"text": "Look.", "files": upload(SVG, "x.svg")})
    assert answer.status_code == 422
    assert "x.svg: Choose a picture" in answer.text
    assert "Look." in answer.text
    assert make.fresh(ticket).last_seq == before


def test_an_opening_brings_files_by_form_and_by_api(house: Flask, client: Visitor) -> None:
    desk = make.agent(make.desk()).desk
    bearer = make.bearer(make.agent(desk))
    answer = client.post("/api/v1/files", data={"file": upload()}, headers=bearer)
    assert (answer.status_code, answer.json["kind"], answer.json["name"]) == (201, "picture", "tap.png")
    opening = {"subject": "Dry", "text": "See.", "name": "Cara", "email": "c@home.example", "desk": desk.slug}
    named = {"files": [{"file": answer.json["file"], "alt": "The tap"}]}
    opened = client.post("/api/v1/tickets", json=opening | named)
    assert opened.status_code == 201
    bearer = {"Authorization": f"Bearer {opened.json['secret']}"}
    events = client.get(f"/api/v1/tickets/{opened.json['ref']}/events", headers=bearer).json["events"]
    assert client.get(events[0]["files"][0]["url"]).status_code == 200
    assert client.post("/api/v1/files", data={"file": upload(SVG, "x.svg")}).status_code == 422
    assert client.post("/api/v1/files", data={}).status_code == 422


def test_only_forms_with_files_may_be_large(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    large = "x" * 200_000
    assert client.post(f"/t/{ticket.ref}/say/reply", data={"text": large}).status_code == 413
    assert client.post("/signin", data={"files": upload(b"x" * 200_000)}).status_code == 413


def test_pushes_carry_files_and_heads_none_of_their_bytes(house: Flask) -> None:
    ticket = make.ticket()
    _kept, seq = sent(ticket)
    news = browse.news(ticket, after=seq - 1, audience="public", html=True)
    assert 'alt="The tap, dry"' in news["events"][0]["html"]


def test_an_unknown_file_is_not_found(house: Flask) -> None:
    with pytest.raises(NotFound):
        attachments.open("0" * 24, "ü")
