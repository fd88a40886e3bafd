"""What a client may say over its socket: watch, unwatch, watch_list, watch_queue. Every join is authorised here."""

import time
from collections import deque
from functools import wraps
from typing import Any

from flask import current_app, request
from flask_socketio import SocketIO, disconnect, join_room, leave_room
from sqlalchemy.exc import DataError

from tracker import browse, embeds, viewer
from tracker.errors import Forbidden, Invalid, NotFound, TooSoon, TrackerError, Unauthorized
from tracker.live.fanout import Fanout, may_still, room
from tracker.live.rooms import Watch
from tracker.permissions import ANYONE

MOST_ROOMS = 20
MESSAGES_PER_S = 10
BACKLOG = 200
_heard: dict[str, deque[float]] = {}


def register(socketio: SocketIO) -> None:
    """Put the handlers on the default namespace."""
    socketio.on_event("watch", _answering(watch))
    socketio.on_event("unwatch", _answering(unwatch))
    socketio.on_event("watch_list", _answering(watch_list))
    socketio.on_event("watch_queue", _answering(watch_queue))
    socketio.on_event("disconnect", leave)


def watch(sid: str, said: dict[str, Any]) -> dict[str, Any]:
    """Join a ticket's room, then answer with what came after `after`: nothing can fall between."""
    html = said.get("html") is True
    ticket, audience, embed, granted = _admit(said)
    name = room(ticket.ref, audience, html=html)
    key = f"embed|{embed}" if embed else f"ticket|{ticket.ref}"
    _require_space(sid, key)
    join_room(name)
    one = Watch(key=key, rooms=(name,), ref=ticket.ref, audience=audience, html=html, embed=embed, granted=granted)
    _fanout().watch(sid, one, ticket)
    return browse.news(ticket, after=_number(said.get("after")), audience=audience, limit=BACKLOG, html=html)


def unwatch(sid: str, said: dict[str, Any]) -> dict[str, Any]:
    """Leave a ticket's or an embed's room."""
    key = f"embed|{said['embed']}" if said.get("embed") else f"ticket|{said.get('ref')}"
    one = _fanout().rooms.remove(sid, key)
    still = {name for other in _fanout().rooms.of(sid) for name in other.rooms}
    for name in one.rooms if one else ():
        if name not in still:
            leave_room(name)
    return {"ok": True}


def watch_list(sid: str, said: dict[str, Any]) -> dict[str, Any]:
    """Hear when public tickets change, of one desk or all; then the client asks again over HTTP."""
    desk = said.get("desk")
    name = f"list|{desk}" if isinstance(desk, str) and desk else "list"
    return _join(sid, Watch(key=name, rooms=(name,)))


def watch_queue(sid: str, said: dict[str, Any]) -> dict[str, Any]:
    """Hear when an agent's queue changes; needs a pass from the workspace."""
    granted = viewer.read_pass(str(said.get("pass", "")))
    if "queue" not in granted:
        raise Forbidden()
    if not may_still(granted):
        raise Unauthorized()
    name = f"queue|{granted['queue']}"
    return _join(sid, Watch(key=name, rooms=(name,), granted=granted))


def leave(*_reason: Any) -> None:
    """Forget a socket that has gone."""
    sid = _sid()
    _heard.pop(sid, None)
    _fanout().rooms.remove_all(sid)


def _admit(said: dict[str, Any]) -> tuple[Any, str, str | None, dict[str, Any] | None]:
    if isinstance(said.get("embed"), str):
        embed = embeds.shown(said["embed"])
        origin = request.headers.get("Origin")
        if embed is None or embed.ticket is None or not embeds.allows(embed, origin):
            raise NotFound()
        return embed.ticket, "public", embed.eid, None
    ref = said.get("ref")
    if not isinstance(ref, str):
        raise Invalid(fields={"ref": "Say which ticket."})
    if said.get("pass"):
        granted = viewer.read_pass(str(said["pass"]))
        if granted.get("ref") != ref:
            raise Forbidden()
        ticket, audience = browse.find(ref, viewer.behind_pass(granted))
        return ticket, audience, None, granted
    ticket, audience = browse.find(ref, ANYONE)
    return ticket, audience, None, None


def _join(sid: str, one: Watch) -> dict[str, Any]:
    _require_space(sid, one.key)
    join_room(one.rooms[0])
    _fanout().watch(sid, one, None)
    return {"ok": True}


def _require_space(sid: str, key: str) -> None:
    rooms = _fanout().rooms
    if not rooms.has(sid, key) and rooms.count(sid) >= MOST_ROOMS:
        raise TooSoon(f"One connection watches at most {MOST_ROOMS} things.")


def _answering(handler: Any) -> Any:
    @wraps(handler)
    def answer(said: Any = None) -> dict[str, Any]:
        sid = _sid()
        if _is_flood(sid):
            disconnect()
            return {"error": "too_soon"}
        try:
            found: dict[str, Any] = handler(sid, said if isinstance(said, dict) else {})
            return found
        except TrackerError as error:
            return {"error": error.code, "message": error.message}
        except (DataError, UnicodeEncodeError):  # a ref with NUL or half a character in it
            return {"error": Invalid.code, "message": Invalid.default}

    return answer


def _is_flood(sid: str) -> bool:
    heard, now = _heard.setdefault(sid, deque(maxlen=MESSAGES_PER_S + 1)), time.monotonic()
    heard.append(now)
    return len(heard) > MESSAGES_PER_S and now - heard[0] < 1


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]


def _fanout() -> Fanout:
    found: Fanout = current_app.extensions["tracker_fanout"]
    return found
