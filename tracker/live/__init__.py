"""DOOR: live news over Socket.IO. Sockets hint and carry no writes; HTTP tells (CONTRACTS: Socket.IO)."""

from typing import Any

from flask import Flask
from flask_socketio import SocketIO

from tracker.live import handlers
from tracker.live.fanout import Fanout
from tracker.live.guard import Guard

MAX_MESSAGE_BYTES = 16 * 1024


def init_app(app: Flask) -> None:
    """Attach the stock driver, the guard before it, and the fan-out behind it."""
    socketio = SocketIO(
        app,
        async_mode="threading",
        cors_allowed_origins=_any_origin,
        cors_credentials=False,
        cookie=None,
        transports=["websocket"],  # a long poll opened with an Upgrade header would not count as a socket
        max_http_buffer_size=MAX_MESSAGE_BYTES,
        ping_interval=25,
        ping_timeout=20,
        manage_session=False,
        http_compression=False,
    )
    handlers.register(socketio)
    chosen = app.extensions["tracker_settings"]
    app.wsgi_app = Guard(app.wsgi_app, most=chosen.sockets, most_per_address=chosen.sockets_per_address)  # type: ignore[method-assign,assignment]
    app.extensions["tracker_fanout"] = Fanout(app, socketio)


def hear(app: Flask, topic: str, subject: Any) -> None:
    """Listen to commits: ring the rooms of this process and hint to the others."""
    fanout: Fanout = app.extensions["tracker_fanout"]
    fanout.hear(topic, subject)


def _any_origin(_origin: str, _environ: dict[str, Any] | None = None) -> bool:
    """Badges stand on any site, and a socket has no identity but the passes it brings; embeds check their own sites."""
    return True
