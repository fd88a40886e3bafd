"""The one place that touches the insides of python-engineio and python-socketio: what a light session can't answer.

Other namespaces, custom handlers, long polling and its upgrade run through the libraries, on the engine's sockets.
"""

import logging
import socket
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from engineio.exceptions import UnknownPacketError
from engineio.packet import CLOSE, NOOP, Packet
from engineio.socket import Socket
from flask import Flask
from werkzeug.test import EnvironBuilder

from tracker.live import books, handshake
from tracker.live.engine import Engine
from tracker.live.frames import BINARY, NORMAL, POLICY, TEXT, Message, encode
from tracker.live.packets import OURS
from tracker.live.sessions import Session

log = logging.getLogger(__name__)
MAIN = books.MAIN


class EngineSocket(Socket):  # type: ignore[misc]
    """python-engineio's socket, once the engine carries its bytes: no thread reads, writes or pings for it."""

    carriage: "Carriage"
    closed: bool
    closing: bool

    def send(self, pkt: Any) -> None:
        self.carriage.tell(pkt)

    def schedule_ping(self) -> None:
        """The engine pings."""

    def check_ping_timeout(self) -> bool:
        return True

    def close(self, wait: bool = True, abort: bool = False, reason: Any = None) -> None:
        if self.closed or self.closing:
            return
        self.closing = True
        why = reason or self.server.reason.SERVER_DISCONNECT
        self.server._trigger_event("disconnect", self.sid, why, run_async=False)
        if not abort:
            self.send(Packet(CLOSE))
        self.closed = True
        self.server.sockets.pop(self.sid, None)
        self.carriage.end()


class Carriage:
    """One socket of the engine under one session of python-engineio."""

    def __init__(self, engine: Engine, session: Session, own: Any, *, step: str = "open") -> None:
        self.engine, self.session, self.own, self.step = engine, session, own, step

    def receive(self, message: Message) -> None:
        """Take a message on a thread; an upgrade begins with a probe and its confirmation."""
        if self.step == "open":
            self._pass_on(message)
        elif self.step == "probe" and message == (TEXT, "2probe"):
            self.step, self.own.upgrading = "confirm", True
            self.engine.loop.post(self.session.write, encode(b"3probe"))
            self.own.queue.put(Packet(NOOP))  # ends the poll that waits
        elif self.step == "confirm" and message == (TEXT, "5"):
            self.step = "open"
            self.own.upgraded, self.own.upgrading = True, False
            self.engine.loop.post(self.board)
        else:
            self.own.upgrading = False
            self.end()

    def closed(self) -> None:
        if self.step == "open":
            self.own.close(wait=False, abort=True, reason=self.own.server.reason.TRANSPORT_CLOSE)
        else:
            self.own.upgrading = False

    def board(self) -> None:
        """On the loop: carry the session from now on, beginning with what waited for a poll."""
        self.own.__class__, self.own.carriage = EngineSocket, self
        self.flush()
        self.engine.loop.later(1, self.flush)  # for a goodbye that had begun before

    def flush(self) -> None:
        empty = self.own.server.get_queue_empty_exception()
        while True:
            try:
                waiting = self.own.queue.get(block=False)
            except empty:
                return
            if waiting is not None and waiting.packet_type != NOOP:
                self.tell(waiting)

    def tell(self, pkt: Any) -> None:
        said = pkt.encode()
        told = encode(said.encode()) if isinstance(said, str) else encode(bytes(said), BINARY)
        self.engine.loop.post(self.session.write, told)

    def end(self, code: int = NORMAL, reason: str = "") -> None:
        self.engine.loop.post(self.session.close, code, reason)

    def _pass_on(self, message: Message) -> None:
        try:
            self.own.receive(Packet(encoded_packet=message.payload))
        except UnknownPacketError:
            pass
        except Exception:  # as the stock driver: what can't be received ends the connection
            log.info("live: an unreadable packet", exc_info=True)
            self.own.close(wait=False, abort=True)


class Bridge:
    """Between the engine and the Socket.IO server of an application."""

    def __init__(self, app: Flask, engine: Engine) -> None:
        self.app, self.engine = app, engine
        self.server = app.extensions["socketio"].server
        self.eio = self.server.eio
        self.manager = books.keep_for(self.server, engine)
        self._hear, self.server._handle_event = self.server._handle_event, self._heard
        self.server._send_packet = self.manager.say
        self.eio._async = {**self.eio._async, "websocket": self._driver}
        if not self.server.manager_initialized:  # light sessions never reach what would do it
            self.server.manager_initialized = True
            self.manager.initialize()

    def greets(self, namespace: str) -> bool:
        found = self.server
        if namespace == MAIN:
            return bool(found.handlers.get(MAIN, {}).keys() & set(OURS)) or MAIN in found.namespace_handlers
        known = (found.handlers, found.namespace_handlers, found.namespaces)
        return found.namespaces == "*" or any(namespace in one or "*" in one for one in known)

    def handles(self, name: str) -> bool:
        found = self.server.handlers
        if not name:
            others = len(found) > (MAIN in found) or self.server.namespace_handlers.keys() - {MAIN}
            return bool(others or found.get(MAIN, {}).keys() - self._light)
        return self.server._get_event_handler(name, MAIN, ())[0] is not None

    @cached_property
    def _light(self) -> frozenset[str]:
        return frozenset(self.engine.errands.handlers)

    def admits(self, origin: str) -> bool:
        allowed = self.eio._cors_allowed_origins({"HTTP_ORIGIN": origin}) if origin else None
        return not origin or self.eio.cors_allowed_origins == [] or allowed is None or origin in allowed

    def awaits(self, sid: str) -> bool:
        return sid in self.manager.callbacks

    def acknowledge(self, sid: str, packet: str) -> None:
        try:
            answer = self.server.packet_class(encoded_packet=packet)
        except (ValueError, RecursionError):
            return
        if answer.id and answer.id in self.manager.callbacks.get(sid, ()) and isinstance(answer.data or [], list):
            self.manager.trigger_callback(sid, answer.id, answer.data or [])

    def enter(self, sid: str, name: str) -> None:
        if self.manager.is_connected(sid, MAIN):
            self.manager.basic_enter_room(sid, MAIN, name)

    def adopt(self, session: Session) -> Carriage:
        """On the loop: enter a light session in the libraries' books, with the rooms it is in."""
        own = EngineSocket(self.eio, session.sid)
        own.connected = own.upgraded = True
        own.last_ping = None
        carriage = own.carriage = Carriage(self.engine, session, own)
        self.eio.sockets[session.sid] = own
        self.server._handle_eio_connect(session.sid, self._environ(session))
        if session.is_up:
            for name in (None, session.sid, *session.rooms):
                self.manager.basic_enter_room(session.sid, MAIN, name, eio_sid=session.sid)
        self.engine.release(session)
        return carriage

    def polling(self) -> int:
        """Return how many sessions have no socket of the engine."""
        return sum(not isinstance(own, EngineSocket) for own in list(self.eio.sockets.values()))

    def drain(self) -> None:
        for own in list(self.eio.sockets.values()):
            if not isinstance(own, EngineSocket):
                own.close(wait=False)

    def _heard(self, eio_sid: str, namespace: str | None, id: int | None, given: Any) -> None:
        """Take an event of whoever python-socketio carries, but none that is ours to raise."""
        own = self.eio.sockets.get(eio_sid)
        if given[0] not in OURS:
            self._hear(eio_sid, namespace, id, given)
        elif isinstance(own, EngineSocket):
            own.carriage.end(POLICY, "not a client's to say")
        elif own is not None:
            own.close(wait=False)

    def _environ(self, session: Session) -> dict[str, Any]:
        address, head = session.asked or ("", b"")
        lines = head.decode("latin-1").split("\r\n")
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if ":" in line]
        query = lines[0].split("?", 1)[1].split(" ", 1)[0] if "?" in lines[0] else ""
        builder = EnvironBuilder(path="/socket.io/", query_string=query, headers=headers)  # type: ignore[arg-type]
        if session.origin:
            builder.headers["Origin"] = session.origin
        environ = builder.get_environ()
        return environ | {"REMOTE_ADDR": address, "flask.app": self.app}

    def _driver(self, handler: Any, _server: Any) -> "Driver":
        return Driver(self.engine, handler.__self__)


class Driver:
    """What python-engineio calls to speak WebSocket: takes the connection away from its thread, for the engine."""

    def __init__(self, engine: Engine, own: Any) -> None:
        self.engine, self.own = engine, own

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "").strip().encode("latin-1")
        if not handshake.is_key(key) or environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
            start("400 Bad Request", [("Content-Length", "0"), ("Sec-WebSocket-Version", "13")])
            return []
        taken = socket.socket(fileno=environ["gunicorn.socket"].detach())
        network, origin = environ.get("tracker.network", ""), environ.get("HTTP_ORIGIN", "")
        self.engine.loop.post(self._begin, taken, network, origin, handshake.accepted(key))
        raise StopIteration  # gunicorn: this connection is no longer yours

    def _begin(self, taken: socket.socket, network: str, origin: str, first: bytes) -> None:
        taken.setblocking(False)
        self.engine.welcome(taken, network=network, origin=origin, first=first, carry=self._carry)

    def _carry(self, session: Session) -> Carriage:
        if self.own.connected:
            return Carriage(self.engine, session, self.own, step="probe")
        self.own.connected = self.own.upgraded = True
        self.own.last_ping = None
        carriage = Carriage(self.engine, session, self.own)
        carriage.board()
        return carriage
