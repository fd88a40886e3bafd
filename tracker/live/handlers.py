"""What a client may say over its socket: watch, unwatch, watch_list, watch_queue. Every join is authorised here."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

from flask import Flask, current_app, request
from flask_socketio import SocketIO, disconnect
from sqlalchemy.exc import DataError

from tracker import browse, embeds, viewer
from tracker.errors import Forbidden, Invalid, NotFound, TrackerError, Unauthorized
from tracker.live.engine import Engine
from tracker.live.errands import Group, Handler
from tracker.live.fanout import WALL_SHOWS, Fanout, Pulse, room, wall_room
from tracker.live.rights import may_still
from tracker.live.rooms import Watch
from tracker.live.sessions import MESSAGES_PER_S
from tracker.models import Embed
from tracker.permissions import ANYONE

MOST_ROOMS = 20
BACKLOG = 100
BACKLOG_BYTES = 64 * 1024
"""What one answer brings along; the rest is asked for over HTTP."""
MOST_NAME = 80
"""Characters of a desk's name a client may have us keep."""
_heard: dict[str, deque[float]] = {}


def register(app: Flask, socketio: SocketIO) -> None:
    """Put the handlers on the default namespace of the stock driver."""
    for name, handler in HANDLERS.items():
        socketio.on_event(name, _for_one(name, handler))
    tidy(app, socketio.server.manager)


def tidy(app: Flask, manager: Any) -> None:
    """Let a manager of Socket.IO forget what a socket watched when it parts, whatever handlers an application adds."""
    part = manager.disconnect

    @wraps(part)
    def part_and_forget(sid: str, namespace: str | None = None, **given: Any) -> Any:
        found = part(sid, namespace, **given)
        if not manager.is_connected(sid, "/"):
            _heard.pop(sid, None)
            app.extensions["tracker_fanout"].rooms.remove_all(sid)
        return found

    manager.disconnect = part_and_forget


def attend(app: Flask, engine: Engine) -> None:
    """Let the engine's light sessions be answered by the same handlers, many at once."""
    fanout: Fanout = app.extensions["tracker_fanout"]
    callbacks: dict[str, Any] = fanout.socketio.server.manager.callbacks

    def forget(sid: str) -> None:
        callbacks.pop(sid, None)
        fanout.rooms.remove_all(sid)

    engine.forget = forget
    for name, handler in HANDLERS.items():
        engine.errands.handlers[name] = _within(app, _answering(handler))


def watch(group: Group) -> dict[str, Any]:
    """Join a ticket's room, then answer with what came after `after`: nothing can fall between."""
    said, mark = _said(group), _fanout().mark
    html = said.get("html") is True
    ticket, audience, embed, granted = _admit(said, group.origin)
    key = f"embed|{embed}" if embed else f"ticket|{ticket.ref}"
    rooms = (room(ticket.ref, audience, html=html),)
    one = Watch(
        key, rooms, ref=ticket.ref, audience=audience, html=html, embed=embed, origin=group.origin, granted=granted
    )
    _join(group, one, ticket.last_seq)
    with _or_leave(group, key):
        ticket, still, *_ = _admit(said, group.origin)
        if still != audience:  # signed out meanwhile, of a ticket that the public may read too
            raise Unauthorized()
    found = browse.news(ticket, after=_number(said.get("after")), audience=audience, limit=BACKLOG, html=html)
    if granted is None:
        group.repeat = partial(_join_again, _fanout(), mark, one, ticket.last_seq)
    return _brief(found)


def unwatch(group: Group) -> dict[str, Any]:
    """Leave a ticket's or an embed's room."""
    said = _said(group)
    _leave(group.sids, f"embed|{said['embed']}" if said.get("embed") else f"ticket|{said.get('ref')}")
    return {"ok": True}


def watch_list(group: Group) -> dict[str, Any]:
    """Hear when public tickets change, of one desk, of a wall or all; then the client asks again over HTTP."""
    said = _said(group)
    if isinstance(said.get("embed"), str):
        return _watch_wall(group, said["embed"])
    desk = said.get("desk")
    name = f"list|{desk[:MOST_NAME]}" if isinstance(desk, str) and desk else "list"
    _join(group, Watch(key=name, rooms=(name,)))
    return {"ok": True}


def _watch_wall(group: Group, eid: str) -> dict[str, Any]:
    embed = _admitted(eid, group.origin)
    if not embed.is_wall:
        raise NotFound()
    pulse = embeds.pulse(embed.eid, WALL_SHOWS)
    key, rooms = f"embed|{embed.eid}", (wall_room(embed.eid),)
    _join(group, Watch(key=key, rooms=rooms, embed=embed.eid, origin=group.origin), pulse=pulse)
    with _or_leave(group, key):
        _admitted(eid, group.origin)
    return {"ok": True}


def watch_queue(group: Group) -> dict[str, Any]:
    """Hear when an agent's queue changes; needs a pass from the workspace."""
    granted = viewer.read_pass(str(_said(group).get("pass", "")))
    if "queue" not in granted:
        raise Forbidden()
    _require(granted)
    name = f"queue|{granted['queue']}"
    _join(group, Watch(key=name, rooms=(name,), granted=granted))
    with _or_leave(group, name):
        _require(granted)
    return {"ok": True}


HANDLERS: dict[str, Handler] = {
    "watch": watch,
    "unwatch": unwatch,
    "watch_list": watch_list,
    "watch_queue": watch_queue,
}


def _admit(said: dict[str, Any], origin: str) -> tuple[Any, str, str | None, dict[str, Any] | None]:
    if isinstance(said.get("embed"), str):
        embed = _admitted(said["embed"], origin)
        if embed.only_ticket is None:
            raise NotFound()
        return embed.only_ticket, "public", embed.eid, None
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


def _admitted(eid: str, origin: str) -> Embed:
    """Return an embed that a page of this Origin may show."""
    embed = embeds.shown(eid)
    if embed is None or not embeds.allows(embed, origin or None):
        raise NotFound()
    return embed


def _require(granted: Mapping[str, Any]) -> None:
    if not may_still(granted):
        raise Unauthorized()


@contextmanager
def _or_leave(group: Group, key: str) -> Iterator[None]:
    """Ask again, after a join, whether they may: whoever took it from them before it has told nobody of us."""
    try:
        yield
    except TrackerError:
        _leave(group.sids, key)
        raise


def _join(group: Group, one: Watch, last: int | None = None, pulse: Pulse | None = None) -> None:
    fanout = _fanout()
    for sid in group.sids:
        if not fanout.rooms.has(sid, one.key) and fanout.rooms.count(sid) >= MOST_ROOMS:
            group.refuse(sid, {"error": "too_soon", "message": f"One connection watches at most {MOST_ROOMS} things."})
        else:
            fanout.watch(sid, one, last, pulse)


def _join_again(fanout: Fanout, mark: object, one: Watch, last: int, sid: str) -> bool:
    return fanout.rooms.count(sid) < MOST_ROOMS and fanout.watch_since(mark, sid, one, last)


def _leave(sids: list[str], key: str) -> None:
    for sid in sids:
        _fanout().unwatch(sid, key)


def _brief(found: dict[str, Any]) -> dict[str, Any]:
    """Keep as many events as fit into one answer; `more` says when some are left."""
    size = 0
    for number, event in enumerate(found["events"]):
        size += len(json.dumps(event))
        if size > BACKLOG_BYTES and number:
            kept = found["events"][:number]
            return found | {"events": kept, "last": kept[-1]["seq"], "more": True}
    return found


def _answering(handler: Handler) -> Handler:
    @wraps(handler)
    def answer(group: Group) -> Any:
        try:
            return handler(group)
        except TrackerError as error:
            return {"error": error.code, "message": error.message}
        except (DataError, UnicodeEncodeError):  # a ref with NUL or half a character in it
            return {"error": Invalid.code, "message": Invalid.default}

    return answer


def _for_one(name: str, handler: Handler) -> Callable[..., Any]:
    answering = _answering(handler)

    def answer(said: Any = None) -> Any:
        sid = str(request.sid)  # type: ignore[attr-defined]
        if _is_flood(sid):
            disconnect()
            return {"error": "too_soon"}
        group = Group(name, [said], request.headers.get("Origin", ""))
        group.sids.append(sid)
        common = answering(group)
        return group.apart.get(sid, common)

    return answer


def _within(app: Flask, handler: Handler) -> Handler:
    @wraps(handler)
    def answer(group: Group) -> Any:
        with app.app_context():
            return handler(group)

    return answer


def _is_flood(sid: str) -> bool:
    heard, now = _heard.setdefault(sid, deque(maxlen=MESSAGES_PER_S + 1)), time.monotonic()
    heard.append(now)
    return len(heard) > MESSAGES_PER_S and now - heard[0] < 1


def _said(group: Group) -> dict[str, Any]:
    said = group.given[0] if group.given else None
    return said if isinstance(said, dict) else {}


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def _fanout() -> Fanout:
    found: Fanout = current_app.extensions["tracker_fanout"]
    return found
