"""F12: thousands of clients that connect and say nothing, or say it slowly, take nothing from the others."""

import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.servers.instance import instance
from tests.servers.nginx import Nginx, nginx

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NOISE = 4
"""Short drills share the machine with other tests."""
HELD_FOR_S = 15
"""Longer than nginx's patience with a head or a body."""


def answers_in(proxy: Nginx, path: str) -> float:
    began = time.monotonic()
    with urllib.request.urlopen(f"{proxy.url}{path}", timeout=30, context=proxy.trust()) as answer:
        assert answer.status == 200
        answer.read()
    return time.monotonic() - began


def silent(proxy: Nginx) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def said(proxy: Nginx, words: bytes) -> socket.socket:
    line = proxy.trust().wrap_socket(silent(proxy), server_hostname="127.0.0.1")
    line.sendall(words)
    return line


HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = b"POST /api/v1/tickets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n{"
READ = b"GET /embed.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20
CROWDS: dict[str, tuple[int, Callable[[Nginx], socket.socket]]] = {
    "idle": (7000, silent),
    "slow heads": (1500, lambda proxy: said(proxy, HEAD)),
    "slow bodies": (500, lambda proxy: said(proxy, BODY)),
    "slow readers": (500, lambda proxy: said(proxy, READ)),
}


@contextmanager
def crowd(proxy: Nginx, come: Callable[[Nginx], socket.socket], count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as held:
        yield [held.enter_context(come(proxy)) for _ in range(count)]


def drip(lines: list[socket.socket]) -> None:
    """Say one byte more on each line that is still open."""
    for line in lines:
        try:
            if isinstance(line, ssl.SSLSocket):
                line.sendall(b"x")
        except OSError:
            continue  # nginx has lost its patience, as it should


@pytest.fixture(scope="module")
def proxy() -> Iterator[Nginx]:
    with instance(demo=True, proxies=1) as running, nginx(f"127.0.0.1:{running.port}") as found:
        answers_in(found, "/")
        yield found


@pytest.mark.parametrize("what", CROWDS)
def test_f12_who_is_slow_keeps_nobody_else_waiting(what: str, full: bool, proxy: Nginx) -> None:
    count, come = CROWDS[what]
    noise = 1 if full else NOISE
    with crowd(proxy, come, count if full else count // 20) as lines:
        until = time.monotonic() + (HELD_FOR_S if full else 2)
        while time.monotonic() < until:
            assert answers_in(proxy, "/healthz") < 1 * noise
            drip(lines)
            time.sleep(0.2)
    assert answers_in(proxy, "/") < 5 * noise
