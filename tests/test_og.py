"""The picture in previews of a link: its size, what moves it, and grey alike for what is not shown."""

from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tracker import store
from tracker.models import Face
from widgets import _picture

FACTS = _picture.Facts("Rosa Ortega", "has this", "No water", "3 d 4 h", "Open", "#0b5c96", "RO", 3)
FACE_MIDDLE = (_picture.MARGIN + 20, 52 + _picture.FACE // 2)


def opened(png: bytes) -> Image.Image:
    found = Image.open(BytesIO(png), formats=("PNG",))
    found.load()
    return found


def changed(**facts: object) -> _picture.Facts:
    return _picture.Facts(**(vars(FACTS) | facts))


def test_a_preview_s_picture_has_the_size_that_sites_expect(client: Visitor) -> None:
    answer = client.get(f"/t/{make.ticket().ref}/og.png")
    assert answer.content_type == "image/png"
    assert answer.headers["Cache-Control"] == "public, max-age=60, stale-if-error=300"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert opened(answer.data).size == (1200, 630)
    again = client.get(answer.request.path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_picture_moves_with_the_clock_the_state_and_who_has_it(client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    seen = [client.get(f"/t/{ticket.ref}/og.png").data]
    travel.shift(timedelta(hours=2))
    seen.append(client.get(f"/t/{ticket.ref}/og.png").data)
    make.post(ticket, "resolved")
    seen.append(client.get(f"/t/{ticket.ref}/og.png").data)
    travel.shift(timedelta(days=2))
    assert len(set(seen)) == 3
    assert client.get(f"/t/{ticket.ref}/og.png").data == seen[-1], "a solved one stands still"


@pytest.mark.parametrize("field", ["name", "has", "subject", "clock", "stands", "initials"])
def test_every_word_of_it_is_drawn(field: str) -> None:
    assert _picture.draw(changed(**{field: "Xy"})) != _picture.draw(changed(**{field: "Zw"}))


def test_unknown_and_private_ones_are_grey_alike(client: Visitor) -> None:
    private = make.ticket(visibility="private")
    make.own(client, private)
    answers = [client.get(f"/t/{ref}/og.png") for ref in (private.ref, "000000000000")]
    assert {one.status_code for one in answers} == {200}
    assert answers[0].data == answers[1].data
    assert answers[0].data != client.get(f"/t/{make.ticket().ref}/og.png").data


def test_a_person_s_own_face_is_shown(house: Flask, client: Visitor) -> None:
    ticket, out = make.ticket(), BytesIO()
    Image.new("RGB", (256, 256), "#ff0000").save(out, "WEBP", lossless=True)
    with store.transaction() as session:
        session.add(Face(digest="f" * 64, webp=out.getvalue(), created_at=store.now()))
        session.flush()
        make.fresh(ticket).assignee.face_digest = "f" * 64
    picture = opened(client.get(f"/t/{ticket.ref}/og.png").data)
    assert picture.getpixel(FACE_MIDDLE) == (255, 0, 0)
    initials = opened(_picture.draw(FACTS))
    assert initials.getpixel(FACE_MIDDLE) == _picture.oklch(0.9, 0.06, _picture.HUES[3])


def test_colours_are_those_of_the_pages() -> None:
    assert _picture.oklch(1, 0, 0) == (255, 255, 255)
    assert _picture.oklch(0.627955, 0.257683, 29.2339) == (255, 0, 0), "red of sRGB, as CSS Color 4 has it"


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=140), st.integers(1, 3))
def test_lines_are_no_wider_than_their_room_and_lose_only_the_end(text: str, lines: int) -> None:
    shown = " ".join("".join(one for one in text if one.isprintable()).split())
    font = _picture._load("", 56)
    found = _picture.wrap(shown, font, 500, lines)
    assert len(found) <= lines
    assert all(font.getlength(line) <= 500 for line in found)
    whole = "".join(found).replace(" ", "")
    assert shown.replace(" ", "").startswith(whole.removesuffix("…"))


def test_no_text_keeps_it_from_being_a_picture() -> None:
    for text in (
        "",
        " ",
        "水が出ない" * 20,
        "لا توجد مياه",
        "💥" * 50,
        "Z\u0351\u032b\u0343" * 40,
        "\u202egnp",
        "x" * 140,
    ):
        png = _picture.draw(changed(subject=text, name=text[:80], initials=text[:2]))
        assert opened(png).size == (1200, 630), text


def test_words_without_a_font_leave_nothing_rather_than_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_picture, "_installed", lambda: [""])
    assert _picture.draw(changed(subject="水が出ない")) == _picture.draw(changed(subject=""))
