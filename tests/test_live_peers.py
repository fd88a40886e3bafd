"""Slow, stuck and hostile peers: who takes a little stays, who takes nothing goes, who is refused holds nothing."""

import socket
import tracemalloc
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.live_client import Raw
from tracker.live import loop as live_loop
from tracker.live import packets, peers
from tracker.live.engine import Engine
from tracker.live.sessions import Session


class Turned:
    """An engine whose loop the test turns, at a time of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(live_loop, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.engine = Engine(most=10, most_per_address=10)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.session: Session = self.engine.welcome(ours, network="n", origin="", first=b"")
        self.client = Raw(theirs)
        self.client.send("40")
        self.turn()

    def turn(self, seconds: float = 0) -> None:
        self.now += seconds
        self.engine.loop.step(0)

    def fall_behind(self) -> None:
        while self.session.held is None:
            self.session.write(packets.event("event", "x" * 10_000))


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turned]:
    found = Turned(monkeypatch)
    yield found
    found.engine.close()
    found.client.close()


@pytest.mark.parametrize("is_lively", [True, False])
def test_who_takes_nothing_for_twenty_seconds_is_cut_whatever_it_says(turned: Turned, is_lively: bool) -> None:
    turned.turn(3)
    turned.fall_behind()
    for second in range(60):
        assert turned.session.is_open or second >= 20
        assert turned.session.held is None or len(turned.session.held) < peers.MOST_HELD_BYTES
        if turned.session.is_open and is_lively:
            turned.client.send("3")
        turned.turn(1)
    assert not turned.session.is_open


def test_who_fell_behind_a_moment_ago_or_takes_a_little_now_and_then_stays(turned: Turned) -> None:
    turned.fall_behind()
    for second in range(120):
        turned.client.send("3")
        if second % 15 == 0:
            turned.client.sock.recv(200_000)
            turned.turn()
            turned.fall_behind()
        turned.turn(1)
    assert turned.session.is_open


def test_who_is_refused_and_goes_on_sending_in_pieces_fills_nothing(turned: Turned) -> None:
    turned.client.sock.sendall(b"\x82\xff" + (128 << 20).to_bytes(8, "big") + bytes(4))
    turned.turn()
    piece, sent = bytes(60_000), 0
    tracemalloc.start()
    try:
        while turned.session.is_open:
            assert turned.session.incoming is None
            turned.client.sock.sendall(piece)
            sent += len(piece)
            turned.turn()
        assert tracemalloc.get_traced_memory()[1] < 4 * len(piece)
    finally:
        tracemalloc.stop()
    assert sent == 2 * len(piece), "what it said after our goodbye, and no more"
