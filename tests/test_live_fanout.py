"""Joins under a mark: what was read before anything happened may be given again, and not a moment longer."""

import threading
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.lane_requests import request
from tests.servers.redis import Redis
from tracker import embeds, live
from tracker.errors import TrackerError
from tracker.live import fanout as live_fanout
from tracker.live import handlers
from tracker.live.errands import Group
from tracker.live.fanout import WALL_SHOWS, Fanout, Notice, wall_room
from tracker.live.rooms import Watch

WATCH = Watch(key="ticket|a", rooms=("a|public|bare",), ref="a")


class Server:
    """A Socket.IO server as the fan-out sees it; `meanwhile` happens while a socket enters a room."""

    def __init__(self) -> None:
        self.server = self.manager = self
        self.rooms: list[tuple[str, str]] = []
        self.meanwhile: Any = lambda: None

    def enter_room(self, sid: str, name: str, *, namespace: str) -> None:
        self.rooms.append((sid, name))
        self.meanwhile()

    def leave_room(self, sid: str, name: str, *, namespace: str) -> None:
        self.rooms.remove((sid, name))

    def is_connected(self, _sid: str, _namespace: str) -> bool:
        return True


def fanout(house: Flask, server: Server) -> Fanout:
    one = Fanout(house, server)  # type: ignore[arg-type]
    one.start = lambda: None  # type: ignore[method-assign]
    return one


def test_a_join_under_the_mark_of_the_one_before_is_let_in(house: Flask) -> None:
    server = Server()
    one = fanout(house, server)
    assert one.watch_since(one.mark, "s", WATCH, 3)
    assert server.rooms == [("s", "a|public|bare")]
    assert one.rooms.matching("ref", "a") == [("s", WATCH)]


def test_after_any_notice_nobody_joins_under_the_old_mark(house: Flask) -> None:
    server = Server()
    one = fanout(house, server)
    for topic in ("event", "visibility", "embed", "session", "person", "keys"):
        mark = one.mark
        one.hear(topic, "a")
        assert not one.watch_since(mark, "s", WATCH, 3)
    assert server.rooms == []


def test_a_notice_that_comes_during_a_join_undoes_it(house: Flask) -> None:
    server = Server()
    one = fanout(house, server)
    server.meanwhile = lambda: one.hear("visibility", "a")
    assert not one.watch_since(one.mark, "s", WATCH, 3)
    assert server.rooms == []
    assert one.rooms.matching("ref", "a") == []


def asked(house: Flask, verb: str, said: dict[str, Any], meanwhile: Callable[[], object]) -> Server:
    """Let a socket ask, and let something happen when it has just entered the room; return who is in which."""
    server = Server()
    house.extensions["tracker_fanout"] = one = fanout(house, server)
    server.meanwhile = meanwhile
    group = Group(verb, [said], "")
    group.sids.append("s")
    with pytest.raises(TrackerError):
        handlers.HANDLERS[verb](group)
    assert one.rooms.of("s") == []
    return server


def test_what_is_taken_back_while_somebody_joins_is_left_again(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    customer = make.customer(ticket)
    wall = embeds.create(ticket, by=customer, variant="wall").eid

    def passed(address: str) -> dict[str, str]:
        make.sign_in(client, ticket.assignee)
        return {"pass": client.post(address).json["pass"], "ref": ticket.ref}

    def sign_out() -> object:
        return client.post("/signout")

    assert asked(house, "watch_queue", passed("/workspace/pass"), sign_out).rooms == []
    assert asked(house, "watch", passed(f"/t/{ticket.ref}/pass"), sign_out).rooms == []
    assert asked(house, "watch_list", {"embed": wall}, lambda: embeds.revoke(wall, by=customer)).rooms == []
    hide = lambda: make.post(ticket, "visibility_changed", visibility="private")  # noqa: E731
    assert asked(house, "watch", {"ref": ticket.ref}, hide).rooms == []


def test_news_that_only_the_tail_finds_changes_the_mark_before_it_is_told(house: Flask) -> None:
    server = Server()
    one = fanout(house, server)
    ticket = make.ticket()
    one.watch("s", Watch(key="k", rooms=("r",), ref=ticket.ref), 0)
    mark, seen = one.mark, list[object]()
    server.emit = lambda *_said, **_to: seen.append(one.mark)  # type: ignore[attr-defined]
    one._tail()
    assert seen, "the opening was told"
    assert mark not in seen


def test_a_wall_that_changed_unheard_since_it_was_joined_is_told_after_its_copies_are_dropped(house: Flask) -> None:
    server, told = Server(), list[tuple[object, ...]]()
    one, ticket = fanout(house, server), make.ticket()
    eid = embeds.create(ticket, by=make.customer(ticket), variant="wall").eid
    one.listeners.append(lambda topic, subject: told.append((topic, subject)))
    server.emit = lambda *said, to: told.append((*said, to))  # type: ignore[attr-defined]
    one.watch("s", Watch(key="k", rooms=(wall_room(eid),), embed=eid), None, embeds.pulse(eid, WALL_SHOWS))
    one._tail()
    assert told == []
    make.post(ticket, "update")
    one._tail()
    assert told == [("embed", eid), ("changed", {"ref": None, "embed": eid}, wall_room(eid))]


@pytest.mark.slow
def test_a_closed_application_leaves_no_thread_behind(house: Flask, redis_server: Redis) -> None:
    chosen = house.extensions["tracker_settings"]
    house.extensions["tracker_settings"] = replace(chosen, redis_url=redis_server.url)
    before = set(threading.enumerate())
    one = house.extensions["tracker_fanout"] = Fanout(house, Server())  # type: ignore[arg-type]
    one.watch("s", WATCH, 3)
    assert {thread.name for thread in set(threading.enumerate()) - before} == {"fanout", "hints"}
    live.close(house)
    assert set(threading.enumerate()) <= before
    live.close(house)


def test_copies_of_a_ticket_go_when_it_begins_to_be_watched(house: Flask) -> None:
    one, told = fanout(house, Server()), list[tuple[str, object]]()
    one.listeners.append(lambda topic, subject: told.append((topic, subject)))
    one.watch("s", WATCH, 3)
    one.watch("t", WATCH, 3)
    assert told == [("event", "a")], "what nobody watched may have moved unheard; what is watched has been told"


def test_a_closed_application_makes_no_more_copies(house: Flask) -> None:
    engine = live.take_over(house, descriptors=10_000, alone=True)
    assert engine
    given = dict.fromkeys(("address_of", "network_of", "elsewhere", "part", "write"))
    lane = live.open_lane(house, engine, keeps_s=5, **given)
    live.close(house)
    with pytest.raises(RuntimeError, match="shutdown"):
        lane._ask(request(), None)


def test_the_database_is_looked_at_however_many_notices_come(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    one, now, told, looked_after = fanout(house, Server()), [0.0], list[Notice](), list[int]()

    def tell(notice: Notice) -> None:
        told.append(notice)
        now[0] += live_fanout.TAIL_S / 4

    monkeypatch.setattr(live_fanout, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(one, "_tail", lambda: looked_after.append(len(told)))
    monkeypatch.setattr(one, "_tell", tell)
    for _ in range(10):
        one.hear("writing", "a")
    one._notices.put(live_fanout.OVER)
    one._run()
    assert (looked_after, len(told)) == ([4, 8], 10), "it looks in between, not after"
