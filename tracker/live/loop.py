"""One epoll loop: sockets that became readable or writable, work posted by other threads, and a wheel of seconds."""

import logging
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

log = logging.getLogger(__name__)
READ = select.EPOLLIN | select.EPOLLRDHUP
BATCH = 1024
"""Sockets served before posted work gets its turn."""


class Reactor(Protocol):
    """What stands behind a descriptor. Events may be stale: a reactor asks its socket, which may say "not now"."""

    def readable(self) -> None:
        """Bytes, an end, or a fault wait to be read."""

    def writable(self) -> None:
        """There is room for what was held back."""

    def drop(self) -> None:
        """Close at once: something went wrong here."""


def receive(sock: socket.socket, most: int) -> bytes | None:
    """Return what has come, at most so many bytes; b"" when no more will, None when nothing has come yet."""
    try:
        return sock.recv(most)
    except BlockingIOError:
        return None
    except OSError:
        return b""


class Loop:
    """Owned by the thread that calls step(); only post() may be called from others.

    An exception costs the socket or the piece of work it came from, never the loop.
    """

    def __init__(self) -> None:
        self.now = time.monotonic()
        self._epoll = select.epoll()
        self._reactors: dict[int, Reactor] = {}
        self._posted: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._is_rung = False
        self._wheel: dict[int, list[Callable[[], Any]]] = {}
        self._second = int(self.now)
        self._epoll.register(self._bell, select.EPOLLIN)

    def fileno(self) -> int:
        """Return the descriptor that is readable when step() has something to do."""
        return self._epoll.fileno()

    def watch(self, fd: int, reactor: Reactor) -> None:
        """Tell `reactor` when its descriptor can be read; it may take over from another one."""
        if fd not in self._reactors:
            self._epoll.register(fd, READ)
        self._reactors[fd] = reactor

    def want(self, fd: int, *, reads: bool = True, writes: bool = False) -> None:
        """Tell its reactor from now on of just these; of a connection that is broken in any case."""
        self._epoll.modify(fd, (READ if reads else 0) | (select.EPOLLOUT if writes else 0))

    def forget(self, fd: int) -> None:
        """Watch a descriptor no longer; called before it is closed or given away."""
        if self._reactors.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def post(self, work: Callable[..., Any], *given: Any) -> None:
        """Run `work(*given)` on the loop's thread, in the order posted; any thread may call."""
        self._posted.append((work, given))
        if not self._is_rung:
            self._is_rung = True
            os.eventfd_write(self._bell, 1)

    def later(self, seconds: float, work: Callable[[], Any]) -> None:
        """Run `work()` at the last full second before that many have passed, so up to a second early."""
        self._wheel.setdefault(max(int(self.now + seconds), self._second + 1), []).append(work)

    def step(self, timeout: float = 0) -> None:
        """Serve what is ready now, waiting for it at most `timeout` seconds."""
        events = self._epoll.poll(0 if self._posted else timeout, BATCH)
        self.now = time.monotonic()
        for fd, mask in events:
            reactor = self._reactors.get(fd)
            if reactor is not None:
                self._react(reactor, mask)
            elif fd == self._bell:
                self._hush()
        for _ in range(len(self._posted)):
            work, given = self._posted.popleft()
            self._run(work, *given)
        self._turn()

    def close(self) -> None:
        """Close every socket that is still watched, then the loop itself."""
        for reactor in list(self._reactors.values()):
            self._run(reactor.drop)
        self._epoll.close()
        os.close(self._bell)

    def _hush(self) -> None:
        # The bell is cleared before the work is taken: who posts in between rings again.
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            pass
        self._is_rung = False

    def _react(self, reactor: Reactor, mask: int) -> None:
        try:
            if mask & select.EPOLLOUT:
                reactor.writable()
            if mask & ~select.EPOLLOUT:
                reactor.readable()
        except Exception:  # one socket must not take the others along
            log.exception("live: a socket failed and is closed")
            self._run(reactor.drop)

    def _turn(self) -> None:
        while self._second < int(self.now):
            self._second += 1
            for work in self._wheel.pop(self._second, ()):
                self._run(work)

    def _run(self, work: Callable[..., Any], *given: Any) -> None:
        try:
            work(*given)
        except Exception:  # the loop must survive any work it is given
            log.exception("live: %s failed", getattr(work, "__qualname__", work))
