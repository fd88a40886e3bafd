"""python-socketio's client manager, with the engine's sessions in its books: emit, rooms and acks reach both kinds."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from engineio import packet as carrier
from socketio import packet
from socketio.manager import Manager

from tracker.live.engine import Engine
from tracker.live.frames import BINARY, encode

MAIN = "/"


class EngineManager(Manager):  # type: ignore[misc]
    """Knows who is a light session (default namespace only) and leaves everybody else to its base.

    Stands below RedisManager and its kin in their order of inheritance, so that what they take from other processes
    arrives here like what this process emits.
    """

    engine: Engine

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Any = None,
        to: Any = None,
        **_more: Any,
    ) -> None:
        """Encode once; light sessions get frames, the others packets. In the order emitted, also after a join."""
        rooms, said = to or room, [event, *_arguments(data)]
        skip = frozenset(skip_sid if isinstance(skip_sid, list) else [skip_sid] if skip_sid else ())
        if callback:
            self.engine.loop.post(self._ask, namespace or MAIN, said, rooms, skip, callback)
        else:
            pieces = _pieces(self.server.packet_class(packet.EVENT, namespace=namespace or MAIN, data=said))
            carried = self._carried(namespace or MAIN, rooms)  # some may be about to part
            self.engine.loop.post(self._tell, namespace or MAIN, pieces, rooms, skip, carried)

    def say(self, eio_sid: str, one: packet.Packet) -> None:
        """Send a packet to whom python-socketio carries; any thread may call.

        Only the loop's thread speaks to them: a client that hears another packet between one and its bytes hangs up.
        """
        self.engine.loop.post(self._say, eio_sid, _packets(_pieces(one)))

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        yield from super().get_participants(namespace, room)
        if namespace == MAIN:
            yield from ((sid, sid) for sid in self._light(room))

    def is_connected(self, sid: str, namespace: str) -> bool:
        return (namespace == MAIN and self.engine.has(sid)) or bool(super().is_connected(sid, namespace))

    def can_disconnect(self, sid: str, namespace: str) -> bool:
        if namespace == MAIN and self.engine.has(sid):
            self.engine.expel(sid)
            return False
        return bool(super().can_disconnect(sid, namespace))

    def pre_disconnect(self, sid: str, namespace: str) -> Any:
        if namespace == MAIN and self.engine.has(sid):
            self.engine.expel(sid)
            return None
        return super().pre_disconnect(sid, namespace)

    def enter_room(self, sid: str, namespace: str, room: Any, eio_sid: Any = None) -> None:
        if namespace == MAIN and self.engine.has(sid):
            self.engine.enter(sid, room)
        else:
            super().enter_room(sid, namespace, room, eio_sid=eio_sid)

    def leave_room(self, sid: str, namespace: str, room: Any) -> None:
        if namespace == MAIN and self.engine.has(sid):
            self.engine.leave(sid, room)
        else:
            super().leave_room(sid, namespace, room)

    def close_room(self, room: Any, namespace: str) -> None:
        if namespace == MAIN:
            self.engine.close_room(room)
        super().close_room(room, namespace)

    def get_rooms(self, sid: str, namespace: str) -> list[Any]:
        session = self.engine.sessions.get(sid)
        if namespace == MAIN and session is not None and session.carried is None:
            return [sid, *session.rooms]
        return list(super().get_rooms(sid, namespace))

    def _light(self, rooms: Any) -> list[str]:
        """Return the light sessions of rooms, or of everybody; a session id is a room of one."""
        if rooms is None:
            return [sid for sid in list(self.engine.sessions) if self.engine.has(sid)]
        found: dict[str, None] = {}
        for name in _names(rooms):
            if self.engine.has(name):
                found[name] = None
            room = self.engine.rooms.get(name)
            found.update(dict.fromkeys(peer.sid for peer in room.peers()) if room is not None else {})  # type: ignore[attr-defined]
        return list(found)

    def _carried(self, namespace: str, rooms: Any) -> dict[str, str]:
        """Return those of rooms whom python-socketio carries, with the connection of each; any thread may ask."""
        found: dict[str, str] = {}
        for name in _names(rooms):
            with suppress(KeyError):  # the last one left as we looked
                found.update(super().get_participants(namespace, name))
        return found

    def _tell(
        self, namespace: str, pieces: list[str | bytes], rooms: Any, skip: frozenset[str], carried: dict[str, str]
    ) -> None:
        """On the loop's thread."""
        if namespace == MAIN:
            told = b"".join(_frame(piece) for piece in pieces)
            if isinstance(rooms, str) and not skip and rooms not in self.engine.sessions:
                self.engine.tell_now(rooms, told)
            else:
                for sid in self._light(rooms):
                    if sid not in skip:
                        self.engine.tell_one_now(sid, told)
        packets = _packets(pieces)
        for sid, eio_sid in (carried | self._carried(namespace, rooms)).items():
            if sid not in skip:
                self._say(eio_sid, packets)

    def _ask(self, namespace: str, said: list[Any], rooms: Any, skip: frozenset[str], callback: Any) -> None:
        """On the loop's thread: each gets an event of its own, with a number to answer under."""
        for sid, eio_sid in list(self.get_participants(namespace, rooms)):
            if sid in skip:
                continue
            number = self._generate_ack_id(sid, callback)
            asked = self.server.packet_class(packet.EVENT, namespace=namespace, data=said, id=number)
            if namespace == MAIN and self.engine.has(sid):
                self.engine.tell_one_now(sid, b"".join(_frame(piece) for piece in _pieces(asked)))
            else:
                self._say(eio_sid, _packets(_pieces(asked)))

    def _say(self, eio_sid: str, packets: list[carrier.Packet]) -> None:
        for one in packets:
            self.server._send_eio_packet(eio_sid, one)


def keep_for(server: Any, engine: Engine) -> EngineManager:
    """Let a server's manager keep the engine's books too, whatever kind of manager it is."""
    kind = type(server.manager)
    bases = (EngineManager,) if kind is Manager else (kind, EngineManager)
    server.manager.__class__ = type("EngineManager", bases, {})
    server.manager.engine = engine
    manager: EngineManager = server.manager
    return manager


def _names(rooms: Any) -> Iterable[Any]:
    return [rooms] if isinstance(rooms, str) or not isinstance(rooms, Iterable) else rooms


def _arguments(data: Any) -> list[Any]:
    if isinstance(data, tuple):
        return list(data)
    return [] if data is None else [data]


def _pieces(one: Any) -> list[str | bytes]:
    encoded = one.encode()
    return encoded if isinstance(encoded, list) else [encoded]


def _packets(pieces: list[str | bytes]) -> list[carrier.Packet]:
    return [carrier.Packet(carrier.MESSAGE, piece) for piece in pieces]


def _frame(piece: str | bytes) -> bytes:
    return encode(b"4" + piece.encode()) if isinstance(piece, str) else encode(bytes(piece), BINARY)
