"""Connections on their way in and out: a refused one leaves nothing behind for the next with its number."""

import socket
from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from tests.live_client import opening
from tests.servers.ground import wait_until
from tracker.live.engine import Engine
from tracker.live.lane import Lane
from tracker.live.peers import RESET
from tracker.live.refill import Refill
from tracker.live.worker import LiveWorker


class Door:
    """A worker that has room for nobody, behind a listener of its own."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        config = Config()
        self.worker = LiveWorker(0, 0, [], None, 30, config, Logger(config))
        self.worker.engine = self.engine = Engine(most=0, most_per_address=0)
        self.worker.lane = Lane(
            self.engine.loop,
            Refill(lambda _environ, _start: [], "https://tickets.example"),
            keeps_s=5,
            most_per_network=9,
            address_of=self.worker._address,
            network_of=self.worker._network,
            elsewhere=lambda _one: None,
            part=self.worker._part,
            write=None,
        )
        self.worker.arrivals = {}

    def knock(self, said: bytes) -> socket.socket:
        """Dial, say something, and let the worker read it; its end has the lowest free number."""
        ours = socket.create_connection(self.listener.getsockname(), timeout=20)
        theirs, peer = self.listener.accept()
        self.worker._await(theirs, peer, self.listener)
        self.say(ours, said)
        return ours

    def say(self, ours: socket.socket, said: bytes) -> None:
        ours.sendall(said)
        self.engine.loop.step(1)

    def close(self) -> None:
        assert self.worker.lane
        self.worker.lane.close()
        self.engine.close()
        self.listener.close()
        self.worker.tmp.close()


@pytest.fixture
def door() -> Iterator[Door]:
    one = Door()
    yield one
    one.close()


def test_a_refused_handshake_that_was_reset_leaves_its_number_to_be_heard(door: Door) -> None:
    hello = opening(80)
    refused = door.knock(hello[:30])
    (arrival,) = door.worker.arrivals
    number = arrival.sock.fileno()
    refused.sendall(hello[30:])
    refused.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    refused.close()
    door.engine.loop.step(1)
    assert door.worker.nr_conns == 0
    with door.knock(hello[:30]) as fresh:
        (arrival,) = door.worker.arrivals
        assert arrival.sock.fileno() == number, "the kernel gives the number again"
        assert arrival.head == hello[:30]
        door.say(fresh, hello[30:])
        assert fresh.recv(100).startswith(b"HTTP/1.1 503")


def test_connections_of_ones_own_proxy_are_of_no_network(door: Door) -> None:
    assert door.worker._network(("192.0.2.7", 40000)) == "192.0.2.0/24"
    assert door.worker._network("") is None, "nothing but a program beside us speaks through a file"
    door.worker.proxies = 1
    assert door.worker._network(("192.0.2.7", 40000)) is None


def test_who_goes_before_the_head_is_there_is_forgotten(door: Door) -> None:
    with door.knock(b"GET /"):
        assert door.worker.arrivals
    wait_until(lambda: (door.engine.loop.step(0.01), not door.worker.arrivals)[1])
