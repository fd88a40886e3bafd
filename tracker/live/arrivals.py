"""Connections that are not, or no longer, requests: those whose first bytes are awaited, and those that linger."""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tracker.live import handshake
from tracker.live.loop import receive

if TYPE_CHECKING:
    from tracker.live.loop import Loop

FIRST_WORDS_S = 10
"""How long a connection may take to send the head of its request."""
READ_BYTES = 16 * 1024
LINGERS_S = 2
MOST_LEFT_BYTES = 64 * 1024


def first_words(sock: socket.socket) -> bytes | None:
    """Return what a fresh connection has said already; None when it has gone."""
    sock.setblocking(False)
    received = receive(sock, READ_BYTES)
    return b"" if received is None else received or None


def is_whole(head: bytes) -> bool:
    """True when a request's head is there, or is too long to wait for the rest of it."""
    return handshake.END in head or len(head) >= handshake.MAX_HEAD_BYTES


class Arrival:
    """Reads until the head of a request is there; a connection that says nothing costs no thread."""

    __slots__ = ("_arrived", "_lost", "head", "is_open", "listener", "loop", "peer", "sock")

    def __init__(
        self,
        loop: "Loop",
        sock: socket.socket,
        head: bytes,
        *,
        peer: Any,
        listener: Any,
        arrived: "Callable[[Arrival], None]",
        lost: "Callable[[Arrival], None]",
    ) -> None:
        self.loop, self.sock, self.peer, self.listener = loop, sock, peer, listener
        self._arrived, self._lost = arrived, lost
        self.head, self.is_open = head, True
        loop.watch(sock.fileno(), self)
        loop.later(FIRST_WORDS_S, self.drop)

    def readable(self) -> None:
        received = receive(self.sock, READ_BYTES)
        if received is None:
            return
        if not received:
            self.drop()
            return
        self.head += received
        if is_whole(self.head):
            self._arrived(self)

    def writable(self) -> None:
        """Nothing is ever written here."""

    def end(self, *, watched: bool = False) -> None:
        """Let go of the connection; `watched` when the loop goes on watching it, for somebody else."""
        if not watched:
            self.loop.forget(self.sock.fileno())
        self.is_open = False
        self.head = b""  # the wheel keeps the rest of it for some seconds

    def drop(self) -> None:
        if self.is_open:
            self.end()
            self.sock.close()
            self._lost(self)


class Lingering:
    """Half-closes, lets the client read to the end, then closes (RFC 9112, 9.6), without anybody waiting for it."""

    __slots__ = ("_ended", "_left", "is_open", "loop", "sock")

    def __init__(self, loop: "Loop", sock: socket.socket, ended: "Callable[[], None]") -> None:
        self.loop, self.sock, self._ended = loop, sock, ended
        self._left, self.is_open = MOST_LEFT_BYTES, True
        try:
            sock.setblocking(False)
            sock.shutdown(socket.SHUT_WR)
            loop.watch(sock.fileno(), self)
        except OSError:  # reset already; the loop may be watching it for who had it before
            self.drop()
        else:
            loop.later(LINGERS_S, self.drop)

    def readable(self) -> None:
        received = receive(self.sock, READ_BYTES)
        if received is None:
            return
        self._left -= len(received)
        if not received or self._left < 0:
            self.drop()

    def writable(self) -> None:
        """Nothing is ever written here."""

    def drop(self) -> None:
        if self.is_open:
            self.is_open = False
            self.loop.forget(self.sock.fileno())
            self.sock.close()
            self._ended()
