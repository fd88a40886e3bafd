"""DOOR: live news over Socket.IO. Sockets hint and carry no writes; HTTP tells (CONTRACTS: Socket.IO)."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_socketio import SocketIO

from tracker import limits
from tracker.live import handlers, versions
from tracker.live.engine import Engine
from tracker.live.fanout import Fanout
from tracker.live.frames import MAX_MESSAGE_BYTES
from tracker.live.guard import Guard
from tracker.live.lane import Lane
from tracker.live.refill import Refill
from tracker.live.sessions import PING_EVERY_S, PONG_WITHIN_S

if TYPE_CHECKING:
    from tracker.live.bridge import Bridge

STOCK_SOCKETS = 100
STOCK_SOCKETS_PER_ADDRESS = 60
"""The stock driver holds a thread for each: it never gets more than these."""
SPARE_DESCRIPTORS = 500
"""Descriptors that requests, the database and the log keep."""

network = lru_cache(maxsize=4096)(limits.network)


def init_app(app: Flask) -> None:
    """Attach the stock driver, the guard before it, and the fan-out behind it."""
    socketio = SocketIO(
        app,
        async_mode="threading",
        cors_allowed_origins=_any_origin,
        cors_credentials=False,
        cookie=None,
        max_http_buffer_size=MAX_MESSAGE_BYTES,
        ping_interval=PING_EVERY_S,
        ping_timeout=PONG_WITHIN_S,
        manage_session=False,
        http_compression=False,
    )
    handlers.register(app, socketio)
    chosen = app.extensions["tracker_settings"]
    most, per_address = min(chosen.sockets, STOCK_SOCKETS), min(chosen.sockets_per_address, STOCK_SOCKETS_PER_ADDRESS)
    guard = Guard(app.wsgi_app, most=most, most_per_address=per_address, role=chosen.role)
    guard.sessions = lambda: len(socketio.server.eio.sockets)
    app.wsgi_app = guard  # type: ignore[method-assign,assignment]
    app.extensions["tracker_guard"] = guard
    app.extensions["tracker_fanout"] = Fanout(app, socketio)


def take_over(app: Any, *, descriptors: int, alone: bool) -> Engine | None:
    """Give an application's live connections to an engine, in the process that serves; None when the stock must do.

    `descriptors` is how many this process may open, `alone` says that no other process shares its port.
    """
    if not isinstance(app, Flask) or "tracker_fanout" not in app.extensions:
        return None
    across = _bridge()
    if across is None:
        app.logger.warning("live: unknown versions of the Socket.IO libraries: the stock driver serves, a thread each")
        return None
    chosen = app.extensions["tracker_settings"]
    wanted = 0 if chosen.role == "api" else chosen.sockets
    most = max(0, min(wanted, descriptors - SPARE_DESCRIPTORS))
    if most < wanted:
        app.logger.warning("live: %s sockets at most: this process may open %s files", most, descriptors)
    engine = Engine(most=most, most_per_address=chosen.sockets_per_address)
    engine.beyond = between = across(app, engine)
    handlers.attend(app, engine)
    app.extensions["tracker_guard"].stand_before(engine, between.polling, alone=alone)
    app.extensions["tracker_engine"] = engine
    return engine


def open_lane(app: Flask, engine: Engine, **given: Any) -> Lane:
    """Make the lane that answers for an application's widgets in the engine's loop; `given` as Lane has it."""
    chosen, fanout = app.extensions["tracker_settings"], app.extensions["tracker_fanout"]
    made = Lane(
        engine.loop,
        Refill(app, chosen.public_url),
        most_per_network=chosen.sockets_per_address,
        **given,
    )
    app.extensions["tracker_lane"] = made
    fanout.listeners.append(made.shelf.hear)
    fanout.start()
    return made


def serve_by_threads(app: Flask, threads: int) -> None:
    """Let the stock driver serve, in a process with so many threads."""
    app.extensions["tracker_guard"].serve_by_threads(threads)


def sockets(app: Flask) -> int:
    """Return how many sockets are open in this process, polling clients included."""
    engine = app.extensions.get("tracker_engine")
    return (engine.open if engine else 0) + int(app.extensions["tracker_guard"].sessions())


def proxies(app: Flask) -> int:
    """Return how many proxies stand in front."""
    return int(app.extensions["tracker_settings"].proxies)


def hear(app: Flask, topic: str, subject: Any) -> None:
    """Listen to commits: ring the rooms of this process and hint to the others."""
    fanout: Fanout = app.extensions["tracker_fanout"]
    fanout.hear(topic, subject)


def close(app: Flask) -> None:
    """End the threads an application has for live news; nobody hears anything from it afterwards."""
    fanout: Fanout = app.extensions["tracker_fanout"]
    fanout.stop()
    for name in ("tracker_lane", "tracker_engine"):
        part: Lane | Engine | None = app.extensions.pop(name, None)
        if part is not None:
            part.close()


def _bridge() -> "type[Bridge] | None":
    """Return what joins the engine to the libraries; None where their insides are not those it knows."""
    if not versions.fit(versions.KNOWN):
        return None
    try:
        from tracker.live.bridge import Bridge
    except (ImportError, AttributeError):  # a part that was renamed under a version we know
        return None
    return Bridge


def _any_origin(_origin: str, _environ: dict[str, Any] | None = None) -> bool:
    """Badges stand on any site, and a socket has no identity but the passes it brings; embeds check their own sites."""
    return True
