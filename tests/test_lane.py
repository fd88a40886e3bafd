"""The cached lane on a loop with a view of its own: who waits for whom, in which order, and who is let go."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from tests.lane_requests import BADGE, answered, head, put, request
from tests.servers.ground import wait_until
from tracker import copies
from tracker.live import journal, lane, readings, shelf
from tracker.live import loop as live_loop
from tracker.live.arrivals import FIRST_WORDS_S
from tracker.live.callers import Caller
from tracker.live.lane import Lane
from tracker.live.loop import Loop
from tracker.live.refill import Refill


class House:
    """A lane with a view of its own behind it, and what went on past it; time is what the test says."""

    def __init__(self, *, write: journal.Write | None = None) -> None:
        self.patch, self.now = pytest.MonkeyPatch(), 1000.0
        self.patch.setattr(live_loop, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.loop = Loop()
        self.views: list[dict[str, Any]] = []
        self.went_on: list[bytes] = []
        self.parted: list[bytes] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.holds_firsts = threading.Event()
        self.status, self.padding = "200 OK", ""
        self.headers: list[tuple[str, str]] = [("Vary", "Origin")]
        self.open: list[socket.socket] = []
        self.lane = Lane(
            self.loop,
            Refill(self.view, "https://tickets.example"),
            keeps_s=5,
            most_per_network=3,
            address_of=lambda peer, forwarded: forwarded or peer,
            network_of=lambda peer: None if peer == "our proxy" else peer,
            elsewhere=lambda one: self._end(one, self.went_on),
            part=lambda one: self._end(one, self.parted),
            write=write,
        )

    def view(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        self.views.append(environ)
        terms = copies.terms(environ)
        assert (terms.is_renewal and self.holds_firsts.is_set()) or self.may_answer.wait(10)
        terms.may_be_copied, terms.about = True, {"ref"}
        body = f"{len(self.views)} {environ['PATH_INFO']}{self.padding}".encode()
        start(self.status, [*self.headers, ("Content-Length", str(len(body))), ("ETag", f'"{len(self.views)}"')])
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

        wait_until(arrived, what=f"{words} in {received!r}")
        return received

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.loop.now = self.now

    def turn_until(self, condition: Callable[[], Any]) -> None:
        wait_until(lambda: (self.loop.step(0.01), condition())[1])

    def _end(self, one: Caller, where: list[bytes]) -> None:
        where.append(one.head)
        one.take().close()

    def close(self) -> None:
        self.may_answer.set()
        self.lane.close()
        self.loop.close()
        for one in self.open:
            one.close()
        self.patch.undo()


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
    assert house.lane.at_once(head())
    house.wait(readings.RENEWED_AFTER_S + 0.1)
    house.may_answer.clear()
    for _ in range(100):
        assert b"1 /e/" in (house.lane.at_once(head()) or b""), "the copy is still good"
    wait_until(lambda: len(house.views) == 2)
    house.may_answer.set()
    house.turn_until(lambda: b"2 /e/" in (house.lane.at_once(head()) or b""))
    assert len(house.views) == 2
    assert copies.terms(house.views[1]).is_renewal, "nobody in particular asked"


def test_a_copy_is_made_anew_however_many_others_wait_to_be_made(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MOST_REFILLS", 5)
    house.heard(house.caller(head()), b"1 /e/")
    house.holds_firsts.set()
    house.may_answer.clear()
    for number in range(6):
        house.caller(head(f"/e/{number}/badge.json"), peer=f"1.2.3.{number}")
    assert len(house.went_on) == 1, "as many as may be asked for at once are"
    house.wait(readings.RENEWED_AFTER_S + 0.1)
    assert b"1 /e/" in (house.lane.at_once(head()) or b"")
    house.turn_until(lambda: any(copies.terms(one).is_renewal for one in house.views))
    house.turn_until(lambda: b"1 /e/" not in (house.lane.at_once(head()) or b"1 /e/"))


def test_a_copy_past_its_time_is_not_given(house: House) -> None:
    house.heard(house.caller(head()), b"1 /e/")
    house.wait(shelf.LASTS_S + 0.1)
    assert house.lane.at_once(head()) is None


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


@pytest.mark.parametrize("header", [("Vary", "Origin, Cookie"), ("vary", "Accept-Encoding"), ("Set-Cookie", "a=b")])
def test_an_answer_that_others_would_not_get_is_no_copy_whatever_its_view_says(
    house: House, header: tuple[str, str]
) -> None:
    house.headers = [header]
    house.caller(head())
    house.turn_until(lambda: house.went_on == [head()])


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


def test_requests_may_be_cut_anywhere(house: House) -> None:
    house.heard(house.caller(head()), b"1 /e/")
    sent = head() + head(BADGE, "X-A: b") + head(method="HEAD") + head()
    one = house.caller()
    for place in range(1, len(sent)):
        one.sendall(sent[:place])
        house.loop.step()
        one.sendall(sent[place:])
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 4 or not received.endswith(b" " + BADGE.encode()):
            received += house.heard(one, b"")
        assert received.count(b" /e/") == 3, place


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


def test_all_that_was_asked_before_a_half_close_is_answered_and_the_last_answer_says_that_it_is(house: House) -> None:
    house.may_answer.clear()
    one = house.caller(head() + head("/e/a/badge.json") + head() + head()[:20])
    one.shutdown(socket.SHUT_WR)
    wait_until(lambda: house.views)
    house.loop.step()
    house.may_answer.set()
    received = house.heard(one, b"Connection: close")
    assert re.findall(rb"Connection: (\S+)", received) == [b"keep-alive", b"keep-alive", b"close"]
    assert re.findall(rb"\r\n\r\n(\d) ", received) == [b"1", b"2", b"1"]
    assert house.parted == [head()[:20]]


def test_what_goes_on_past_the_lane_goes_on_after_a_half_close_too(house: House) -> None:
    house.may_answer.clear()
    rest = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    one = house.caller(head() + rest)
    one.shutdown(socket.SHUT_WR)
    wait_until(lambda: house.views)
    house.loop.step()
    house.may_answer.set()
    assert b"Connection: keep-alive" in house.heard(one, b"1 /e/")
    assert house.went_on == [rest]


@pytest.mark.parametrize("waits", [True, False], ids=["while it is made", "while it is taken"])
def test_an_answer_that_does_not_fit_is_given_whole_to_who_half_closes(house: House, waits: bool) -> None:
    house.padding = "x" * 100_000 + "end"
    house.may_answer.clear()
    one = house.caller(head())
    (caller,) = house.lane._callers
    caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    wait_until(lambda: house.views)
    if waits:
        one.shutdown(socket.SHUT_WR)
        house.loop.step()
    house.may_answer.set()
    house.turn_until(lambda: caller._held)
    if not waits:
        one.shutdown(socket.SHUT_WR)
        house.loop.step()
    assert house.padding.encode() in house.heard(one, b"xend")
    house.turn_until(lambda: house.lane.is_empty)


def test_who_half_closed_and_then_goes_is_let_go_at_once(house: House) -> None:
    house.may_answer.clear()
    one = house.caller(head())
    one.shutdown(socket.SHUT_WR)
    house.loop.step()
    assert not house.lane.is_empty
    one.close()
    house.turn_until(lambda: house.lane.is_empty)


def test_a_fault_at_one_who_waits_costs_nobody_else_the_answer(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.may_answer.clear()
    house.caller(head())
    other = house.caller(head())
    next(iter(house.lane._callers)).head = None  # type: ignore[assignment]
    house.may_answer.set()
    house.heard(other, b"1 /e/")
    assert "failed" in caplog.text


def test_one_address_may_keep_so_many_connections(house: House) -> None:
    for _ in range(3):
        house.caller()
    ours, theirs = socket.socketpair()
    house.open += [ours, theirs]
    assert not house.lane.keep(theirs, peer="1.2.3.4", server=None)
    assert house.lane.keep(theirs, peer="1.2.3.5", server=None)


def test_ones_own_proxy_brings_everybodys_connections(house: House) -> None:
    for _ in range(10):
        house.caller(peer="our proxy")


def test_idle_and_slow_connections_are_let_go(house: House) -> None:
    idle, slow, waited = house.caller(), house.caller(head()[:20]), house.caller(head() + head()[:20])
    house.heard(waited, b"1 /e/")
    house.wait(house.lane.keeps_s - 0.1)
    house.lane._tick()
    assert len(house.lane._callers) == 3, "gunicorn's keepalive is not over yet"
    house.wait(0.2)
    house.lane._tick()
    assert idle.recv(1) == b""
    slow.sendall(head()[20:21])
    house.loop.step()
    house.wait(FIRST_WORDS_S)
    house.lane._tick()
    assert slow.recv(1) == waited.recv(1) == b"", "who waited for an answer has no longer for the next words"
    assert house.lane.is_empty


def test_a_server_that_stops_answers_what_was_begun_and_parts_with_all(house: House) -> None:
    begun, idle = house.caller(head()[:20]), house.caller(head())
    house.heard(idle, b"1 /e/")
    house.lane.drain()
    begun.sendall(head()[20:])
    assert b"\r\nConnection: close\r\n" in house.heard(begun, b"1 /e/")
    assert len(house.parted) == 1
    house.wait(lane.PARTS_AFTER_S + 0.1)
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
    config.set("access_log_format", '%(h)s "%(r)s" %(s)s %(b)s %({x-asked}i)s %({etag}o)s %(a)s %(L)s')
    log = Logger(config)
    house = House(write=journal.writer(log))
    try:
        house.may_answer.clear()
        one = house.caller(head(BADGE, "X-Asked: yes", "User-Agent: a browser"))
        next(iter(house.lane._callers)).asked_at -= 3
        house.may_answer.set()
        house.heard(one, b"200 OK")
        one.sendall(head(BADGE, 'If-None-Match: "1"'))
        house.heard(one, b"304 Not Modified")
    finally:
        house.close()
        for handler in log.access_log.handlers[:]:
            log.access_log.removeHandler(handler)
            handler.close()
    waited, at_once = (tmp_path / "access").read_text().splitlines()
    assert waited.startswith(f' "GET {BADGE} HTTP/1.1" 200 28 yes \\"1\\" a browser 3.'), "the wait is told"
    assert at_once == f' "GET {BADGE} HTTP/1.1" 304 0 - \\"1\\" - 0.000000'
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
