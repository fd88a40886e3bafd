"""A WebSocket on the loop: what it says, what it is told, what it has not taken yet, and how it ends."""

import socket
import struct
from typing import TYPE_CHECKING

from tracker.live import frames
from tracker.live.frames import CLOSE, NORMAL, PING, POLICY, PONG, ProtocolError
from tracker.live.loop import receive

if TYPE_CHECKING:
    from tracker.live.loop import Loop

READ_BYTES = 64 * 1024
MOST_HELD_BYTES = 128 * 1024
"""What a slow reader may leave untaken; one message more and it is cut: it catches up by asking."""
KERNEL_HOLDS_BYTES = 64 * 1024
"""What the kernel may hold for one reader besides (it doubles this)."""
TAKES_WITHIN_S = 20
"""Whoever is behind and has taken nothing for so long is cut when it is visited next."""
CLOSE_WAITS_S = 2
MOST_LEFT_BYTES = 64 * 1024
"""What a peer may still say after our goodbye."""
RESET = struct.pack("ii", 1, 0)


class Peer:
    """Lives on the loop's thread. Subclasses say what a message means (`said`) and what an end means (`gone`)."""

    __slots__ = ("fd", "held", "incoming", "is_leaving", "is_open", "left", "loop", "send", "sock", "took_at")

    def __init__(self, loop: "Loop", sock: socket.socket) -> None:
        self.loop, self.sock, self.fd, self.send = loop, sock, sock.fileno(), sock.send
        self.incoming: frames.Incoming | None = frames.Incoming()
        """None after a fault: where the next frame would begin is not known."""
        self.held: bytearray | None = None
        self.is_open, self.is_leaving = True, False
        self.took_at, self.left = loop.now, MOST_LEFT_BYTES

    @property
    def is_stuck(self) -> bool:
        """True when nothing of what is held back was taken for too long."""
        return self.held is not None and self.loop.now - self.took_at >= TAKES_WITHIN_S

    def said(self, message: frames.Message) -> None:
        """Take a whole text or binary message."""
        raise NotImplementedError

    def gone(self) -> None:
        """Forget this peer: called once, when it leaves or is cut."""
        raise NotImplementedError

    def slowed(self) -> None:
        """Called when bytes begin to be held back."""

    def caught_up(self) -> None:
        """Called when all that was held back has been taken."""

    def readable(self) -> None:
        received = receive(self.sock, READ_BYTES)
        if received is None:
            return
        if self.is_leaving:
            self.left -= len(received)
        if not received or self.left < 0:
            self.drop()
        elif self.incoming is not None:
            self._feed(self.incoming, received)

    def may_speak(self) -> bool:
        """Count one frame of the client; False when it talks too fast."""
        return True

    def writable(self) -> None:
        if self.held is None or not self.is_open:
            return
        try:
            sent = self.send(self.held)
        except BlockingIOError:
            return
        except OSError:
            self.drop()
            return
        self.took_at = self.loop.now
        del self.held[:sent]
        if not self.held:
            self.held = None
            self.loop.want(self.fd)
            self.caught_up()

    def write(self, told: bytes) -> None:
        """Send frames now, or hold them back; who holds back too much is cut."""
        if not self.is_open or self.is_leaving:
            return
        if self.held is not None:
            if len(self.held) > MOST_HELD_BYTES:
                self.cut()
            else:
                self.held += told
            return
        try:
            sent = self.send(told)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.drop()
            return
        if sent != len(told):
            self.hold(told[sent:])

    def hold(self, rest: bytes) -> None:
        """Keep what the kernel did not take."""
        if not self.is_open:
            return
        self.held, self.took_at = bytearray(rest), self.loop.now
        self.loop.want(self.fd, writes=True)
        self.slowed()

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye and why; what the peer says after that is not heard."""
        if self.is_open and not self.is_leaving:
            self.write(frames.closing(code, reason))
            self._leave()
            self.loop.later(CLOSE_WAITS_S, self.drop)

    def cut(self) -> None:
        """End it without a word, and what the kernel still holds for it."""
        if self.is_open:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.drop()

    def drop(self) -> None:
        if not self.is_open:
            return
        self._leave()
        self.is_open = False
        self.held = None
        self.loop.forget(self.fd)
        self.sock.close()

    def _leave(self) -> None:
        if not self.is_leaving:
            self.is_leaving = True
            self.gone()

    def _feed(self, incoming: frames.Incoming, received: bytes) -> None:
        try:
            for message in incoming.feed(received):
                self._take(message)
                if not self.is_open:
                    return
        except ProtocolError as error:
            self.incoming = None
            self.close(error.code, error.reason)

    def _take(self, message: frames.Message) -> None:
        opcode, payload = message
        if opcode == CLOSE:
            assert isinstance(payload, bytes)
            self.write(frames.encode(payload, CLOSE))
            self.drop()
        elif self.is_leaving:
            return
        elif not self.may_speak():
            self.close(POLICY, "too much at once")
        elif opcode == PING:
            assert isinstance(payload, bytes)
            self.write(frames.encode(payload, PONG))
        elif opcode != PONG:
            self.said(message)
