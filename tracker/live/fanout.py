"""The fan-out: one thread that reads what is new once per audience and sends it to the rooms, in order, once."""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from flask import Flask
from flask_socketio import SocketIO
from sqlalchemy import select

from tracker import badges, browse, drafts, embeds, store
from tracker.live import rights
from tracker.live.hints import Hints
from tracker.live.rooms import Rooms, Watch
from tracker.live.unheard import Unheard
from tracker.models import Event, Ticket

TAIL_S = 1.0
"""How often the watched tickets are compared with the database: Redis and bells are only hints."""
ENDS_WITHIN_S = 5.0
BATCH = 100
MILLISECOND = timedelta(milliseconds=1)
WALLS_AT_ONCE = 50
"""Walls that one round of the tail compares; the others have their turn in the next."""
REVIEWS_AT_ONCE = 25
"""Passes and embeds that one round of the tail asks again: whether they still open what they did."""
WALL_SHOWS = badges.ON_A_WALL + 1
"""Tickets of a wall that are compared: those it shows and the one that makes it say "more"."""
Pulse = list[tuple[int, int]]
"""Which tickets a wall shows, and how far each has come."""
CHANGE_RIGHTS = ("handoff_accepted", "handoff_declined", "reassigned", "helper_left", "visibility_changed")
"""Kinds of events after which somebody who watches may have to leave."""
One = TypeVar("One")


class Notice(NamedTuple):
    """Something that was committed: a topic and its subject."""

    topic: str
    subject: Any


OVER = Notice("over", None)


class Fanout:
    """Rings rooms after commits. Three ways lead here: the local bell, Redis, and a tail once a second."""

    def __init__(self, app: Flask, socketio: SocketIO) -> None:
        self.app, self.socketio = app, socketio
        self.rooms = Rooms()
        self.mark = object()
        """Another one before this process acts on anything that happened: what was read under it holds until then."""
        self.listeners: list[Callable[[str, Any], None]] = []
        self._sent: dict[str, int] = {}
        self._pulses: dict[str, Pulse] = {}
        self._felt = 0
        self._unheard = Unheard()
        self._notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._hints = Hints(app.extensions["tracker_settings"].redis_url, self._take)
        self._started = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="fanout", daemon=True)
        self._counting = threading.Lock()

    @property
    def is_running(self) -> bool:
        """Say whether the thread has started."""
        return self._started.locked()

    def hear(self, topic: str, subject: Any) -> None:
        """Take a notice of this process: for its own rooms, and as a hint for the others."""
        if topic == "news":
            return
        self._take(topic, subject)
        self._hints.send(topic, subject)

    def watch(self, sid: str, watch: Watch, last: int | None, pulse: Pulse | None = None) -> None:
        """Let a socket into its rooms; what is newer than `last` of its ticket, or `pulse` of its wall, reaches it."""
        self.start()
        before = self._names(sid) if self.rooms.count(sid) else set()
        try:
            for name in watch.rooms:
                self.socketio.server.enter_room(sid, name, namespace="/")
        except ValueError:  # it has gone meanwhile
            return
        with self._counting:
            self.rooms.add(sid, watch)
            begins = ""
            if watch.ref is not None and last is not None and watch.ref not in self._sent:
                self._sent[watch.ref], begins = last, watch.ref
            if watch.embed is not None and pulse is not None:
                self._pulses.setdefault(watch.embed, pulse)
        if begins:  # while nobody watched, nobody here was told of what other processes wrote
            self._told("event", begins)
        self._leave(sid, before)
        if not self.socketio.server.manager.is_connected(sid, "/"):
            self.rooms.remove_all(sid)

    def watch_since(self, mark: object, sid: str, watch: Watch, last: int) -> bool:
        """Let a socket into rooms as another was under this mark; False when anything has happened since.

        The mark changes first, then rooms are reviewed and told: a join that finds it unchanged is seen by both.
        """
        if mark is self.mark:
            self.watch(sid, watch, last)
            if mark is self.mark:
                return True
            self.unwatch(sid, watch.key)
        return False

    def unwatch(self, sid: str, key: str) -> None:
        """Take a socket out of what only this watch put it in."""
        one = self.rooms.remove(sid, key)
        self._leave(sid, set(one.rooms) if one else set())

    def _names(self, sid: str) -> set[str]:
        return {name for one in self.rooms.of(sid) for name in one.rooms}

    def _leave(self, sid: str, names: set[str]) -> None:
        for name in names and names - self._names(sid):
            self.socketio.server.leave_room(sid, name, namespace="/")

    def start(self) -> None:
        """Start the thread, once, in the process that serves."""
        if self._started.acquire(blocking=False):
            self._thread.start()
            self._hints.listen()

    def stop(self) -> None:
        """Tell nobody anything more: end the thread, after what it is telling now."""
        self._hints.close()
        if self.is_running:
            self._notices.put(OVER)
            self._thread.join(ENDS_WITHIN_S)

    def _take(self, topic: str, subject: Any) -> None:
        self.mark = object()
        self._told(topic, subject)
        self._notices.put(Notice(topic, subject))

    def _told(self, topic: str, subject: Any) -> None:
        for listener in self.listeners:
            listener(topic, subject)

    def _next(self, within: float) -> Notice | None:
        try:
            return self._notices.get(timeout=within) if within > 0 else None
        except queue.Empty:
            return None

    def _run(self) -> None:
        looks_at = time.monotonic() + TAIL_S
        while True:
            notice = self._next(looks_at - time.monotonic())
            if notice is OVER:
                return
            if notice is None:
                looks_at = time.monotonic() + TAIL_S
            try:
                with self.app.app_context():
                    self._tail() if notice is None else self._tell(notice)
            except Exception:  # the loop must survive a database that goes away, even as its connection is given back
                store.complain(self.app.logger, "live: could not tell of %s", notice or "what moved")

    def _tell(self, notice: Notice) -> None:
        match notice.topic:
            case "event":
                self._ring(notice.subject)
            case "public_event":
                self._ring_lists(notice.subject)
            case "visibility":
                self._hide(notice.subject)
            case "embed":
                self._restyle(notice.subject)
            case "session":
                self._drop("session", notice.subject)
            case "person" | "keys":
                self._review(notice.topic, notice.subject)
            case "writing":
                self._tell_writing(notice.subject)
            case "queue" | "list":
                self.socketio.emit("changed", {"ref": None}, to=f"{notice.topic}|{notice.subject}")

    def _tail(self) -> None:
        """Find in the database what no notice told of: rights that ended, then whatever moved that is watched."""
        self._each(self._ask_again, self.rooms.next_on_loan(REVIEWS_AT_ONCE))
        self._look_at_tickets()
        if self.rooms.has_lists:
            self._each(self._tell_late, [Notice(*told) for told in self._unheard.find()])
        else:
            self._unheard.rest()
        self._feel_walls()

    def _each(self, tell: Callable[[One], None], all: Iterable[One]) -> None:
        """Tell of each; one that can't be told silences no other."""
        for one in all:
            try:
                tell(one)
            except store.AWAY:  # the database is away, for the others too
                raise
            except Exception:
                self.app.logger.exception("live: could not tell of %s", one)

    def _look_at_tickets(self) -> None:
        with self._counting:  # a watch that begins meanwhile must not lose its mark
            refs = self.rooms.refs()
            for gone in set(self._sent) - set(refs):
                self._sent.pop(gone, None)
        for start in range(0, len(refs), BATCH):
            query = select(Ticket.ref, Ticket.last_seq).where(Ticket.ref.in_(refs[start : start + BATCH]))
            moved = [ref for ref, last in store.session().execute(query) if last > self._sent.get(ref, last)]
            self._each(self._tell_late, [Notice("event", ref) for ref in moved])

    def _tell_late(self, notice: Notice) -> None:
        self._told(*notice)
        self._tell(notice)

    def _feel_walls(self) -> None:
        """Compare some of the walls watched here with the database, in turn; tell those that moved unheard."""
        with self._counting:
            walls = self.rooms.walls()
            self._pulses = {eid: pulse for eid, pulse in self._pulses.items() if eid in walls}
        begin = self._felt % len(walls) if walls else 0
        self._felt = begin + WALLS_AT_ONCE
        self._each(self._feel_wall, (walls + walls)[begin : begin + min(WALLS_AT_ONCE, len(walls))])

    def _feel_wall(self, eid: str) -> None:
        before, now = self._pulses.get(eid), embeds.pulse(eid, WALL_SHOWS)
        self._pulses[eid] = now
        if before is not None and before != now:
            self._told("embed", eid)
            self._tell_walls([eid], None)

    def _ring(self, ref: str) -> None:
        self.mark = object()  # news that no notice told of
        query = select(Ticket).where(Ticket.ref == ref).execution_options(populate_existing=True)
        ticket = store.session().scalars(query).first()
        if ticket is None:
            return
        self._unheard.hear("event", ref, ticket.last_seq)
        for whose in (ticket.assignee_id, f"desk-{ticket.desk.slug}"):
            self.socketio.emit("changed", {"ref": ref}, to=f"queue|{whose}")
        after = self._sent.get(ref)
        if after is None or after >= ticket.last_seq:
            return
        if ticket.visibility == "private":  # before anything is sent: the notice that says so may be late, or lost
            self._review("ref", ref)
        else:
            for alike in self.rooms.with_passes(ref):
                self._ask_again(alike)
        for audience, html in self.rooms.audiences(ref):
            self._send(ticket, after, audience, html=html)
        self._sent[ref] = ticket.last_seq
        if _changes_rights(ticket, after):
            self._review("ref", ref)

    def _send(self, ticket: Ticket, after: int, audience: str, *, html: bool) -> None:
        more = True
        while more:
            found = browse.news(ticket, after=after, audience=audience, limit=BATCH, html=html)
            more = found["more"]
            for event in found["events"]:
                after = event["seq"]
                self.socketio.emit("event", event | {"epoch": found["epoch"]}, to=room(ticket.ref, audience, html=html))

    def _ring_lists(self, ref: str) -> None:
        """Tell lists of a public word; hidden ones would betray that something happened."""
        ticket = store.session().scalars(select(Ticket).where(Ticket.ref == ref)).first()
        if ticket is None:
            return
        self._unheard.hear("public_event", ref, ticket.last_public_seq)
        if ticket.visibility != "private":
            self._tell_walls(embeds.walls_with(ticket), ref)
        if ticket.visibility == "public":
            for name in ("list", f"list|{ticket.desk.slug}"):
                self.socketio.emit("changed", {"ref": ref}, to=name)

    def _tell_walls(self, eids: list[str], ref: str | None) -> None:
        for eid in eids:
            self.socketio.emit("changed", {"ref": ref, "embed": eid}, to=wall_room(eid))

    def _tell_writing(self, ref: str) -> None:
        """Tell the pages that watch a ticket whether its person is writing; badges are left alone."""
        pages = [audience for audience, html in self.rooms.audiences(ref) if html]
        ticket = store.session().scalars(select(Ticket).where(Ticket.ref == ref)).first() if pages else None
        if ticket is None:
            return
        found = drafts.writer(ticket)
        said = {"ref": ref, "name": found.name if found else None, "ms": int(drafts.PRESENT_FOR / MILLISECOND)}
        for audience in pages:
            self.socketio.emit("writing", said, to=room(ref, audience, html=True))

    def _hide(self, ref: str) -> None:
        """Let those leave who may no longer read a ticket; lists ask again, and learn no hidden ref."""
        self._review("ref", ref)
        ticket = store.session().scalars(select(Ticket).where(Ticket.ref == ref)).first()
        if ticket is not None:
            self._unheard.hear("visibility", ref, ticket.last_seq)
            shown = ref if ticket.visibility == "public" else None
            self._tell_walls(embeds.walls_with(ticket, was_shown=True), shown)
            for name in ("list", f"list|{ticket.desk.slug}"):
                self.socketio.emit("changed", {"ref": shown}, to=name)

    def _restyle(self, eid: str) -> None:
        """Let those leave who may no longer watch an embed; the others stay, and ask how it looks now."""
        self._review("embed", eid)
        for sid, watch in self.rooms.matching("embed", eid):
            self.socketio.emit("changed", {"ref": watch.ref, "embed": eid}, to=sid)

    def _review(self, what: str, subject: Any) -> None:
        """Ask again of each watch whether it may go on; of the thousands that are alike once."""
        found: dict[str, list[tuple[str, Watch]]] = {}
        for sid, watch in self.rooms.matching(what, subject):
            found.setdefault(watch.alike, []).append((sid, watch))
        for alike in found.values():
            self._ask_again(alike)

    def _ask_again(self, alike: list[tuple[str, Watch]]) -> None:
        gone = rights.ended(alike)
        if gone:
            self.mark = object()
            first = gone[0][1]  # who is sent away asks for the page at once: no copy may show what has ended
            self._told(*(("embed", first.embed) if first.embed else ("event", first.ref)))
        for sid, watch in gone:
            self._end(sid, watch)

    def _drop(self, what: str, subject: str) -> None:
        for sid, watch in self.rooms.matching(what, subject):
            self._end(sid, watch)

    def _end(self, sid: str, watch: Watch) -> None:
        self.unwatch(sid, watch.key)
        self.socketio.emit("gone", {"ref": watch.ref, "embed": watch.embed}, to=sid)


def _changes_rights(ticket: Ticket, after: int) -> bool:
    query = select(Event.id).where(Event.ticket_id == ticket.id, Event.seq > after, Event.kind.in_(CHANGE_RIGHTS))
    return store.session().execute(query.limit(1)).first() is not None


def room(ref: str, audience: str, *, html: bool) -> str:
    """Return the name of a room; made here, never by clients."""
    return f"{ref}|{audience}|{'html' if html else 'bare'}"


def wall_room(eid: str) -> str:
    """Return the name of the room of a wall, of the same makers."""
    return f"wall|{eid}"
