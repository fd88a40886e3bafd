"""What the lane takes for its own: exact, bodyless requests of widgets, and nothing that could mean two things."""

import random

import pytest

from tests.lane_requests import BADGE, head, request
from tracker.live import asked
from tracker.live.asked import Reader

read = Reader().read


@pytest.mark.parametrize(
    "target",
    [
        *(BADGE, "/e/0123456789ab", "/e/0123456789ab/badge.svg?label=a%20b&style=flat-square"),
        *("/e/0123456789ab/timeline.json", "/e/0123456789ab/shields.json", "/t/0123456789ab/card", "/embed.js?v=1"),
        *("/t/0123456789ab/badge.svg", "/static/css/base.css", "/static/embed/parts/card.js"),
        "/embed/0a1b2c3d/card.js",
    ],
)
def test_widgets_and_their_parts_are_the_lanes(target: str) -> None:
    assert request(target).target == target.encode()
    found = read(head(target, method="HEAD"))
    assert found
    assert found.is_head


@pytest.mark.parametrize(
    "target",
    [
        *("/", "/t/0123456789ab", "/t/0123456789ab/og.png", "/e/0123456789ab/seen", "/e/../badge.json", "/e/a%2fb"),
        *("/e//badge.json", "/e/0123456789ab/", "/static/../wsgi.py", "/static/.env/..", "/static", "/static/"),
        *("/static/css/base.css?1", "/static/css/base.css?"),
        *("http://a.example" + BADGE, "//a.example" + BADGE, BADGE + "#x", BADGE + "?" + "x" * 201, BADGE + "?a\\b"),
        *("*", "/embed.js/x", "/EMBED.JS", BADGE.upper(), "/api/v1/tickets", "/healthz"),
    ],
)
def test_other_targets_go_on(target: str) -> None:
    assert read(head(target)) is None


WRONG = {
    "a length": head(BADGE, "Content-Length: 0"),
    "chunks": head(BADGE, "Transfer-Encoding: chunked"),
    "a length and chunks": head(BADGE, "Content-Length: 4", "Transfer-Encoding: chunked"),
    "chunks with a space before the colon": head(BADGE, "Transfer-Encoding : chunked"),
    "a folded line": head(BADGE, "X-A: b", " Transfer-Encoding: chunked"),
    "a bare LF": head().replace(b"Host: a.example\r\n", b"Host: a.example\n"),
    "a bare LF within a value": head(BADGE, "X-A: b\nContent-Length: 5"),
    "a bare CR within a value": head(BADGE, "X-A: b\rContent-Length: 5"),
    "a NUL": head(BADGE, "X-A: b\0c"),
    "no host": head(host="X-Host: a.example"),
    "two hosts": head(BADGE, "Host: b.example"),
    "an empty host": head(host="Host:"),
    "a host with a path": head(host="Host: a.example/b"),
    "a host with a user": head(host="Host: u@a.example"),
    "two hosts in one": head(host="Host: a.example, b.example"),
    "a port that is none": head(host="Host: a.example:http"),
    "an empty name": head(BADGE, ": b"),
    "a name with an underscore": head(BADGE, "Content_Length: 5"),
    "a line without a colon": head(BADGE, "nonsense"),
    "an expectation": head(BADGE, "Expect: 100-continue"),
    "an upgrade": head(BADGE, "Connection: Upgrade", "Upgrade: h2c"),
    "an odd connection": head(BADGE, "Connection: keep-alive, close"),
    "a range": head(BADGE, "Range: bytes=0-1"),
    "somebody's name": head(BADGE, "Authorization: Bearer x"),
    "another condition": head(BADGE, 'If-Match: "x"'),
    "a date alone": head(BADGE, "If-Modified-Since: Mon, 02 Mar 2026 10:00:00 GMT"),
    "two origins": head(BADGE, "Origin: https://a.example", "Origin: https://b.example"),
    "two conditions": head(BADGE, 'If-None-Match: "a"', 'If-None-Match: "b"'),
    "HTTP/1.0": head().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.10": head().replace(b"HTTP/1.1", b"HTTP/1.10"),
    "another method": head(method="POST"),
    "a method in small letters": head(method="get"),
    "two spaces": head().replace(b"GET /", b"GET  /"),
    "a tab": head().replace(b"GET /", b"GET\t/"),
    "an empty line first": b"\r\n" + head(),
    "something behind": head() + b"x",
    "no end": head()[:-2],
    "a head of more than 8 KB": head(BADGE, "X-A: " + "b" * 8192),
    "a DEL": head(BADGE, "X-A: \x7f"),
    "a form feed": head(BADGE, "X-A: \x0cb"),
    "a space first": head().replace(b"Host", b" Host"),
    "a soft hyphen in a name": head(BADGE, "Transfer\xadEncoding: chunked"),
    "a dot in a name": head(BADGE, "Content.Length: 5"),
    "a first line again": head(BADGE, f"GET {BADGE} HTTP/1.1"),
    "a first line as a header": head(BADGE, "GET: x").replace(b"GET /", b"POST /"),
    "a header first": b"Host: a.example\r\n" + head(),
    "no header": f"GET {BADGE} HTTP/1.1\r\n\r\n".encode(),
    "two ends": head() + b"\r\n\r\n",
    "LF for an end": head()[:-4] + b"\n\n",
    "CR for line ends": head().replace(b"\r\n", b"\r"),
    "two requests": head() * 2,
    "chunks in capitals": head(BADGE, "TRANSFER-ENCODING: chunked"),
    "a length that is none": head(BADGE, "Content-Length: x"),
    "a trailer": head(BADGE, "Trailer: x"),
    "a range of words": head(BADGE, "Range: lines=1"),
    "too many headers": head(BADGE, *(f"X-{number}: x" for number in range(64))),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_exactly_a_bodyless_request_goes_on(what: str) -> None:
    assert read(WRONG[what]) is None


def test_what_decides_on_an_answer_is_read_and_nothing_else() -> None:
    found = request(
        BADGE, "oRiGiN: https://Blog.example", 'If-None-Match:\t"a", W/"b" ', "X-Forwarded-For: 1.2.3.4", "Cookie: a=b"
    )
    assert (found.origin, found.none_match) == ("https://Blog.example", '"a", W/"b"')
    assert found.has_cookies
    assert not found.closes
    assert request(BADGE, "Connection: CLOSE").closes
    assert request(BADGE, "Origin: null", "Referer: https://b.example/p").page == "https://b.example/p"
    assert request(BADGE, 'If-None-Match: "a"', "If-Modified-Since: Mon, 02 Mar 2026 10:00:00 GMT").none_match == '"a"'


def test_for_whom_is_asked_is_read_when_it_is_wanted() -> None:
    assert asked.forwarded(head(BADGE, "x-forwarded-FOR:\t1.2.3.4, 5.6.7.8 ") + head(BADGE, "X-Forwarded-For: 9")) == (
        "1.2.3.4, 5.6.7.8"
    )
    assert asked.forwarded(head() + head(BADGE, "X-Forwarded-For: 9")) == ""
    assert read(head(BADGE, "X-Forwarded-For: 1", "X-Forwarded-For: 2")) is None


def test_lines_that_were_read_before_mean_the_same_again_and_nobodys_cookies_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked, "MOST_KNOWN", 5)
    one = Reader()
    for number in range(20):
        found = one.read(head(BADGE, "Origin: https://a.example", f"X-Number: {number}", f"Cookie: {number}"))
        assert found
        assert (found.origin, found.has_cookies) == ("https://a.example", True)
        assert len(one.known) <= 5
        assert len(one.shapes) <= 5
        assert one.read(head(BADGE, "Origin: https://a.example", "Origin: https://a.example")) is None
        assert one.read(head(BADGE, "Content-Length: 5")) is None
    assert not any(b"Cookie" in line for line in one.known)


def test_who_has_read_much_reads_every_head_as_who_reads_their_first() -> None:
    """Odd lines among good ones, in any order: nothing that is remembered makes a head mean what it does not."""
    chance, much, taken = random.Random(4), Reader(), 0
    good = [
        "Host: a.example",
        "Origin: https://a.example",
        'If-None-Match: "a"',
        "X-A: b",
        "Cookie: a=b",
        "Accept: */*",
    ]
    odd = [
        "host: b.example",
        "Connection: close",
        "wrong: x",
        "GET: x",
        f"GET {BADGE} HTTP/1.1",
        "Range: x",
        " a: b",
        "",
    ]
    for _ in range(5000):
        lines = chance.sample(good, chance.randrange(1, 6)) + chance.sample(odd, chance.choice([0, 0, 1, 2]))
        first = chance.choice([f"GET {BADGE} HTTP/1.1", f"HEAD {BADGE} HTTP/1.1", "Host: a.example", "GET: x"])
        sent = "\r\n".join([first, *chance.sample(lines, len(lines)), "", ""]).encode()
        found = much.read(sent)
        assert found == Reader().read(sent), sent
        taken += found is not None
    assert taken > 500
