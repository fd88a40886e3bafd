"""The worker and the bridge under independent clients: what the stock driver does, the engine does too."""

import http.client
import json
import resource
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import engineio as transport
import pytest
import socketio as library

from bench._stage import SQLITE, Poster, staged
from tests.live_client import PATIENCE_S, Raw, dial, knock, opening
from tests.servers.ground import wait_until
from tests.servers.instance import Instance, instance
from tracker.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("hung_up"),
    # python-socketio's client leaves its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
DRIVERS = {
    "stock": ("--worker-class", "gthread", "--threads", "64"),
    "engine": ("--worker-class", "tracker.live.worker.LiveWorker", "--threads", "16"),
}


@pytest.fixture(scope="module", params=DRIVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Instance]:
    """Nameplate with added handlers, on the stock driver and on the engine."""
    running = Instance(application="tests.live_app:app", arguments=DRIVERS[request.param])
    try:
        running.init(demo=True)
        running.start()
        yield running
        assert "Traceback" not in running.log()
    finally:
        running.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[Instance]:
    running = Instance(application="tests.live_app:app", arguments=DRIVERS["engine"], sockets_per_address=30)
    try:
        running.init(demo=True)
        running.start()
        yield running
    finally:
        running.close()


class Polite(transport.Client):
    """python-engineio's client; its writer, still posting when told to leave, would keep the goodbye to itself."""

    def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        if self.state == "connected" and self.current_transport == "polling":
            wait_until(self._looks_for_more, what="the writer looks for more")
        super().disconnect(abort, reason)

    def _looks_for_more(self) -> bool:
        """Say whether the writer waits for words; without a goodbye the last poll would stay for 25 s."""
        return not self.queue.unfinished_tasks and bool(self.queue.not_empty._waiters)


class Teller(library.Client):
    def _engineio_client_class(self) -> type[Polite]:
        return Polite


class Client:
    """python-socketio's client; it remembers what it was told."""

    def __init__(self, server: Instance, *transports: str, namespaces: Any = None, **given: Any) -> None:
        self.told: list[tuple[str, Any]] = []
        self.ended: list[Any] = []
        self.io = Teller(
            reconnection_delay=0.1,
            reconnection_delay_max=0.3,
            handle_sigint=False,
            websocket_extra_options={"suppress_origin": True},
        )
        self.io.on("*", lambda name, *told: self.told.append((name, *told)))
        self.io.on("*", lambda name, *told: self.told.append((name, *told)), namespace="/chat")
        self.io.on("question", lambda words: f"because {words}")
        self.io.on("disconnect", self.ended.append)
        options = {"transports": list(transports or ["websocket"]), "namespaces": namespaces}
        self.io.connect(server.url, wait_timeout=PATIENCE_S, **options, **given)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_fault: object) -> None:
        self.io.shutdown()

    def call(self, name: str, *given: Any, **options: Any) -> Any:
        return self.io.call(name, given if len(given) != 1 else given[0], timeout=PATIENCE_S, **options)

    def wait_for(self, *told: Any) -> None:
        wait_until(lambda: told in self.told, what=f"{told} in {self.told}")


def get(server: Instance, path: str) -> Any:
    with urllib.request.urlopen(server.url + path, timeout=PATIENCE_S) as answer:
        return json.loads(answer.read())


def emit(server: Instance, payload: str, **given: str) -> None:
    get(server, "/test/emit?payload=" + payload + "".join(f"&{name}={quote(value)}" for name, value in given.items()))


@pytest.mark.parametrize("transports", [("websocket",), ("polling",), ("polling", "websocket")], ids="-".join)
def test_events_acks_rooms_and_emits_work_on_every_transport(server: Instance, transports: tuple[str, ...]) -> None:
    with Client(server, *transports) as one, Client(server, *transports) as two:
        wait_until(lambda: one.io.transport() == two.io.transport() == transports[-1])
        assert one.call("shout", "hey", {"n": [1, None, "ü"]}) == ("hey", {"n": [1, None, "ü"]})
        for client in (one, two):
            assert client.call("join", "den") == "joined"
        one.io.emit("say", ("den", {"words": "hi"}))
        two.wait_for("said", {"words": "hi"})
        assert one.told == []
        emit(server, "from-http", to="den")
        one.wait_for("said", "from-http")
        two.wait_for("said", "from-http")
        assert two.call("part", "den") == "parted"
        emit(server, "again", to="den")
        one.wait_for("said", "again")
        emit(server, "all")
        two.wait_for("said", "all")
        assert ("said", "again") not in two.told
        assert len([told for told in one.told if told == ("said", "from-http")]) == 1


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_bytes_and_callbacks_go_both_ways(server: Instance, transport: str) -> None:
    with Client(server, transport) as client:
        assert client.call("bytes", b"\x00\xffabc") == b"\x00\xffabc!"
        client.wait_for("swapped", {"payload": b"cba\xff\x00"})
        assert client.call("quiz") == "asked"
        wait_until(lambda: ["answer", "because why?"] in get(server, "/test/seen"))


def test_a_viewer_without_more_wishes_gets_bytes_callbacks_and_single_emits_too(server: Instance) -> None:
    with Client(server) as client:
        assert client.call("watch_list", {}) == {"ok": True}
        sid = client.io.get_sid()
        assert get(server, f"/test/call?to={quote(sid)}") == "because how?"
        emit(server, "raw", to=sid, bytes="1")
        client.wait_for("said", b"raw")
        assert client.call("join", "late") == "joined", "and may still wish for more"
        emit(server, "here", to="late")
        client.wait_for("said", "here")
        assert client.call("watch_list", {}) == {"ok": True}


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_other_namespaces_connect_refuse_talk_and_part(server: Instance, transport: str) -> None:
    before = len(get(server, "/test/seen"))
    with Client(server, transport, namespaces=["/chat"], auth={"name": "ann"}) as client:
        client.io.send("hello", namespace="/chat")
        client.wait_for("message", "HELLO")
        emit(server, "chat-only", namespace="/chat")
        client.wait_for("said", "chat-only")
    wait_until(lambda: "bye" in [one[0] for one in get(server, "/test/seen")[before:]])
    assert ["hello", {"name": "ann"}] in get(server, "/test/seen")[before:]
    for namespace, auth in (("/chat", {"name": "nobody"}), ("/nowhere", None)):
        with pytest.raises(library.exceptions.ConnectionError):
            Client(server, transport, namespaces=[namespace], auth=auth)


def test_a_page_on_two_namespaces_keeps_its_watch(server: Instance) -> None:
    with Client(server, namespaces=["/", "/chat"], auth={"name": "ann"}) as client:
        assert client.call("watch_list", {}, namespace="/") == {"ok": True}
        emit(server, "both")
        client.wait_for("said", "both")


def test_who_is_sent_away_by_the_server_is_told(server: Instance) -> None:
    with Client(server) as client:
        client.io.emit("leave me")
        wait_until(lambda: client.ended)


def test_polls_are_upgraded_without_losing_what_is_told_meanwhile(server: Instance) -> None:
    with Client(server, "websocket") as witness, Client(server, "polling", "websocket") as client:
        assert witness.call("join", "busy") == client.call("join", "busy") == "joined"
        for number in range(30):
            emit(server, str(number), to="busy")
        client.wait_for("said", "29")
        assert [told[1] for told in client.told if told[0] == "said"] == [str(number) for number in range(30)]


def test_handlers_see_the_request_that_opened_the_socket(server: Instance) -> None:
    raw = dial(server.port, headers={"User-Agent": "a browser"}).connect()
    raw.number = 70
    raw.send('4270["shout","who"]')
    assert raw.text() == '4370["who",null]'
    assert ["shout", "who", "websocket", "a browser"] in get(server, "/test/seen")


def test_requests_that_are_no_handshake_are_answered_as_ever(server: Instance) -> None:
    for path, headers, status in (
        ("/socket.io/?EIO=3&transport=websocket", {}, 400),
        ("/socket.io/?EIO=4&transport=carrier-pigeon", {}, 400),
        ("/socket.io/?EIO=4&transport=websocket&sid=unknown", {}, 400),
        ("/socket.io/?EIO=4&transport=websocket&j=0", {}, 400),
        ("/nothing", {}, 404),
    ):
        found, _ = knock(server.port, path=path, headers=headers)
        assert found == status, path
    assert get(server, "/healthz") == {"status": "up"}


def test_another_version_of_the_protocol_is_refused_and_ours_is_named(engine: Instance) -> None:
    with socket.create_connection(("127.0.0.1", engine.port), timeout=PATIENCE_S) as sock:
        sock.sendall(opening(engine.port, headers={"Sec-WebSocket-Version": "12"}))
        head = sock.recv(4096).partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    assert head[0].startswith(b"http/1.1 400 ")
    assert b"sec-websocket-version: 13" in head


def test_a_deflate_offer_is_declined(server: Instance) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as sock:
        sock.sendall(opening(server.port))
        head = sock.recv(4096).partition(b"\r\n\r\n")[0].lower()
        assert b"101" in head.split(b"\r\n")[0]
        assert b"sec-websocket-extensions" not in head


def test_a_client_comes_back_after_a_kill_and_is_told_to_after_a_restart(server: Instance) -> None:
    with Client(server) as client:
        assert client.call("join", "den") == "joined"
        for end in (server.kill_workers, server.restart):
            client.told.clear()
            before = client.io.get_sid()
            end()
            wait_until(lambda known=(None, before): client.io.connected and client.io.get_sid() not in known, within=60)  # type: ignore[misc]
            wait_until(server.ready, within=60)
            assert client.call("join", "den") == "joined"
            emit(server, "back", to="den")
            client.wait_for("said", "back")


def test_whoever_joins_after_a_word_was_stored_is_told_of_it() -> None:
    with staged(SQLITE, {"sockets_per_address": 5000}, tickets=1, updates=1) as stage, Poster(stage) as poster:
        ref, port = stage.refs[0], stage.server.port
        for number in range(40):
            before = [dial(port).connect() for _ in range(3)]
            marks = [one.ask("watch", {"ref": ref, "after": 0})["last"] for one in before]
            seq = poster.post(ref, number).seq
            after = [dial(port).connect() for _ in range(3)]
            assert all(one.ask("watch", {"ref": ref, "after": 0})["last"] >= seq for one in after), "by the answer"
            for one, mark in zip(before, marks, strict=True):
                while mark < seq:
                    said = one.event()[1]
                    assert said["prev"] <= mark < said["seq"], "or by news, without a gap"
                    mark = said["seq"]


def test_a_busy_pool_does_not_hold_up_the_sockets(engine: Instance) -> None:
    raw = dial(engine.port).connect()
    with ExitStack() as stack:
        for _ in range(40):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", engine.port)))
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert raw.ask("watch_list", {}) == {"ok": True}
        assert dial(engine.port).connect().ask("watch_list", {}) == {"ok": True}
        assert get(engine, "/healthz") == {"status": "up"}, "unfinished requests hold no thread"


def test_the_table_of_descriptors_never_grows_under_viewers(engine: Instance) -> None:
    (worker,) = engine.workers()
    status = Path(f"/proc/{worker}/status").read_text()
    (size,) = [int(line.split()[1]) for line in status.splitlines() if line.startswith("FDSize:")]
    assert size >= min(Settings().sockets, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500)


def test_a_client_that_says_close_and_stays_delays_nobody(engine: Instance) -> None:
    with ExitStack() as stack:
        address = ("127.0.0.1", engine.port)
        stays = [stack.enter_context(socket.create_connection(address, timeout=PATIENCE_S)) for _ in range(12)]
        for one in stays:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for one in stays:
            assert one.recv(4096).startswith(b"HTTP/1.1 200")
        begin = time.monotonic()
        for _ in range(5):
            assert get(engine, "/healthz") == {"status": "up"}
        assert time.monotonic() - begin < 20, "gunicorn 27.0.1 waits up to two seconds for each of them"
        for one in stays:
            while one.recv(4096):
                """The connection is closed in the end."""


def test_kept_alive_and_pipelined_requests_and_slow_heads_arrive_whole(engine: Instance) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", engine.port, timeout=PATIENCE_S)) as connection:
        for _ in range(3):
            connection.request("GET", "/healthz")
            assert json.loads(connection.getresponse().read()) == {"status": "up"}
        connection.request("POST", "/signin", body="email=" + "x" * 100_000, headers={"Origin": engine.url})
        with connection.getresponse() as answer:
            assert answer.status in (413, 422, 400)
    with socket.create_connection(("127.0.0.1", engine.port), timeout=PATIENCE_S) as sock:
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        for byte in request:
            sock.sendall(bytes((byte,)))
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        sock.sendall(request * 2)
        received = b""
        while received.count(b"HTTP/1.1 200") < 2:
            received += sock.recv(4096)


def test_a_kept_alive_connection_may_become_a_socket(engine: Instance) -> None:
    with socket.create_connection(("127.0.0.1", engine.port), timeout=PATIENCE_S) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while b'"up"}' not in received:
            received += sock.recv(4096)
        time.sleep(0.3)  # until gunicorn keeps it
        sock.sendall(opening(engine.port))
        head, _, rest = sock.recv(4096).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101")
        raw = Raw(sock)
        raw.head = rest
        assert raw.connect().ask("watch_list", {}) == {"ok": True}


def test_broken_heads_get_a_4xx_or_an_end_and_never_a_5xx(engine: Instance) -> None:
    for head in (
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nHost: b\r\nUpgrade: websocket\r\n\r\n",
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n Host: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", engine.port), timeout=PATIENCE_S) as sock:
            sock.sendall(head)
            received = sock.recv(4096)
            assert not received or received.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), (head[:80], received[:80])


def test_the_access_log_says_who_came_in_and_who_did_not() -> None:
    running = Instance(arguments=(*DRIVERS["engine"], "--access-logfile", "-"), sockets_per_address=2)
    running.environ |= {"LIVE_ORIGINS": "https://good.example"}
    running.application = "tests.live_app:app"
    try:
        running.init()
        running.start()
        asked = [knock(running.port)[0] for _ in range(3)]
        asked += [knock(running.port, headers={"Origin": "https://bad.example"})[0]]
        assert asked == [101, 101, 503, 400]
        lines = [line for line in running.log().splitlines() if line.startswith("127.0.0.1 [")]
        told = [line.partition("] ")[2].split(" ")[:3] for line in lines if " 200 " not in line]
        assert told == [['"GET"', "101", "0"], ['"GET"', "101", "0"], ['"GET"', "503", "39"], ['"GET"', "400", "23"]]
        assert "socket.io" not in "".join(lines), "the address asked for may hold secrets"
    finally:
        running.close()


def test_an_address_that_has_its_share_is_told_to_come_later(engine: Instance) -> None:
    asked = [knock(engine.port) for _ in range(31)]
    statuses = [status for status, _ in asked]
    assert statuses == sorted(statuses), "once full, nobody else comes in"
    assert statuses[0] == 101
    assert statuses[-1] == 503
    assert asked[-1][1].head == b"Enough sockets are open here; try later"
    for _, one in asked:
        one.close()
    wait_until(lambda: knock(engine.port)[0] == 101)


def test_descriptors_come_back_when_viewers_leave_in_any_way(engine: Instance) -> None:
    (pid,) = engine.workers()

    def descriptors() -> int:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    wait_until(lambda: knock(engine.port)[0] == 101)
    before = descriptors()
    for number in range(20):
        raw = dial(engine.port).connect()
        if number % 3 == 0:
            raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        elif number % 3 == 1:
            raw.send("1")
        raw.close()
    wait_until(lambda: descriptors() <= before + 2)


def test_sigterm_ends_the_server_in_time_and_viewers_are_asked_back() -> None:
    with ExitStack() as ends:
        patient = (*DRIVERS["engine"], "--graceful-timeout", "60")
        server = ends.enter_context(instance(application="tests.live_app:app", arguments=patient))
        viewers = [dial(server.port).connect() for _ in range(20)]
        poller = ends.enter_context(Client(server, "polling"))
        assert poller.call("join", "den") == "joined"
        assert server.process
        server.process.send_signal(signal.SIGTERM)
        for one in viewers:
            assert one.event()[0] == "retry"
            assert one.close_code() == 1001
        server.process.wait(30)
        assert "Worker exiting" in server.log(), "by itself, long before it is cut"
        assert "Traceback" not in server.log()
