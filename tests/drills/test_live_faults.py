"""Faults of the live part (THREATS F2, F3, F8, F16, F17): short in `make test`, at the full marks with --full."""

import itertools
import json
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import pytest
from websocket import ABNF

from bench._stage import SQLITE, Poster, Stage, staged
from tests import make
from tests.drills.returning import Viewers, post_until_stored, stored
from tests.houses import opened, sqlite_url
from tests.live_client import Raw, dial, knock
from tests.servers.ground import wait_until
from tests.servers.instance import Instance, instance
from tests.servers.redis import Redis

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("hung_up"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
NOISE = 3
"""In its short form a drill shares the machine with other tests."""


@contextmanager
def staged_live(**settings: object) -> Iterator[Stage]:
    with staged(SQLITE, {"sockets_per_address": 5000, **settings}, tickets=1, updates=2) as stage:
        yield stage


@contextmanager
def beside(stage: Stage, **settings: object) -> Iterator[Instance]:
    """Run one more instance on the same data."""
    secret = stage.server.environ["TRACKER_SECRET_KEY"]
    other = Instance(data_dir=stage.server.data_dir, sockets_per_address=5000, secret_key=secret, **settings)
    try:
        other.start()
        yield other
    finally:
        other.close()


class Posting:
    """Posts updates at a steady pace for as long as a drill takes: `with Posting(…) as posting`."""

    def __init__(self, stage: Stage, *, per_s: float) -> None:
        self.stage, self.every_s = stage, 1 / per_s
        self.stored: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._post, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self._ended.set()
        self._thread.join(60)

    def wait_for(self, more: int) -> None:
        """Wait until so many more are stored."""
        wanted = len(self.stored) + more
        wait_until(lambda: len(self.stored) >= wanted, within=120, what=f"{more} more words are stored")

    def _post(self) -> None:
        due = time.monotonic()
        with Poster(self.stage) as poster:
            for number in itertools.count():
                seq, at = post_until_stored(poster, self.stage.refs[0], number)
                self.stored[seq] = at
                due += self.every_s
                if self._ended.wait(max(0.0, due - time.monotonic())):
                    return


def private_kb(pids: list[int]) -> int:
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def ask(server: Instance, path: str) -> int:
    return knock(server.port, path=path, headers={"Upgrade": "none"})[0]


def files(pid: int, kind: str = "") -> int:
    """Return how many files a process has open, or how many of a kind."""
    found = 0
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since
            found += kind in str(one.readlink())
    return found


def descriptors(server: Instance) -> int:
    return sum(files(pid) for pid in server.workers())


@pytest.mark.timeout(400)
def test_f2_after_kills_of_the_live_process_everybody_has_everything_once_in_order(full: bool) -> None:
    count, between = (1000, 130) if full else (60, 10)
    with staged_live() as stage, Viewers(stage.server, stage.refs[0], count) as viewers:
        wait_until(viewers.here, within=60)
        with Posting(stage, per_s=10) as posting:
            for _ in range(2):
                posting.wait_for(between)
                killed_at = time.monotonic()
                stage.server.kill_workers()
                wait_until(lambda: viewers.watching < count, within=60)
                wait_until(viewers.here, within=60)
                assert time.monotonic() - killed_at < 10 * (1 if full else NOISE)
            posting.wait_for(between)
        wait_until(lambda: viewers.have(max(posting.stored)), within=30)
        everything = stored(stage.server, stage.refs[0])
        assert set(posting.stored) <= set(everything)
        assert all(one.seen == everything for one in viewers.all)


@pytest.mark.timeout(300)
def test_f3_without_redis_viewers_of_another_process_are_two_seconds_late_at_most(
    full: bool, redis_server: Redis
) -> None:
    count = 1000 if full else 20
    with (
        staged_live(redis_url=redis_server.url, role="api") as stage,
        beside(stage, redis_url=redis_server.url, role="live") as live,
        Viewers(live, stage.refs[0], count) as viewers,
    ):
        wait_until(viewers.here, within=30)
        with Posting(stage, per_s=5) as posting:
            posting.wait_for(10)
            for away_s in (8, 60) if full else (3,):
                redis_server.kill()
                time.sleep(away_s)  # how long it is away is what is tried here
                redis_server.start()
                posting.wait_for(20)
        wait_until(lambda: viewers.have(max(posting.stored)), within=30)
        late = [one.at[seq] - at for one in viewers.all for seq, at in posting.stored.items()]
        assert max(late) < 2 * (1 if full else NOISE)
        assert statistics.median(late) < 1.5
        assert all(one.seen == stored(stage.server, stage.refs[0]) for one in viewers.all)


def test_f3_without_redis_who_signs_out_leaves_in_another_process_and_its_lists_and_queues_hear(
    redis_server: Redis,
) -> None:
    with instance(redis_url=redis_server.url, role="live") as server:
        folder, secret = server.data_dir, server.environ["TRACKER_SECRET_KEY"]
        settings = {"redis_url": redis_server.url, "secret_key": secret}
        with opened(sqlite_url(folder / "nameplate.sqlite3"), folder, **settings) as house:
            ticket = make.ticket(visibility="private")
            ben, eve = make.agent(ticket.desk), ticket.assignee
            leaves, stays, queue, listed = (dial(server.port).connect() for _ in range(4))
            browsers = {who: house.test_client() for who in (ben, eve)}
            for who, raw in ((ben, leaves), (eve, stays)):
                make.sign_in(browsers[who], who)
                kept = browsers[who].post(f"/t/{ticket.ref}/pass").json["pass"]
                assert "epoch" in raw.ask("watch", {"ref": ticket.ref, "after": 0, "pass": kept})
            kept = browsers[eve].post("/workspace/pass").json["pass"]
            assert queue.ask("watch_queue", {"pass": kept}) == listed.ask("watch_list", {}) == {"ok": True}
            redis_server.kill()
            browsers[ben].post("/signout")
            make.post(ticket, "note", text="for staff alone")
            assert leaves.event()[0] == "gone"
            assert stays.event()[1]["kind"] == "note"
            assert queue.event() == ["changed", {"ref": ticket.ref}]
            public = make.ticket(ticket.desk)
            assert listed.event() == ["changed", {"ref": public.ref}]
            assert leaves.ask("watch_list", {}) == {"ok": True}
            assert leaves.events == []


@pytest.mark.timeout(300)
def test_f8_viewers_who_never_read_cost_little_and_are_let_go(full: bool) -> None:
    stuck = 200 if full else 30
    with staged_live() as stage, Viewers(stage.server, stage.refs[0], 20) as viewers:
        server, ref = stage.server, stage.refs[0]
        wait_until(viewers.here, within=30)
        most, late = 0, list[float]()
        with Poster(stage) as poster:
            for number in range(60):  # a process that has just started grows by 24 MB, whoever reads
                done = poster.post(ref, 1000 + number)
                wait_until(lambda seq=done.seq: viewers.have(seq), within=30)
            before, open_before = private_kb(server.workers()), descriptors(server)
            for _ in range(stuck):
                raw = dial(server.port).connect()
                assert "epoch" in raw.ask("watch", {"ref": ref, "after": 0, "html": True})
            for number in range(120):
                done = poster.post(ref, number)
                wait_until(lambda seq=done.seq: viewers.have(seq), within=30)
                late.append(max(one.at[done.seq] for one in viewers.all) - done.stored_at)
                most = max(most, private_kb(server.workers()) - before)
        assert most < 50_000
        assert max(late) < 1 * (1 if full else NOISE), "the others are not held up"
        wait_until(lambda: descriptors(server) <= open_before + 3, within=65, what="descriptors come back")
        assert viewers.here()


HEAD_OF_128_MB = b"\x82\xff" + (128 << 20).to_bytes(8, "big")


def dribble(raw: Raw) -> None:
    raw.sock.sendall(HEAD_OF_128_MB)
    for _ in range(2000):
        raw.sock.sendall(bytes(60_000))
        time.sleep(0.001)


ATTACKS: dict[str, tuple[int, Callable[[Raw], object]]] = {
    "an unfinished message of 128 MB": (1009, lambda raw: raw.sock.sendall(HEAD_OF_128_MB + bytes(1 << 20))),
    "an unfinished message of 128 MB in pieces": (1009, dribble),
    "a message in endless fragments": (
        1009,
        lambda raw: [
            raw.send(b"x" * 1000, ABNF.OPCODE_TEXT if not n else ABNF.OPCODE_CONT, fin=0) for n in range(10_000)
        ],
    ),
    "empty fragments without end": (
        1008,
        lambda raw: [raw.send(b"", ABNF.OPCODE_TEXT if not n else ABNF.OPCODE_CONT, fin=0) for n in range(10_000)],
    ),
    "a deflate bomb": (1002, lambda raw: raw.sock.sendall(b"\xc1\xfe\x3f\xff" + bytes(4) + bytes(0x3FFF))),
    "a thousand joins a second": (
        1008,
        lambda raw: [raw.send("42" + json.dumps(["watch_list", {"desk": f"d{n}"}])) for n in range(1000)],
    ),
    "pings without end": (1008, lambda raw: [raw.send(b"x" * 125, ABNF.OPCODE_PING) for _ in range(10_000)]),
}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("attack", ATTACKS)
def test_f16_who_floods_a_socket_is_cut_at_once_and_memory_stays(attack: str, nameplate: Instance) -> None:
    before, (code, say) = private_kb(nameplate.workers()), ATTACKS[attack]
    witness = dial(nameplate.port).connect()
    for _ in range(5):
        raw = dial(nameplate.port).connect()
        began = time.monotonic()
        try:
            say(raw)
        except OSError:  # cut while still sending
            pass
        assert raw.close_code() == code
        assert time.monotonic() - began < 15
    assert private_kb(nameplate.workers()) - before < 20_000
    assert witness.ask("watch_list", {}) == {"ok": True}


def test_f16_nobody_enters_more_than_twenty_rooms(nameplate: Instance) -> None:
    raw = dial(nameplate.port).connect()
    answers = [raw.ask("watch_list", {"desk": f"desk-{number}"}) for number in range(21)]
    assert answers[:20] == [{"ok": True}] * 20
    assert answers[20]["error"] == "too_soon"
    assert raw.ask("watch_list", {"desk": "desk-3"}) == {"ok": True}


@pytest.mark.timeout(300)
def test_f17_a_restart_drains_in_time_and_nobody_misses_a_word(full: bool) -> None:
    count = 1000 if full else 80
    with staged_live() as stage, beside(stage) as other, Viewers(stage.server, stage.refs[0], count) as viewers:
        server = stage.server
        wait_until(viewers.here, within=60)
        with Posting(stage, per_s=5) as posting:
            posting.wait_for(15)
            assert server.process
            viewers.server, began = other, time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(20)
            assert time.monotonic() - began < 5 * (1 if full else NOISE)
            wait_until(lambda: all(one.lost_at for one in viewers.all), within=20)
            assert max(one.lost_at[-1] for one in viewers.all) - began < 5 * (1 if full else NOISE)
            wait_until(viewers.here, within=40, what="everybody is at the other instance")
            server.start()
            posting.wait_for(5)
        wait_until(lambda: viewers.have(max(posting.stored)), within=30)
        everything = stored(server, stage.refs[0])
        assert all(one.seen == everything for one in viewers.all)
        back = sorted(one.back_at[-1] for one in viewers.all)
        assert back[-1] - back[0] > 0.3, "they do not come back all at once"


def test_two_workers_share_a_port_and_the_viewers_of_both_hear_the_news(redis_server: Redis) -> None:
    with staged_live(redis_url=redis_server.url, arguments=("--workers", "2")) as stage:
        server, ref = stage.server, stage.refs[0]
        wait_until(lambda: len(server.workers()) == 2)
        wait_until(lambda: all(files(pid, "[eventfd]") for pid in server.workers()), within=60, what="both have a loop")
        before, viewers = {pid: files(pid, "socket:") for pid in server.workers()}, list[Raw]()
        while not all(files(pid, "socket:") > count + 3 for pid, count in before.items()):
            viewers.append(dial(server.port).connect())
            assert viewers[-1].ask("watch", {"ref": ref, "after": 0})["last"]
            assert len(viewers) < 300, "one worker takes all"
        with Poster(stage) as poster:
            for number in range(5):
                seq = poster.post(ref, number).seq
                for one in viewers:
                    while one.event()[1]["seq"] < seq:
                        """An update also keeps a promise, or makes one."""
        assert ask(server, "/socket.io/?EIO=4&transport=polling") == 400, "polls need one process"


def test_a_live_process_serves_no_pages_and_an_api_process_no_sockets() -> None:
    with instance(role="live") as server:
        assert knock(server.port)[0] == 101
        assert ask(server, "/") == 404
        assert ask(server, "/healthz") == 200
    with instance(role="api") as server:
        assert knock(server.port)[0] == 503
        assert ask(server, "/") == 200


def test_a_slow_handshake_does_not_stay(nameplate: Instance) -> None:
    with socket.create_connection(("127.0.0.1", nameplate.port), timeout=20) as sock:
        sock.sendall(b"GET /socket.io/?EIO=4")
        began = time.monotonic()
        assert sock.recv(100) == b""
        assert time.monotonic() - began < 15
