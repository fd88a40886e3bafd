"""Nameplate with one more route: emit an update of the peers' size to the viewers of a ticket."""

from flask import request
from flask_socketio import SocketIO

from tracker import viewer
from tracker.live.fanout import room
from wsgi import create_app

app = create_app()
socketio: SocketIO = app.extensions["socketio"]


@app.get("/bench/emit")
@viewer.admits("anyone")
def emit() -> str:
    update = {"seq": int(request.args["seq"]), "body": "x" * int(request.args.get("size", 600))}
    socketio.emit("event", update, to=room(request.args["ref"], "public", html=False))
    return "ok"
