"""The cached lane of a real server, over raw sockets: it says what the views say, and to whom they say it."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from itertools import product

import pytest

from bench._stage import SQLITE, Poster, Stage, staged
from tests.servers.ground import ROOT, wait_until
from tests.servers.instance import Instance
from tests.servers.redis import redis

pytestmark = pytest.mark.slow

APP = {"application": "tests.lane_app:app"}
PAST_THE_LANE = "TE: trailers"
"""Asks for nothing, but sends a request to the view."""
BLOG, EVIL = "Origin: https://blog.example", "Origin: https://evil.example"
WITHIN_S = 2.0
NOISE = 2
"""A test shares the machine with others."""
GREY = re.compile(rb'"unknown"|: unknown<|Ticket status unknown')
"""What facts, pictures and frames say when they have nothing to show."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(SQLITE, APP, tickets=1, updates=1) as one:
        run(one.server, f"e = embeds.get('{one.embed}'); e.sites = ['https://blog.example']")
        yield one
        assert "Traceback" not in one.server.log()


def run(server: Instance, change: str) -> None:
    """Change the data from another process, which can tell this server nothing unless there is a Redis."""
    beside(server, f"with app.app_context(), store.transaction():\n  {change}")


def beside(server: Instance, code: str) -> str:
    """Run code on a server's data and return what it prints."""
    command = [sys.executable, "-c", f"from wsgi import app\nfrom tracker import embeds, sightings, store\n{code}"]
    done = subprocess.run(command, cwd=ROOT, env=server.environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def reached(server: Instance) -> dict[str, int]:
    """Return how often requests for each path reached a view, past the lane (plain) or from it (copy)."""
    with urllib.request.urlopen(f"{server.url}/test/reached", timeout=10) as answer:
        found: dict[str, int] = json.loads(answer.read())
        return found


def request(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: tickets.example", *headers, "", ""]).encode("latin-1")


class Line:
    """One connection: sends what it is told to, byte for byte, and reads whole answers."""

    def __init__(self, server: Instance) -> None:
        self.sock = socket.create_connection((server.host, server.port), timeout=15)
        self.rest = b""

    def send(self, *sent: bytes) -> None:
        self.sock.sendall(b"".join(sent))

    def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """Return the next answer, but for its Date; status 0 when the line was closed."""
        while b"\r\n\r\n" not in self.rest:
            if not self._more():
                return 0, {}, self.rest
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        status, headers = int(first.split(" ")[1]), dict(line.split(": ", 1) for line in lines)
        headers.pop("Date", None)
        length = int(headers.get("Content-Length", 0)) if has_body and status != 304 else 0
        while len(self.rest) < length and self._more():
            """There is more of the body."""
        body, self.rest = self.rest[:length], self.rest[length:]
        return status, headers, body

    def ask(self, path: str, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        self.send(request(path, *headers, method=method))
        return self.answer(has_body=method != "HEAD")

    def is_closed(self) -> bool:
        return not self.rest and not self._more()

    def close(self) -> None:
        self.sock.close()

    def _more(self) -> bool:
        try:
            received = self.sock.recv(65536)
        except ConnectionError:
            return False
        self.rest += received
        return bool(received)


@pytest.fixture
def line(stage: Stage) -> Iterator[Line]:
    with closing(Line(stage.server)) as one:
        yield one


def paths(stage: Stage) -> list[str]:
    ref, eid = stage.refs[0], stage.embed
    parts = ("badge.json", "badge.svg", "timeline.json", "shields.json")
    return [
        *(f"/e/{eid}", *(f"/e/{eid}/{part}" for part in parts), f"/e/{eid}/badge.svg?label=for%20me&color=f00"),
        *(f"/t/{ref}/badge.json", f"/t/{ref}/badge.svg", f"/t/{ref}/card"),
        *("/e/000000000000/badge.json", "/e/000000000000/badge.svg", "/embed.js", "/static/css/base.css"),
        "/embed/00000000/live.js",
    ]


def keep_from_the_minute(opened: datetime) -> None:
    """Wait while the age that pictures and cards say changes: for two seconds copies say what it was before."""
    wait_until(lambda: 5 < (datetime.now(UTC) - opened).total_seconds() % 60 < 57)


@pytest.mark.parametrize("number", range(14))
def test_status_headers_and_body_are_the_views(stage: Stage, line: Line, number: int) -> None:
    path = paths(stage)[number]
    opened = datetime.fromisoformat(json.loads(line.ask(f"/api/v1/tickets/{stage.refs[0]}")[2])["opened_at"])
    origins = ((), (BLOG,), (EVIL,), ("Origin: null",))
    for origin, known, method in product(origins, ("", "{}", "W/{}", '"a", {}'), ("GET", "HEAD")):
        keep_from_the_minute(opened)
        with closing(Line(stage.server)) as fresh:  # one that waited along may have been let go
            etag = fresh.ask(path, *origin)[1].get("ETag", "")
            condition = (f"If-None-Match: {known.format(etag)}",) if known else ()
            before = reached(stage.server)
            by_lane = fresh.ask(path, *origin, *condition, method=method)
            plain = f"plain {path.partition('?')[0]}"
            assert reached(stage.server).get(plain, 0) == before.get(plain, 0), "no view is run for it"
            by_view = fresh.ask(path, *origin, *condition, PAST_THE_LANE, method=method)
            assert reached(stage.server).get(plain, 0) == before.get(plain, 0) + 1
            assert by_lane == by_view, (origin, condition, method)
            assert list(by_lane[1]) == list(by_view[1]), "in the same order"
            assert by_lane[0] == (304 if condition else 200)
            assert [fresh.ask(path, f"If-None-Match: {told}")[0] for told in ("*", '"another"')] == [304, 200]


def test_a_foreign_site_gets_the_grey_facts_and_caches_are_told_to_tell_sites_apart(stage: Stage, line: Line) -> None:
    path = f"/e/{stage.embed}/badge.json"
    for _ in range(3):
        for origin, is_shown in ((BLOG, True), (EVIL, False), ("X-Origin: none", True)):
            status, headers, body = line.ask(path, origin)
            assert (status, headers["Vary"], headers["Access-Control-Allow-Origin"]) == (200, "Origin", "*")
            assert (json.loads(body)["status"] != "unknown") is is_shown


ODD_CONDITIONS = (
    *("If-None-Match:", 'If-None-Match: "a', "If-None-Match: {etag}x", "If-None-Match: W/*", 'If-None-Match: "a", *'),
    *("If-None-Match: {bare}", 'If-None-Match: "é"', "If-None-Match: w/{etag}", "If-None-Match: {etag}, {etag}"),
    *("If-None-Match: ,,{etag}", 'If-None-Match: "a" {etag}', "If-None-Match: *, {etag}", "If-None-Match:\t{etag}\t"),
    "If-None-Match: {etag}\r\nIf-Modified-Since: nonsense",
    "Cache-Control: no-cache\r\nPragma: no-cache",
)


@pytest.mark.parametrize("condition", ODD_CONDITIONS)
def test_odd_conditions_mean_to_the_lane_what_they_mean_to_the_view(stage: Stage, line: Line, condition: str) -> None:
    path = f"/e/{stage.embed}/badge.json"
    etag = line.ask(path)[1]["ETag"]
    asked = condition.format(etag=etag, bare=etag.strip('"'))
    before = reached(stage.server)
    by_lane = line.ask(path, asked)
    assert reached(stage.server).get(f"plain {path}") == before.get(f"plain {path}"), "no view is run for it"
    assert by_lane == line.ask(path, asked, PAST_THE_LANE)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        *(("Range: bytes=0-3", 200), ("Range: bytes=9-3,x", 200), ('If-Range: "x"\r\nRange: bytes=0-3', 200)),
        *(('If-Match: "x"', 412), ("If-Modified-Since: Mon, 02 Mar 2037 10:00:00 GMT", 200), ("TE: trailers", 200)),
        *(("Authorization: Bearer x", 200), ('If-None-Match: "a"\r\nIf-None-Match: *', 200)),
    ],
)
def test_what_asks_for_more_than_a_copy_is_the_views(stage: Stage, line: Line, asked: str, status: int) -> None:
    path = f"/e/{stage.embed}/badge.json"
    line.ask(path)
    before = reached(stage.server)
    assert line.ask(path, asked)[0] == status
    assert reached(stage.server).get(f"plain {path}", 0) == before.get(f"plain {path}", 0) + 1


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"
LENGTH = f"Content-Length: {len(SMUGGLED)}"
ODD = {
    "a body behind a GET": ((LENGTH,), [200]),
    "chunks behind a GET": (("Transfer-Encoding: chunked",), [200, 400]),
    "a length and chunks": ((LENGTH, "Transfer-Encoding: chunked"), [400]),
    "chunks and a length": (("Transfer-Encoding: chunked", "Content-Length: 4"), [400]),
    "chunks in disguise": (("Transfer-Encoding: xchunked",), [501]),
    "chunks before a colon": (("Transfer-Encoding : chunked",), [400]),
    "chunks in a folded line": (("X-Folded: a", " Transfer-Encoding: chunked"), [400]),
    "two lengths": (("Content-Length: 0", LENGTH), [400]),
    "a length with a sign": (("Content-Length: +0",), [400]),
    "an LF in a value": (("X-A: b\nContent-Length: 3",), [400]),
    "a NUL in a value": (("X-A: b\0",), [400]),
    "a CR in a value": (("X-A: b\rc",), [400]),
    "two hosts": (("Host: evil.example",), [400]),
    "no colon": (("nonsense",), [400]),
    **{f"a length of {one}": ((f"Content-Length: {one}",), [400]) for one in ("0x0", "0, 0", "-1", "many")},
    "a space before a length": (("Content-Length : 0",), [400]),
    "a vertical tab": (("X-A:\x0bb",), [400]),
    "chunks that are none": (("Transfer-Encoding: chunked", "Connection: close"), [200]),
    "a body of no coding": (("Transfer-Encoding: identity",), [400]),
}
"""What is sent, and all that comes back for it and the request behind it."""


@pytest.mark.parametrize("what", ODD)
def test_what_could_smuggle_a_request_is_decided_by_one_parser_alone(stage: Stage, what: str) -> None:
    """The lane answers nothing odd: gunicorn sees all of it, refuses it or reads its body, and no byte counts twice."""
    path, plain = f"/e/{stage.embed}/badge.json", f"plain /e/{stage.embed}/badge.json"
    with closing(Line(stage.server)) as line:
        assert line.ask(path)[0] == 200
        before = reached(stage.server)
        headers, answers = ODD[what]
        line.send(request(path, *headers), SMUGGLED)
        found = []
        with suppress(TimeoutError):
            while (one := line.answer())[0]:
                found.append(one[0])
                line.sock.settimeout(15 if len(found) < len(answers) else 1)
        after = reached(stage.server)
    assert found == answers, "no body is taken for a request"
    ran = after.get(plain, 0) - before.get(plain, 0)
    assert ran == found[:1].count(200), "what is answered was answered by the view"


@pytest.mark.parametrize(
    ("first", "host", "statuses"),
    [
        ("GET http://tickets.example/e/{eid}/badge.json HTTP/1.1", "Host: tickets.example", {200, 400}),
        ("GET /e/{eid}/badge.json HTTP/1.0", "Host: tickets.example", {200}),
        ("GET /e/{eid}/badge.json HTTP/1.0", "X-Host: none", {200}),
        ("GET /e/{eid}/badge.json HTTP/1.1", "Host: tickets.example/x", {400}),
        ("GET /e/{eid}/badge.json HTTP/1.1", "Host: a b", {400}),
        ("GET /e/{eid}/badge.json HTTP/1.1", "Host:", {400}),
        ("GET /e/{eid}/badge.json HTTP/1.1", "X-Host: none", {400}),
        ("GET /e/{eid}/badge.json HTTP/9.9", "Host: tickets.example", {400, 505}),
        ("GET  /e/{eid}/badge.json HTTP/1.1", "Host: tickets.example", {400}),
        ("BREW /e/{eid}/badge.json HTTP/1.1", "Host: tickets.example", {403}),
    ],
)
def test_odd_forms_and_hosts_are_left_to_gunicorn(
    stage: Stage, line: Line, first: str, host: str, statuses: set[int]
) -> None:
    before = reached(stage.server)
    line.send("\r\n".join([first.format(eid=stage.embed), host, "", ""]).encode())
    assert line.answer()[0] in statuses
    assert reached(stage.server).get(f"copy /e/{stage.embed}/badge.json") == before.get(
        f"copy /e/{stage.embed}/badge.json"
    )


def test_a_head_that_is_too_long_is_refused_as_ever(stage: Stage, line: Line) -> None:
    line.send(request(f"/e/{stage.embed}/badge.json", "X-Long: " + "x" * 20_000))
    assert line.answer()[0] in (400, 431)


def test_answers_keep_the_order_of_requests_whoever_gives_them(stage: Stage, line: Line) -> None:
    path = f"/e/{stage.embed}/badge.json"
    form = request("/signin", "Content-Length: 7", "Sec-Fetch-Site: same-origin", method="POST") + b"email=x"
    asked = [*map(request, (path, "/healthz", path)), form, *map(request, ("/embed.js", "/nothing", path))]
    line.send(*asked * 3)
    kinds = [(line.answer()) for _ in range(len(asked) * 3)]
    told = [(status, headers["Content-Type"].partition(";")[0]) for status, headers, _body in kinds]
    widget, health, page = (200, "application/json"), (200, "application/json"), "text/html"
    assert told[:3] == [widget, health, widget]
    assert told[3] == (401, page)
    assert told[4] == (200, "text/javascript")
    assert told[5] == (404, page)
    assert told == told[:7] * 3
    assert json.loads(kinds[1][2]) == {"status": "up"}


def test_a_request_that_comes_byte_by_byte_is_answered(stage: Stage, line: Line) -> None:
    for sent in (request(f"/e/{stage.embed}/badge.json"), request("/healthz"), request("/embed.js")):
        for byte in sent:
            line.send(bytes((byte,)))
        assert line.answer()[0] == 200


def test_a_connection_may_become_a_socket_after_a_badge(stage: Stage, line: Line) -> None:
    from tests.live_client import opening

    assert line.ask(f"/e/{stage.embed}/badge.json")[0] == 200
    line.send(opening(stage.server.port))
    assert line.answer()[0] == 101


def test_who_says_no_more_still_hears(stage: Stage, line: Line) -> None:
    line.send(request("/e/abcdefabcdef/badge.json"))
    line.sock.shutdown(socket.SHUT_WR)
    status, _headers, body = line.answer()
    assert (status, json.loads(body)["status"]) == (200, "unknown")


def test_slow_heads_and_idle_connections_hold_no_thread_and_are_let_go(stage: Stage) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(closing(Line(stage.server))) for _ in range(200)]
        for number, one in enumerate(slow):
            one.send(request(f"/e/{stage.embed}/badge.json") * (number % 2), b"GET /e/" + stage.embed.encode())
        with closing(Line(stage.server)) as other:
            assert other.ask("/healthz")[0] == 200
            assert other.ask(f"/e/{stage.embed}/badge.json")[0] == 200
            assert other.is_closed(), "once it was idle for gunicorn's keepalive"
        for one in slow[1::2]:
            assert one.answer()[0] == 200
        for one in slow:
            one.sock.settimeout(20)
            assert one.is_closed()


def test_a_change_is_shown_to_whoever_asks_after_it(stage: Stage, line: Line) -> None:
    path = f"/e/{stage.embed}/badge.json"
    with Poster(stage) as poster:
        for number in range(20):
            seq = poster.post(stage.refs[0], number).seq
            found = json.loads(line.ask(path)[2])
            assert found["last"] >= seq
            assert f"word number {number}," in found["latest"]["html"]


def test_many_who_ask_for_one_badge_cost_a_read_a_second(stage: Stage) -> None:
    path = f"/e/{stage.embed}/badge.json"
    with closing(Line(stage.server)) as line:
        line.ask(path)
        before, began, asked = reached(stage.server), time.monotonic(), 0
        while time.monotonic() - began < 3:
            line.send(request(path) * 50)
            for _ in range(50):
                assert line.answer()[0] == 200
            asked += 50
        seconds = time.monotonic() - began
    after = reached(stage.server)
    assert asked > 500
    assert after[f"copy {path}"] - before.get(f"copy {path}", 0) <= seconds + 1
    assert after.get(f"plain {path}") == before.get(f"plain {path}")


def test_all_forms_of_a_ticket_that_many_ask_for_cost_one_look_into_the_database_a_second(stage: Stage) -> None:
    forms = paths(stage)[:9]
    plain = [f"asked copy {path.partition('?')[0]}" for path in forms]

    def looks() -> int:
        found = reached(stage.server)
        return sum(found.get(name, 0) for name in dict.fromkeys(plain))

    with closing(Line(stage.server)) as line:
        before, began, asked = looks(), time.monotonic(), 0
        while time.monotonic() - began < 4:
            line.send(*[request(path) for path in forms] * 5)
            for _ in range(5 * len(forms)):
                assert line.answer()[0] == 200
                asked += 1
        seconds = time.monotonic() - began
    assert asked > 500
    assert 2 <= looks() - before <= seconds + 1


def test_views_of_pictures_are_counted_by_site_whoever_answers() -> None:
    with staged(SQLITE, {}, tickets=1, updates=1) as stage:
        with closing(Line(stage.server)) as line:
            for path_taken in ((),) * 7 + ((PAST_THE_LANE,),):
                line.ask(f"/e/{stage.embed}/badge.svg", "Referer: https://paper.example/today", *path_taken)
        stage.server.stop()  # it writes what it has counted when it stops
        asked = f"print(sightings.of([embeds.get('{stage.embed}')])['{stage.embed}']['sites'])"
        assert beside(stage.server, f"with app.app_context():\n  {asked}") == "[('paper.example', 8)]\n"


def test_a_revocation_elsewhere_is_obeyed_within_two_seconds_without_any_word_of_it(full: bool) -> None:
    with staged(SQLITE, APP, tickets=1, updates=1) as stage, closing(Line(stage.server)) as first:
        forms = [path for path in paths(stage) if path.startswith(f"/e/{stage.embed}")]
        assert len(forms) > 5
        assert not any(GREY.search(first.ask(path)[2]) for path in forms)
        run(stage.server, f"embeds.get('{stage.embed}').revoked_at = store.now()")
        revoked_at = time.monotonic()
        with closing(Line(stage.server)) as line:
            for path in forms:
                while not GREY.search(line.ask(path)[2]):
                    assert time.monotonic() - revoked_at < WITHIN_S * (1 if full else NOISE), path


def test_another_process_tells_of_its_changes_through_redis() -> None:
    """Two servers on one database: what one commits, the other shows long before its copy has grown old."""
    with ExitStack() as stack:
        hints = stack.enter_context(redis())
        one = stack.enter_context(staged(SQLITE, APP | {"redis_url": hints.url}, tickets=1, updates=1))
        other = Instance(data_dir=one.server.data_dir, redis_url=hints.url, **APP)
        stack.callback(other.close)
        other.start()
        line, path = stack.enter_context(closing(Line(other))), f"/e/{one.embed}/badge.json"
        poster = stack.enter_context(Poster(one))
        waits: list[float] = []
        for number in range(8):
            wait_until(lambda: line.ask(path)[0] == 200)
            seq = poster.post(one.refs[0], number).seq
            began = time.monotonic()
            wait_until(lambda seq=seq: json.loads(line.ask(path)[2])["last"] >= seq, within=WITHIN_S * NOISE)  # type: ignore[misc]
            waits.append(time.monotonic() - began)
        assert sorted(waits)[4] < 0.5, "half of them would be older by age alone"


def test_stopping_answers_what_was_begun_and_closes_the_rest() -> None:
    with ExitStack() as ends:
        stage = ends.enter_context(staged(SQLITE, APP, tickets=1, updates=1))
        path = f"/e/{stage.embed}/badge.json"
        begun, idle, asks, fresh = (ends.enter_context(closing(Line(stage.server))) for _ in range(4))
        assert idle.ask(path)[0] == 200
        begun.send(request(path)[:20])
        assert idle.ask(path)[0] == 200
        assert stage.server.process
        stage.server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: asks.ask(path)[1]["Connection"] == "close", what="the server stops")
        for line, rest in ((fresh, request(path)), (begun, request(path)[20:])):
            line.send(rest)
        for line in (fresh, begun):
            status, headers, _body = line.answer()
            assert (status, headers["Connection"]) == (200, "close")
            assert line.is_closed()
        assert idle.is_closed()
        stage.server.process.wait(20)


def test_the_access_log_has_a_line_for_each_answer() -> None:
    with staged(SQLITE, APP | {"arguments": ("--access-logfile", "-")}, tickets=1, updates=1) as stage:
        with closing(Line(stage.server)) as line:
            for _ in range(10):
                size = len(line.ask(f"/e/{stage.embed}/badge.json")[2])
        took = wait_until(lambda: (found := re.findall(rf'"GET" 200 {size} (\d+)ms', stage.server.log()))[9:] and found)
        assert "0" in took, "who gets a copy waits for nothing"
        assert stage.embed not in stage.server.log(), "refs stay out of logs"
