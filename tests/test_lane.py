"""The cached lane, piece by piece: what it takes for its own, what it keeps and how long, whom it lets wait."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from tests.servers.ground import wait_until
from tracker import copies
from tracker.live import asked, journal, lane, shelf
from tracker.live.asked import read
from tracker.live.callers import Caller
from tracker.live.lane import Lane
from tracker.live.loop import Loop
from tracker.live.refill import Refill
from tracker.live.shelf import Answered, Shelf

BADGE = "/e/0123456789ab/badge.json"


def head(target: str = BADGE, *lines: str, method: str = "GET", host: str = "Host: a.example") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", host, *lines, "", ""]).encode("latin-1")


def request(target: str = BADGE, *lines: str) -> asked.Asked:
    found = read(head(target, *lines))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "target",
    [
        *(BADGE, "/e/0123456789ab", "/e/0123456789ab/badge.svg?label=a%20b&style=flat-square"),
        *("/e/0123456789ab/timeline.json", "/e/0123456789ab/shields.json", "/t/0123456789ab/card", "/embed.js?v=1"),
        *("/t/0123456789ab/badge.svg", "/static/css/base.css", "/static/embed/parts/card.js"),
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
    "too many headers": head(BADGE, *(f"X-{number}: x" for number in range(64))),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_exactly_a_bodyless_request_goes_on(what: str) -> None:
    assert read(WRONG[what]) is None


def test_what_decides_on_an_answer_is_read_and_nothing_else() -> None:
    found = request(
        BADGE, "oRiGiN: https://Blog.example", 'If-None-Match:\t"a", W/"b" ', "X-Forwarded-For: 1.2.3.4", "Cookie: a=b"
    )
    assert (found.origin, found.none_match, found.forwarded) == ("https://Blog.example", '"a", W/"b"', "1.2.3.4")
    assert found.has_cookies
    assert not found.closes
    assert request(BADGE, "Connection: CLOSE").closes
    assert request(BADGE, "Origin: null", "Referer: https://b.example/p").page == "https://b.example/p"
    assert request(BADGE, 'If-None-Match: "a"', "If-Modified-Since: Mon, 02 Mar 2026 10:00:00 GMT").none_match == '"a"'


def answered(body: bytes = b"body", *about: str, sites: tuple[str, ...] = ()) -> Answered:
    terms = copies.Terms(about=set(about), sites=frozenset(sites))
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("ETag", '"e"'), ("Vary", "Origin")]
    return Answered(headers, body, terms)


def put(on: Shelf, one: asked.Asked, what: Answered, *, drops: int | None = None, began: float = 0) -> None:
    on.put(one, what, drops=on.drops if drops is None else drops, began=began)


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
    before = kept.drops
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


class House:
    """A lane with a view of its own behind it, and what went on past it."""

    def __init__(self, *, write: journal.Write | None = None) -> None:
        self.loop = Loop()
        self.views: list[dict[str, Any]] = []
        self.went_on: list[bytes] = []
        self.parted: list[bytes] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.status = "200 OK"
        self.open: list[socket.socket] = []
        self.lane = Lane(
            self.loop,
            Refill(self.view, "https://tickets.example"),
            keeps_s=5,
            most_per_network=3,
            address_of=lambda peer, forwarded: forwarded or peer,
            network_of=lambda address: address,
            elsewhere=lambda one: self._end(one, self.went_on),
            part=lambda one: self._end(one, self.parted),
            write=write,
        )

    def view(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        self.views.append(environ)
        assert self.may_answer.wait(10)
        terms = copies.terms(environ)
        terms.may_be_copied, terms.about = True, {"ref"}
        body = f"{len(self.views)} {environ['PATH_INFO']}".encode()
        start(self.status, [("Content-Length", str(len(body))), ("ETag", f'"{len(self.views)}"')])
        return [body]

    def caller(self, sent: bytes = b"", peer: str = "1.2.3.4") -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(0.01)
        self.open += [ours, theirs]
        assert self.lane.keep(theirs, peer=peer, server=None, head=sent)
        return ours

    def heard(self, ours: socket.socket, *words: bytes) -> bytes:
        """Turn the loop until all these words have arrived; return everything that has."""
        received = b""

        def arrived() -> bool:
            nonlocal received
            self.loop.step()
            try:
                received += ours.recv(65536)
            except TimeoutError:
                pass
            return all(word in received for word in words)

        wait_until(arrived, within=5, what=f"{words} in {received!r}")
        return received

    def turn_until(self, condition: Callable[[], Any]) -> None:
        wait_until(lambda: (self.loop.step(0.01), condition())[1], within=5)

    def _end(self, one: Caller, where: list[bytes]) -> None:
        where.append(one.head)
        one.take().close()

    def close(self) -> None:
        self.may_answer.set()
        self.lane.close()
        self.loop.close()
        for one in self.open:
            one.close()


@pytest.fixture
def house() -> Iterator[House]:
    one = House()
    yield one
    one.close()


def test_all_who_ask_at_once_wait_for_one_view(house: House) -> None:
    house.may_answer.clear()
    asking = [house.caller(head(), peer=f"1.2.3.{number}") for number in range(20)]
    house.may_answer.set()
    for one in asking:
        house.heard(one, b"1 " + BADGE.encode())
    assert len(house.views) == 1


def test_a_view_runs_without_what_its_answer_must_not_depend_on(house: House) -> None:
    sent = head(
        BADGE + "?label=a%20b", "Cookie: a=b", "User-Agent: x", "X-Forwarded-For: 5.6.7.8", "Origin: https://a.b"
    )
    house.heard(house.caller(sent), b"200 OK")
    (environ,) = house.views
    assert {name for name in environ if name.startswith("HTTP_")} == {"HTTP_HOST", "HTTP_ORIGIN"}
    assert environ["HTTP_HOST"] == "tickets.example"
    assert environ["QUERY_STRING"] == "label=a%20b"
    assert environ["REMOTE_ADDR"] == "5.6.7.8", "the first answer counts against the limits of who wanted it"


def test_a_copy_is_made_anew_once_a_second_while_it_is_given(house: House) -> None:
    one = house.caller(head())
    house.heard(one, b"200 OK")
    assert house.lane.known(head())
    house.loop.now += shelf.RENEWED_AFTER_S + 0.1
    house.may_answer.clear()
    for _ in range(100):
        assert b"1 /e/" in (house.lane.known(head()) or b""), "the copy is still good"
    wait_until(lambda: len(house.views) == 2)
    house.may_answer.set()
    house.turn_until(lambda: b"2 /e/" in (house.lane.known(head()) or b""))
    assert len(house.views) == 2
    assert copies.terms(house.views[1]).is_renewal, "nobody in particular asked"


def test_a_copy_past_its_time_is_not_given(house: House) -> None:
    house.heard(house.caller(head()), b"1 /e/")
    house.loop.now += shelf.LASTS_S + 0.1
    assert house.lane.known(head()) is None


def test_a_change_is_seen_by_the_next_who_asks(house: House) -> None:
    one = house.caller(head())
    house.heard(one, b"1 /e/")
    house.lane.shelf.hear("event", "ref")
    one.sendall(head())
    house.heard(one, b"2 /e/")


def test_who_asked_before_a_change_and_waits_gets_what_is_true_after_it(house: House) -> None:
    house.may_answer.clear()
    one = house.caller(head())
    wait_until(lambda: house.views)
    house.lane.shelf.hear("event", "ref")
    house.may_answer.set()
    assert b"1 /e/" not in house.heard(one, b"2 /e/")


def test_an_answer_that_may_not_be_kept_sends_everybody_the_common_way(house: House) -> None:
    house.status = "429 Too Many Requests"
    for number in range(3):
        house.caller(head(BADGE, f"X-Number: {number}"), peer=f"1.2.3.{number}")
    house.turn_until(lambda: len(house.went_on) == 3)
    assert sorted(house.went_on) == [head(BADGE, f"X-Number: {number}") for number in range(3)], "not a byte is lost"


def test_a_view_that_fails_sends_who_waits_the_common_way(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.status = ""
    house.lane._refill.wsgi = lambda _environ, _start: 1 / 0  # type: ignore[assignment,return-value]
    house.caller(head())
    house.turn_until(lambda: house.went_on == [head()])
    assert "no copy could be made" in caplog.text


def test_pipelined_requests_are_answered_in_their_order_and_the_rest_goes_on(house: House) -> None:
    paths = [f"/e/{letter * 12}/badge.json" for letter in "abc"]
    rest = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + head()
    one = house.caller(b"".join(head(path) for path in paths * 2) + rest)
    house.turn_until(lambda: house.went_on == [rest])
    received = house.heard(one, b"3 /e/")
    places = [received.find(path.encode()) for path in paths]
    assert places == sorted(places)
    assert received.count(b"HTTP/1.1 200 OK") == 6
    assert len(house.views) == 3


def test_a_request_may_come_byte_by_byte(house: House) -> None:
    one = house.caller()
    for byte in head():
        one.sendall(bytes((byte,)))
        house.loop.step()
    house.heard(one, b"1 /e/")


def test_who_takes_no_answer_is_waited_for_and_gets_all_in_their_order(house: House) -> None:
    few = [f"/e/{letter}/badge.json" for letter in "abc"]
    one = house.caller(b"".join(head(path) for path in few))
    house.heard(one, b" /e/c/")
    (caller,) = house.lane._callers
    caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    one.sendall(b"".join(head(path) for path in few * 70))
    house.turn_until(lambda: caller._held)
    received = b""
    while received.count(b"200 OK") < 3 * 70:
        received += house.heard(one, b"200 OK")
    assert re.findall(rb" (/e/[abc]/badge.json)", received) == [path.encode() for path in few * 70]


def test_who_takes_no_answer_and_asks_on_is_cut(house: House) -> None:
    one = house.caller(head())
    one.settimeout(5)

    def asks_on() -> None:
        while True:
            house.loop.step()
            one.send(head())

    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        asks_on()
    assert house.lane.is_empty


def test_a_connection_that_asks_to_close_is_parted_with(house: House) -> None:
    one = house.caller(head())
    house.heard(one, b"1 /e/")
    one.sendall(head(BADGE, "Connection: close") + head())
    received = house.heard(one, b"\r\nConnection: close\r\n")
    assert received.count(b"HTTP/1.1") == 1
    assert house.parted == [head()]


def test_a_half_closed_connection_still_gets_what_it_waits_for(house: House) -> None:
    house.may_answer.clear()
    one = house.caller(head())
    one.shutdown(socket.SHUT_WR)
    wait_until(lambda: house.views)
    house.loop.step()
    house.may_answer.set()
    house.heard(one, b"1 /e/")
    assert house.parted == [b""]


def test_one_address_may_keep_so_many_connections(house: House) -> None:
    for _ in range(3):
        house.caller()
    ours, theirs = socket.socketpair()
    house.open += [ours, theirs]
    assert not house.lane.keep(theirs, peer="1.2.3.4", server=None)
    assert house.lane.keep(theirs, peer="1.2.3.5", server=None)


def test_idle_and_slow_connections_are_let_go(house: House) -> None:
    idle, slow = house.caller(), house.caller(head()[:20])
    house.loop.now += house.lane.keeps_s + 0.1
    house.lane._tick()
    assert idle.recv(1) == b""
    slow.sendall(head()[20:21])
    house.loop.step()
    house.loop.now += 20
    house.lane._tick()
    assert slow.recv(1) == b""
    assert house.lane.is_empty


def test_a_server_that_stops_answers_what_was_begun_and_parts_with_all(house: House) -> None:
    begun, idle = house.caller(head()[:20]), house.caller(head())
    house.heard(idle, b"1 /e/")
    house.lane.drain()
    begun.sendall(head()[20:])
    assert b"\r\nConnection: close\r\n" in house.heard(begun, b"1 /e/")
    assert len(house.parted) == 1
    house.loop.now += lane.PARTS_AFTER_S + 0.1
    house.lane._tick()
    assert idle.recv(1) == b""
    assert house.lane.is_empty


def test_what_the_lane_remembers_of_requests_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MOST_HEADS", 10)
    one = house.caller()
    for number in range(25):
        one.sendall(head(BADGE, f"X-Number: {number}"))
        house.heard(one, b"200 OK")
        assert len(house.lane._heads) <= 10
    one.sendall(head(BADGE, "Cookie: session=secret"))
    house.heard(one, b"200 OK")
    assert not any(b"secret" in found for found in house.lane._heads)


def test_the_access_log_has_a_line_for_each_answer_as_gunicorn_writes_it(tmp_path: Any) -> None:
    config = Config()
    config.set("accesslog", str(tmp_path / "access"))
    config.set("access_log_format", '%(h)s "%(r)s" %(s)s %(b)s %({x-asked}i)s %({etag}o)s %(a)s')
    write = journal.writer(Logger(config))
    house = House(write=write)
    try:
        one = house.caller(head(BADGE, "X-Asked: yes", "User-Agent: a browser"))
        house.heard(one, b"200 OK")
        one.sendall(head(BADGE, 'If-None-Match: "1"'))
        house.heard(one, b"304 Not Modified")
    finally:
        house.close()
    assert (tmp_path / "access").read_text().splitlines() == [
        f' "GET {BADGE} HTTP/1.1" 200 28 yes \\"1\\" a browser',
        f' "GET {BADGE} HTTP/1.1" 304 0 - \\"1\\" -',
    ]
    assert journal.writer(SimpleNamespace(access_log_enabled=False)) is None


def test_looks_are_told_to_who_counts_them_by_page(house: House) -> None:
    told: list[tuple[str, int]] = []
    one = request(BADGE, "Referer: https://b.example/")
    found = answered(b"svg", "eid")
    found.terms.seen = lambda page, times: told.append((page, times))
    put(house.lane.shelf, one, found, began=house.loop.now)
    for _ in range(3):
        assert house.lane._copy(one)
    house.lane._tick()
    assert told == [("https://b.example/", 3)]
