"""What may reach the Socket.IO server through WSGI: a thread is held by so many polls or sockets, and no more."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.servers.ground import wait_until
from tracker.live.engine import Engine
from tracker.live.guard import MOST_POLL_SESSIONS, MOST_POLLS, Guard


class Waits:
    """An application whose answers wait, as polls do, until `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, _environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        assert self.go_on.wait(10)
        start("200 OK", [])
        return [b"polled"]


def ask(guard: Guard, query: str = "EIO=4&transport=polling&sid=s", method: str = "GET", **more: str) -> str:
    told: list[str] = []
    environ = {"PATH_INFO": "/socket.io/", "QUERY_STRING": query, "REQUEST_METHOD": method, "REMOTE_ADDR": "10.0.0.1"}
    list(guard(environ | more, lambda status, _headers: told.append(status)))
    return told[0][:3]


@pytest.fixture
def engine() -> Iterator[Engine]:
    one = Engine(most=2, most_per_address=2)
    yield one
    one.close()


def test_so_many_polls_hold_a_thread_and_the_next_is_told_to_come_later(engine: Engine) -> None:
    app = Waits()
    guard = Guard(app, most=1, most_per_address=1)
    guard.stand_before(engine, lambda: 0, alone=True)
    answers: list[str] = []
    polls = [threading.Thread(target=lambda: answers.append(ask(guard))) for _ in range(MOST_POLLS)]
    for poll in polls:
        poll.start()
    wait_until(lambda: guard.open == MOST_POLLS)
    assert ask(guard) == "503"
    app.go_on.set()
    for poll in polls:
        poll.join(5)
    assert answers == ["200"] * MOST_POLLS
    assert (ask(guard), guard.open) == ("200", 0)


def test_so_many_sessions_poll_and_no_new_one_begins(engine: Engine) -> None:
    app, sessions = Waits(), MOST_POLL_SESSIONS
    app.go_on.set()
    guard = Guard(app, most=1, most_per_address=1)
    guard.stand_before(engine, lambda: sessions, alone=True)
    assert ask(guard, "EIO=4&transport=polling") == "503"
    assert ask(guard) == "200", "who is in stays"
    sessions -= 1
    assert ask(guard, "EIO=4&transport=polling") == "200"


def test_what_must_not_reach_the_libraries_is_refused(engine: Engine) -> None:
    app = Waits()
    app.go_on.set()
    guard = Guard(app, most=1, most_per_address=1)
    guard.stand_before(engine, lambda: 0, alone=False)
    assert ask(guard) == "400", "polls need one process"
    assert ask(guard, "EIO=4&transport=websocket&j=0") == "400", "no JSONP"
    full = Engine(most=0, most_per_address=2)
    guard.stand_before(full, lambda: 0, alone=True)
    assert ask(guard, "EIO=4&transport=websocket", HTTP_UPGRADE="websocket") == "503", "the engine is full"
    full.close()
