"""Nameplate with what somebody may add to its Socket.IO server by the library's documented means; for tests only."""

import os
from typing import Any

from flask import jsonify, request
from flask_socketio import SocketIO, disconnect, emit, join_room, leave_room
from socketio import RedisManager

from tracker import viewer
from tracker.live.handlers import tidy
from wsgi import create_app

app = create_app()
socketio: SocketIO = app.extensions["socketio"]
seen: list[Any] = []
if os.environ.get("LIVE_QUEUE"):  # what SocketIO(message_queue=…) does
    socketio.server.manager = RedisManager(os.environ["LIVE_QUEUE"])
    socketio.server.manager.set_server(socketio.server)
    tidy(app, socketio.server.manager)
if os.environ.get("LIVE_ORIGINS"):
    socketio.server.eio.cors_allowed_origins = os.environ["LIVE_ORIGINS"]


@socketio.on("shout")
def shout(words: Any, more: Any = None) -> Any:
    seen.append(["shout", words, request.args.get("transport"), request.headers.get("User-Agent", "")])
    return words, more


@socketio.on("join")
def join(name: str) -> str:
    join_room(name)
    return "joined"


@socketio.on("part")
def part(name: str) -> str:
    leave_room(name)
    return "parted"


@socketio.on("say")
def say(name: str, words: Any) -> None:
    emit("said", words, to=name, include_self=False)


@socketio.on("bytes")
def swap(payload: bytes) -> bytes:
    emit("swapped", {"payload": payload[::-1]})
    return payload + b"!"


@socketio.on("quiz")
def quiz() -> Any:
    emit("question", "why?", callback=lambda *answer: seen.append(["answer", *answer]))
    return "asked"


@socketio.on("trick")
def trick() -> Any:
    emit("question", "why?", callback=lambda *_answer: 1 / 0)
    return "asked"


@socketio.on("break")
def break_down() -> None:
    raise ZeroDivisionError


@socketio.on("leave me")
def leave_me() -> None:
    disconnect()


@socketio.on("connect", namespace="/chat")
def greet(auth: Any) -> bool | None:
    seen.append(["hello", auth])
    return False if auth == {"name": "nobody"} else None


@socketio.on("disconnect", namespace="/chat")
def part_with(reason: str) -> None:
    seen.append(["bye", reason])


@socketio.on("message", namespace="/chat")
def chat(words: str) -> None:
    emit("message", words.upper(), broadcast=True)


if os.environ.get("LIVE_GREETS"):

    @socketio.on("connect")
    def greet_all(auth: Any) -> bool | None:
        seen.append(["main", auth])
        return False if auth == {"name": "nobody"} else None


if os.environ.get("LIVE_PARTS"):

    @socketio.on("disconnect")
    def part_with_all(_reason: str) -> None:
        seen.append(["parted"])


@app.get("/test/emit")
@viewer.admits("anyone")
def emit_from_http() -> Any:
    """Emit as any part of an application may."""
    given: dict[str, Any] = {"to": request.args.get("to"), "namespace": request.args.get("namespace", "/")}
    payload: Any = request.args["payload"].encode() if "bytes" in request.args else request.args["payload"]
    socketio.emit("said", payload, **given)
    return jsonify(True)


@app.get("/test/call")
@viewer.admits("anyone")
def call_from_http() -> Any:
    """Ask one client and wait for its answer."""
    return jsonify(socketio.call("question", "how?", to=request.args["to"], timeout=5))


@app.get("/test/watched")
@viewer.admits("anyone")
def show_watched() -> Any:
    return jsonify(app.extensions["tracker_fanout"].rooms.refs())


@app.get("/test/seen")
@viewer.admits("anyone")
def show_seen() -> Any:
    return jsonify(seen)
