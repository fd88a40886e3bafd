"""A light session: one viewer's Engine.IO and Socket.IO, spoken on the loop without a thread or a task of its own."""

import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from tracker.live import packets
from tracker.live.frames import MAX_MESSAGE_BYTES, NORMAL, POLICY, TEXT, UNSUPPORTED, Message
from tracker.live.peers import Peer

if TYPE_CHECKING:
    from tracker.live.engine import Engine

PING_EVERY_S = 25
PONG_WITHIN_S = 20
MESSAGES_PER_S = 10
MESSAGES_AT_ONCE = 24
"""A page may join all its rooms and say hello at once; after that it speaks at the pace above."""

MOST_WAITING = 32
"""Messages that may wait for the answer to the one before."""


class Carried(Protocol):
    """What python-socketio makes of a session that needs more than a light one gives."""

    def receive(self, message: Message) -> None:
        """Take a message; runs on a thread, one at a time and in order."""

    def closed(self) -> None:
        """Take that the socket has gone; runs on a thread, after the last message."""


class Session(Peer):
    """Answers open, connect, ping and close itself; what needs the database runs as an errand, one at a time."""

    __slots__ = (
        "asked",
        "asked_at",
        "carried",
        "engine",
        "heard",
        "inbox",
        "is_busy",
        "is_up",
        "network",
        "origin",
        "pinged",
        "rooms",
        "sid",
        "spare",
        "stay",
    )

    def __init__(self, engine: "Engine", sock: socket.socket, sid: str, *, network: str, origin: str) -> None:
        super().__init__(engine.loop, sock)
        self.engine, self.sid, self.network, self.origin = engine, sid, network, origin
        self.asked: tuple[str, bytes] | None = None
        self.rooms: tuple[str, ...] = ()
        self.is_up = self.pinged = self.is_busy = False
        self.heard = True
        self.spare, self.asked_at = float(MESSAGES_AT_ONCE), engine.loop.now
        self.stay = 0  # counts the partings: what was begun before one ends with it
        self.inbox: deque[Any] | None = None
        self.carried: Carried | None = None

    def opening(self) -> bytes:
        """Return the first frame a client is told."""
        return packets.opened(
            self.sid, ping_every_s=PING_EVERY_S, pong_within_s=PONG_WITHIN_S, most_bytes=MAX_MESSAGE_BYTES
        )

    def may_speak(self) -> bool:
        now = self.loop.now
        self.spare = min(MESSAGES_AT_ONCE, self.spare + (now - self.asked_at) * MESSAGES_PER_S) - 1
        self.asked_at = now
        return self.spare >= 0

    def said(self, message: Message) -> None:
        self.heard = True
        if message.payload == "3":
            return
        if self.carried is not None:
            self._queue(message)
        elif message.opcode != TEXT:
            self.close(UNSUPPORTED, "no bytes were announced")
        else:
            assert isinstance(message.payload, str)
            self._read(message.payload)

    def visit(self) -> None:
        """Called by the wheel: ping, and 20 s later see whether anything was heard since; cut who takes nothing."""
        if not self.is_open or self.is_leaving:
            return
        if self.is_stuck:
            self.cut()
        elif self.pinged and not self.heard:
            self.drop()
        elif self.pinged:
            self.pinged = False
            self.loop.later(PING_EVERY_S - PONG_WITHIN_S, self.visit)
        elif self.is_up or self.carried is not None:
            self.pinged, self.heard = True, False
            self.write(packets.PING)
            self.loop.later(PONG_WITHIN_S, self.visit)
        else:
            self.close(POLICY, "connected to nothing")

    def answered(self, told: bytes) -> None:
        """Tell the answer to what was asked, and go on with what was said meanwhile."""
        if told:
            self.write(told)
        self.is_busy = False
        if self.inbox:
            self._start(self.inbox.popleft())
            if not self.inbox:
                self.inbox = None

    def carry(self, carried: Carried, *unread: Message) -> None:
        """From now on python-socketio answers, beginning with `unread`."""
        self.carried = carried
        for message in unread:
            self._queue(message)

    def slowed(self) -> None:
        for name in self.rooms:
            self.engine.rooms[name].slowed(self)

    def caught_up(self) -> None:
        for name in self.rooms:
            self.engine.rooms[name].caught_up(self)

    def gone(self) -> None:
        self.engine.left(self)
        if self.carried is not None:
            self._queue(None)

    def drop(self) -> None:
        was_open = self.is_open
        super().drop()
        if was_open:
            self.engine.closed(self)

    def _read(self, text: str) -> None:
        kind = text[:1]
        if kind == "1":
            self.close(NORMAL)
        elif kind == "4":
            self._packet(text[1:])
        elif kind not in ("2", "5", "6"):
            self.close(POLICY, "not Engine.IO")

    def _packet(self, packet: str) -> None:
        kind, beyond = packet[:1], self.engine.beyond
        namespace = packets.namespace_of(packet)
        if not kind or kind not in "0123456":
            self.close(POLICY, "not Socket.IO")
        elif kind == "0" and beyond is not None and beyond.greets(namespace):
            self._let_carry(packet)
        elif namespace != "/":
            if kind == "0":
                self.write(packets.refused(namespace))
        elif kind == "0":
            self._connect()
        elif kind == "1":
            self.engine.left(self)
        elif self.is_up:
            self._heard(kind, packet)

    def _heard(self, kind: str, packet: str) -> None:
        beyond = self.engine.beyond
        if kind == "2":
            self._event(packet)
        elif beyond is not None and kind == "3":
            self.engine.errands.run(beyond.acknowledge, self.sid, packet)
        elif beyond is not None and ((kind == "5" and beyond.handles("")) or (kind == "6" and beyond.awaits(self.sid))):
            self._let_carry(packet)

    def _let_carry(self, packet: str) -> None:
        assert self.engine.beyond
        self.carry(self.engine.beyond.adopt(self), Message(TEXT, "4" + packet))

    def _connect(self) -> None:
        if not self.is_up:
            self.is_up = True
            self.write(packets.connected(self.sid))

    def _event(self, packet: str) -> None:
        try:
            event = packets.read_event(packet)
        except packets.Unreadable as error:
            self.close(POLICY, str(error))
            return
        if event.name in packets.OURS:
            self.close(POLICY, "not a client's to say")
        elif event.name in self.engine.errands.handlers:
            said = packet[1 + len(event.id) :]
            if self.is_busy or not self.engine.errands.repeat(self, event, said):
                self._queue((event, said))
        elif self.engine.beyond is not None and self.engine.beyond.handles(event.name):
            self._let_carry(packet)

    def _queue(self, one: Any) -> None:
        if self.is_busy:
            if self.inbox is None:
                self.inbox = deque()
            if len(self.inbox) < MOST_WAITING or one is None:
                self.inbox.append(one)
            else:
                self.close(POLICY, "too much at once")
        else:
            self._start(one)

    def _start(self, one: Any) -> None:
        self.is_busy = True
        errands, carried = self.engine.errands, self.carried
        if isinstance(one, Message) and carried is not None:
            errands.run(carried.receive, one, then=self._done)
        elif one is None and carried is not None:
            errands.run(carried.closed)
        elif not self.is_leaving:
            errands.ask(self, *one)

    def _done(self) -> None:
        self.answered(b"")
