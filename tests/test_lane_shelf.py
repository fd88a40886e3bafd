"""The copies the lane gives: for whom, how long, until which change, and how many."""

import pytest

from tests.lane_requests import BADGE, answered, put, request
from tracker import copies
from tracker.live import shelf
from tracker.live.shelf import Shelf


def test_a_site_that_an_embed_may_not_stand_on_gets_a_copy_of_its_own() -> None:
    kept, sites = Shelf(), ("https://a.example",)
    fine, other = request(BADGE, "Origin: https://A.example"), request(BADGE, "Origin: https://b.example")
    put(kept, fine, answered(b"facts", "eid", sites=sites))
    assert kept.find(other) is None
    put(kept, other, answered(b"grey", "eid", sites=sites))
    for one, body in ((fine, b"facts"), (request(), b"facts"), (other, b"grey")):
        copy = kept.find(one)
        assert copy
        assert copy.body == body


def test_when_the_sites_change_all_copies_made_before_go() -> None:
    kept, other = Shelf(), request(BADGE, "Origin: https://b.example")
    put(kept, other, answered(b"facts", "eid"))
    put(kept, request(), answered(b"facts", "eid", sites=("https://a.example",)))
    assert kept.find(other) is None


@pytest.mark.parametrize(
    ("topic", "subject", "goes"),
    [
        *(("event", "ref", True), ("embed", "eid", True), ("visibility", "ref", True), ("waiting", "ref", True)),
        *(("profile", "ann", True), ("desk", "streets", True), ("person", 7, True)),
        *(("event", "other", False), ("news", None, False), ("queue", 7, False), ("public_event", "ref", False)),
    ],
)
def test_a_change_takes_away_what_shows_it(topic: str, subject: object, goes: bool) -> None:
    kept = Shelf()
    put(kept, request(), answered(b"facts", "eid", "ref"))
    kept.hear(topic, subject)
    assert (kept.find(request()) is None) is goes


def test_a_public_word_takes_away_what_lists_tickets() -> None:
    kept = Shelf()
    put(kept, request(), answered(b"wall", "eid", copies.LISTS))
    kept.hear("public_event", "whichever")
    assert kept.find(request()) is None


def test_an_answer_that_a_change_has_overtaken_is_not_kept() -> None:
    kept = Shelf()
    before = kept.drops.count
    kept.hear("event", "ref")
    put(kept, request(), answered(b"old", "ref"), drops=before)
    assert kept.find(request()) is None
    put(kept, request(), answered(b"of another ticket", "other"), drops=before)
    assert kept.find(request()) is not None


def test_a_shelf_forgets_the_old_and_holds_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST_PAGES", 1)
    kept = Shelf()
    put(kept, request(), answered(b"12345", "ref"))
    assert kept.bytes == 5
    assert kept.has_room(BADGE.encode(), 10)
    assert not kept.has_room(b"/another", 10)
    assert not kept.has_room(BADGE.encode(), shelf.MOST_BODY_BYTES + 1)
    kept.sweep(shelf.LASTS_S + 0.1)
    assert (kept.find(request()), kept.bytes) == (None, 0)
    assert kept.has_room(b"/another", 10)


@pytest.mark.parametrize(
    ("none_match", "is_known"),
    [('"e"', True), ('W/"e"', True), ("*", True), ('"a", "e"', True), ('"a"', False), ("e", True), ('"a"e', False)],
)
def test_a_copy_that_the_client_has_is_not_sent_again(none_match: str, is_known: bool) -> None:
    kept, one = Shelf(), request(BADGE, f"If-None-Match: {none_match}")
    put(kept, one, answered())
    copy = kept.find(one)
    assert copy
    told = copy.answer(one, "now")
    assert told.startswith(b"HTTP/1.1 304 " if is_known else b"HTTP/1.1 200 ")
    assert told.endswith(b"\r\n\r\n" if is_known else b"body")
    assert b'ETag: "e"\r\nVary: Origin\r\n' in told
