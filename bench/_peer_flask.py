"""The peer: Flask-SocketIO as its documentation sets it up, on gevent or on threads."""

import os
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, join_room

app = Flask(__name__)
socketio = SocketIO(app, async_mode=os.environ["ASYNC_MODE"])


@socketio.on("watch")  # type: ignore[untyped-decorator]
def watch(wanted: dict[str, Any]) -> dict[str, Any]:
    join_room(wanted["ref"])
    return {"last": 0}


@app.get("/bench/emit")
def emit() -> str:
    body = "x" * int(request.args.get("size", 600))
    socketio.emit("event", {"seq": int(request.args["seq"]), "body": body}, to=request.args["ref"])
    return "ok"


@app.get("/")
def home() -> str:
    return "ok"
