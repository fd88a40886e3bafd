"""The live engine: one loop, its sessions and rooms, who may come in, and how all leave in good order."""

import base64
import logging
import os
import random
import socket
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from tracker.live import handshake, packets
from tracker.live.errands import Errands
from tracker.live.frames import GOING_AWAY
from tracker.live.loop import Loop
from tracker.live.peers import KERNEL_HOLDS_BYTES
from tracker.live.ready import Room
from tracker.live.sessions import PING_EVERY_S, Carried, Session

log = logging.getLogger(__name__)
RETURNS_PER_S = 500
"""How fast viewers are asked to come back after a drain, elsewhere or here."""
RETURN_WITHIN_S = (1.0, 15.0)


class Beyond(Protocol):
    """Stands between light sessions and python-socketio; without it the engine speaks its own events only."""

    def greets(self, namespace: str) -> bool:
        """True when python-socketio must answer a hello to this namespace."""

    def handles(self, name: str) -> bool:
        """True when python-socketio has a handler for this event of the default namespace; "": for any."""

    def awaits(self, sid: str) -> bool:
        """True when a client was sent an event that it may answer."""

    def acknowledge(self, sid: str, packet: str) -> None:
        """Take a client's answer to an event it was sent; runs on a thread."""

    def drain(self) -> None:
        """End what is carried without a socket; runs on a thread."""

    def adopt(self, session: Session) -> Carried:
        """Make a light session one of python-socketio's."""

    def enter(self, sid: str, name: str) -> None:
        """Let a session that was adopted meanwhile into a room."""

    def admits(self, origin: str) -> bool:
        """True when a page of this origin may connect."""


class Engine:
    """Everything here runs on the loop's thread but what says that any thread may call it."""

    def __init__(self, *, most: int, most_per_address: int) -> None:
        self.most, self.most_per_address = most, most_per_address
        self.loop = Loop()
        self.errands = Errands(self.loop)
        self.sessions: dict[str, Session] = {}
        self.rooms: dict[str, Room] = {}
        self.open = 0
        self.is_draining = False
        self.beyond: Beyond | None = None
        self.forget: Callable[[str], None] = lambda _sid: None
        self._addresses: Counter[str] = Counter()
        self._names: list[str] = []

    def admits(self, network: str) -> bool:
        """True while there is room for one more socket, here and from this address."""
        is_free = self.open < self.most and self._addresses[network] < self.most_per_address
        return is_free and not self.is_draining

    def welcome(
        self,
        sock: socket.socket,
        *,
        network: str,
        origin: str,
        first: bytes,
        said: tuple[str, bytes] | None = None,
        carry: Callable[[Session], Carried] | None = None,
    ) -> Session:
        """Begin a session on a connected socket that nobody else holds and that never blocks; `first` opens it.

        `said` is the client's address and its request, for handlers that want to see them. What python-socketio
        carries from the start says its own open packet.
        """
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_HOLDS_BYTES)
        session = Session(self, sock, self._name(), network=network, origin=origin)
        session.asked = said
        self.open += 1
        self._addresses[network] += 1
        self.sessions[session.sid] = session
        self.loop.watch(session.fd, session)
        if carry is None:
            session.write(first + session.opening())
        else:
            session.write(first)
            session.carried = carry(session)
        self.loop.later(random.uniform(5, PING_EVERY_S), session.visit)
        return session

    def enter(self, sid: str, name: str) -> None:
        """Let a session into a room; any thread may call: what is told after this call reaches it."""
        session = self.sessions.get(sid)
        stay = session.stay if session is not None else 0
        if session is not None and session.is_up:
            self.loop.post(self._enter, session, stay, name)

    def leave(self, sid: str, name: str) -> None:
        """Take a session out of a room; any thread may call."""
        self.loop.post(self._leave, sid, name)

    def tell(self, name: str, told: bytes) -> None:
        """Send frames to everybody in a room; any thread may call."""
        self.loop.post(self.tell_now, name, told)

    def expel(self, sid: str) -> None:
        """End one session; any thread may call."""
        self.loop.post(self._expel, sid)

    def has(self, sid: str) -> bool:
        """True while a session is connected; any thread may ask."""
        session = self.sessions.get(sid)
        return session is not None and session.is_up and session.carried is None

    def drain(self) -> None:
        """Ask everybody to come back, spread over time, and close."""
        self.is_draining = True
        shortest, longest = RETURN_WITHIN_S
        spread = min(longest, max(shortest, self.open / RETURNS_PER_S))
        for session in list(self.sessions.values()):
            session.write(packets.event("retry", {"ms": random.randrange(int(spread * 1000))}))
            session.close(GOING_AWAY, "restarting")
        if self.beyond is not None:
            self.errands.run(self.beyond.drain)

    def close_room(self, name: str) -> None:
        """Take everybody out of a room; any thread may call."""
        self.loop.post(self._close_room, name)

    def release(self, session: Session) -> None:
        """Take a session out of every room here: python-socketio tells it from now on."""
        for name in session.rooms:
            self._out(session, name)
        session.rooms = ()

    def close(self) -> None:
        """End at once."""
        self.errands.close()
        self.loop.close()

    def left(self, session: Session) -> None:
        """Forget what a session watched; it may still be connected."""
        self.release(session)
        session.is_up = False
        session.stay += 1
        if session.is_leaving:
            self.sessions.pop(session.sid, None)
        if session.carried is None:
            self.forget(session.sid)

    def closed(self, session: Session) -> None:
        """Count a socket out."""
        self.open -= 1
        self._addresses[session.network] -= 1
        if not self._addresses[session.network]:
            del self._addresses[session.network]

    def _name(self) -> str:
        """Return a fresh unguessable id; entropy is fetched for many at once."""
        if not self._names:
            coded = base64.urlsafe_b64encode(os.urandom(15 * 64)).decode()
            self._names = [coded[at : at + 20] for at in range(0, len(coded), 20)]
        return self._names.pop()

    def _enter(self, session: Session, stay: int, name: str) -> None:
        if session.stay != stay or name in session.rooms:  # it may have parted meanwhile, and come again
            return
        if session.carried is not None and self.beyond is not None:
            self.beyond.enter(session.sid, name)
            return
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = Room()
        room.add(session)
        session.rooms = (*session.rooms, name)

    def _leave(self, sid: str, name: str) -> None:
        session = self.sessions.get(sid)
        if session is not None and name in session.rooms:
            self._out(session, name)
            session.rooms = tuple(one for one in session.rooms if one != name)

    def _out(self, session: Session, name: str) -> None:
        room = self.rooms[name]
        room.remove(session)
        if not len(room):
            del self.rooms[name]

    def _close_room(self, name: str) -> None:
        room = self.rooms.get(name)
        for peer in room.peers() if room is not None else ():
            if isinstance(peer, Session):
                self._leave(peer.sid, name)

    def tell_now(self, name: str, told: bytes) -> None:
        """Send frames to everybody in a room."""
        room = self.rooms.get(name)
        if room is not None:
            room.tell(told)

    def tell_one_now(self, sid: str, told: bytes) -> None:
        """Send frames to one session."""
        session = self.sessions.get(sid)
        if session is not None:
            session.write(told)

    def _expel(self, sid: str) -> None:
        session = self.sessions.get(sid)
        if session is not None:
            session.write(packets.DISCONNECTED)
            session.close()


def refuse(sock: socket.socket, answer: bytes = handshake.FULL) -> None:
    """Answer a handshake with no, in one go; what does not fit is lost."""
    try:
        sock.send(answer)
    except OSError:
        pass
