"""Several processes behind one RedisManager: what any of them emits reaches the viewers of all, acks come home."""

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

import pytest
import socketio as library

from tests.servers.ground import wait_until
from tests.servers.instance import Instance
from tests.servers.redis import Redis, redis
from tests.test_live_worker import DRIVERS, Client, emit, get

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("hung_up"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def queue() -> Iterator[Redis]:
    with redis() as server:
        yield server


@pytest.fixture(scope="module", params=DRIVERS)
def servers(request: pytest.FixtureRequest, queue: Redis) -> Iterator[list[Instance]]:
    """Two Nameplates on one queue, on the stock driver and on the engine."""
    with ExitStack() as stack:
        running = [Instance(application="tests.live_app:app", arguments=DRIVERS[request.param]) for _ in range(2)]
        for count, one in enumerate(running, start=1):
            stack.callback(one.close)
            one.environ["LIVE_QUEUE"] = queue.url
            one.init(demo=True)
            one.start()
            with Client(one):  # the stock driver begins to listen to others when the first viewer comes, or soon after
                wait_until(lambda count=count: queue.listeners("socketio") == count, what="both listening")  # type: ignore[misc]
        yield running
        assert "Traceback" not in running[0].log() + running[1].log()


def test_a_process_that_only_writes_reaches_rooms_single_sockets_and_everybody(
    servers: list[Instance], queue: Redis
) -> None:
    outside = library.RedisManager(queue.url, write_only=True)
    with Client(servers[0]) as one, Client(servers[1]) as two:
        assert one.call("watch_list", {}) == {"ok": True}
        assert two.call("join", "den") == "joined"
        outside.emit("said", {"to": "all"}, namespace="/")
        one.wait_for("said", {"to": "all"})
        two.wait_for("said", {"to": "all"})
        outside.emit("said", "in the den", room="den", namespace="/")
        two.wait_for("said", "in the den")
        outside.emit("said", b"bytes", room=one.io.get_sid(), namespace="/")
        one.wait_for("said", b"bytes")
        assert ("said", "in the den") not in one.told
        assert ("said", b"bytes") not in two.told
        assert [told[0] for told in one.told].count("said") == 2


def test_rooms_span_processes_and_news_arrives_once(servers: list[Instance]) -> None:
    with Client(servers[0]) as one, Client(servers[1]) as two:
        for client in (one, two):
            assert client.call("join", "both") == "joined"
        for number in range(10):
            emit(servers[number % 2], str(number), to="both")
        for client in (one, two):
            client.wait_for("said", "9")
            wait_until(lambda client=client: len(client.told) == 10)
            assert {told[1] for told in client.told} == {str(number) for number in range(10)}


def test_an_answer_finds_its_way_back_to_the_process_that_asked(servers: list[Instance]) -> None:
    with Client(servers[1]) as client:
        assert client.call("watch_list", {}) == {"ok": True}
        sid = client.io.get_sid()
        assert get(servers[1], f"/test/call?to={quote(sid)}") == "because how?"
        assert get(servers[0], f"/test/call?to={quote(sid)}") == "because how?"


def test_another_process_can_send_somebody_away(servers: list[Instance], queue: Redis) -> None:
    with Client(servers[0]) as client:
        assert client.call("watch_list", {}) == {"ok": True}
        outside = library.Server(client_manager=library.RedisManager(queue.url, write_only=True))
        outside.disconnect(client.io.get_sid())
        wait_until(lambda: client.ended)
