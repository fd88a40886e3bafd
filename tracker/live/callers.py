"""Connections that stay: what each asks is answered in the loop, in order, or the connection is given away."""

import socket
from typing import TYPE_CHECKING, Any

from tracker.live.arrivals import FIRST_WORDS_S, READ_BYTES
from tracker.live.handshake import END, MAX_HEAD_BYTES
from tracker.live.loop import receive

if TYPE_CHECKING:
    from tracker.live.lane import Lane

MOST_AHEAD_BYTES = 64 * 1024
"""What a client may send ahead while it waits for an answer, or takes none."""
AT_ONCE_BYTES = 64 * 1024
TAKES_WITHIN_S = 20
WAITS_AT_MOST_S = 30
KEPT, CLOSES = b"\r\nConnection: keep-alive\r\n", b"\r\nConnection: close\r\n"


class Caller:
    """One connection. One request is dealt with at a time; while an answer is waited for or not taken, no other is."""

    __slots__ = (
        *("_has_ended", "_held", "_lane", "asked_at", "fd", "head", "is_open", "leaves", "network", "peer", "server"),
        *("sock", "tries", "until", "waits"),
    )

    def __init__(self, lane: "Lane", sock: socket.socket, *, peer: Any, server: Any, network: str | None) -> None:
        self._lane, self.sock, self.peer, self.server, self.network = lane, sock, peer, server, network
        self.fd = sock.fileno()
        self.head, self._held = b"", b""
        self.is_open, self.waits, self._has_ended = True, False, False
        self.leaves = False  # once the answer that is being given has been taken
        self.tries = 0
        self.until = lane.loop.now + lane.keeps_s
        self.asked_at = lane.loop.now  # when it began to wait

    @property
    def is_idle(self) -> bool:
        """True while nothing is asked."""
        return not (self.head or self.waits or self._held)

    @property
    def has_said_all(self) -> bool:
        """True when nothing whole comes after the request that is being dealt with."""
        return self._has_ended and self.head.count(END) == 1

    def readable(self) -> None:
        received = receive(self.sock, READ_BYTES)
        if received is None:
            return
        if not received:
            self._hear_the_end()
            return
        lane = self._lane
        if self.is_idle:
            ready = lane.at_once(received)
            if ready is not None:
                self.until = lane.loop.now + lane.keeps_s
                self._say(ready)
                return
        self.hear(received)

    def hear(self, received: bytes) -> None:
        """Take what a client said, and answer as much of it as can be."""
        if self.is_idle:
            self.until = self._lane.loop.now + FIRST_WORDS_S
        self.head += received
        if len(self.head) > MOST_AHEAD_BYTES:
            self.drop()
        else:
            self.go_on()

    def writable(self) -> None:
        held, self._held = self._held, b""
        if not held or not self.is_open:
            return
        self._lane.loop.want(self.fd, reads=not self._has_ended)
        self._say(held)
        if self.is_open and not self._held:
            self.go_on()

    def go_on(self) -> None:
        """Deal with what was asked, as far as that can be done now."""
        lane, answers, size = self._lane, list[bytes](), 0
        while self.is_open and not self.waits and not self._held:
            end = self.head.find(END) + len(END)
            if end < len(END):
                break
            answer = lane.answer(self, self.head[:end])
            if answer is None:
                break
            self.head, self.tries = self.head[end:], 0
            answers.append(answer)
            size += len(answer)
            if self.leaves or size > AT_ONCE_BYTES:
                self._say(b"".join(answers))
                answers, size = [], 0
        if answers:
            self._say(b"".join(answers))
        self._rest()

    def take(self) -> socket.socket:
        """Give the connection to somebody else."""
        self._lane.loop.forget(self.fd)
        self.is_open = False
        self._lane.forget(self)
        return self.sock

    def drop(self) -> None:
        if self.is_open:
            self.take().close()

    def _rest(self) -> None:
        """Wait for more, or give away what the lane does not answer."""
        if not self.is_open or self.waits or self._held:
            return
        if END in self.head or len(self.head) >= MAX_HEAD_BYTES:
            self._lane.elsewhere(self)
        elif self._has_ended:
            self.drop()
        elif not self.head:
            self.until = self._lane.loop.now + self._lane.keeps_s
        else:  # what was begun behind a request that was waited for has no longer than any other
            self.until = min(self.until, self._lane.loop.now + FIRST_WORDS_S)

    def _say(self, told: bytes) -> None:
        if not self.is_open:  # its descriptor may be somebody else's by now
            return
        try:
            sent = self.sock.send(told)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.drop()
            return
        if sent != len(told):
            self._held = told[sent:]
            self.until = self._lane.loop.now + TAKES_WITHIN_S
            self._lane.loop.want(self.fd, reads=not self._has_ended, writes=True)
        elif self.leaves:
            self._lane.part(self)

    def _hear_the_end(self) -> None:
        """A client that says no more may still listen for what it has asked; one that is gone may not."""
        if self._has_ended or not (self.waits or self._held):
            self.drop()
            return
        self._has_ended = True
        self._lane.loop.want(self.fd, reads=False, writes=bool(self._held))
