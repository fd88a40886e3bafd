"""The engine under a whole application: what a socket may say to the libraries above it, and what is kept of it."""

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import product

import pytest
from flask import Flask
from flask_socketio import SocketIO, disconnect, emit
from websocket import ABNF

from tests import make
from tests.houses import Visitor
from tests.live_client import Raw, opening
from tests.servers.ground import wait_until
from tracker import live, staff
from tracker.live.engine import Engine
from tracker.live.fanout import Fanout
from tracker.permissions import SYSTEM

Plug = Callable[[], Raw]


@pytest.fixture
def fanout(house: Flask) -> Fanout:
    found: Fanout = house.extensions["tracker_fanout"]
    found.start()  # so that no other test gets this application
    house.extensions["socketio"].on_event("shout", lambda *words: [len(words)])
    return found


@pytest.fixture
def engine(house: Flask, fanout: Fanout) -> Iterator[Engine]:
    found = live.take_over(house, descriptors=10_000, alone=True)
    assert found is not None
    over = threading.Event()

    def turn() -> None:
        while not over.is_set():
            found.loop.step(0.05)

    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    yield found
    over.set()
    thread.join(5)


@pytest.fixture
def plug(engine: Engine) -> Iterator[Plug]:
    ends: list[socket.socket] = []

    def made() -> Raw:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        ends.append(theirs)
        given = {"network": "10.0.0.0/24", "origin": "", "first": b"", "said": ("10.0.0.1", opening(80))}
        engine.loop.post(lambda: engine.welcome(ours, **given))
        return Raw(theirs).connect()

    yield made
    for end in ends:
        end.close()


def carried(raw: Raw) -> Raw:
    """Ask for something that python-socketio answers, so that it carries this socket from now on."""
    assert raw.ask("shout", "a", "b") == [2]
    return raw


@pytest.fixture
def library(house: Flask, fanout: Fanout) -> SocketIO:
    """The Socket.IO server under the engine, for handlers of one's own."""
    found: SocketIO = house.extensions["socketio"]
    return found


@pytest.fixture
def hurry() -> Iterator[None]:
    """Threads take turns in the middle of everything, as on a busy machine."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def say_bytes(raw: Raw, name: str) -> None:
    raw.send(f'451-["{name}",{{"_placeholder":true,"num":0}}]')
    raw.send(b"bytes", ABNF.OPCODE_BINARY)


def say_text(raw: Raw, name: str) -> None:
    raw.send(f'42["{name}"]')


@pytest.mark.parametrize("say", [say_text, say_bytes])
def test_who_says_what_only_a_server_may_is_closed_and_forgotten(
    plug: Plug, fanout: Fanout, say: Callable[[Raw, str], None]
) -> None:
    for name, is_carried in product(("connect", "disconnect"), (False, True)):
        raw = carried(plug()) if is_carried else plug()
        assert raw.ask("watch_list") == {"ok": True}
        say(raw, name)
        assert raw.close_code() == 1008, (name, is_carried)
        wait_until(lambda: not fanout.rooms.matching("session", None))


def test_who_said_goodbye_and_stayed_hears_nothing_once_deactivated(house: Flask, client: Visitor, plug: Plug) -> None:
    ticket = make.ticket(visibility="private")
    ben = make.agent(ticket.desk)
    make.sign_in(client, ben)
    kept = {"ref": ticket.ref, "after": 0, "pass": client.post(f"/t/{ticket.ref}/pass").json["pass"]}
    slow, light = carried(plug()), plug()
    for raw in (slow, light):
        assert "epoch" in raw.ask("watch", kept)
        raw.send('42["disconnect"]')
    staff.deactivate(ben, by=SYSTEM)
    make.post(make.fresh(ticket), "note", text="for staff alone")
    for raw in (slow, light):
        said = [payload for _, payload in iter(raw.frame, (0, b"")) if payload.startswith(b"42")]
        assert not [one for one in said if json.loads(one[2:])[0] == "event"]


def test_sockets_that_part_are_forgotten_whoever_carries_them(plug: Plug, fanout: Fanout) -> None:
    for raw, parts in ((carried(plug()), "41"), (plug(), "41"), (carried(plug()), "1"), (plug(), "1")):
        assert raw.ask("watch_list") == {"ok": True}
        assert fanout.rooms.matching("session", None)
        raw.send(parts)
        wait_until(lambda: not fanout.rooms.matching("session", None))


def test_what_is_emitted_before_an_answer_is_heard_before_it(library: SocketIO, plug: Plug) -> None:
    library.on_event("news", lambda said: emit("first", said) or "then")
    raw = carried(plug())
    for number in range(10):
        assert raw.ask("news", number) == "then"
        assert raw.events.pop(0) == ["first", number]


@pytest.mark.usefixtures("hurry")
def test_nobody_speaks_between_a_packet_and_its_bytes(library: SocketIO, plug: Plug) -> None:
    library.on_event("swap", lambda: emit("swapped", b"half") or b"other half")
    for _ in range(15):
        raw = carried(plug())
        for number in range(10):
            raw.send(f'42{number}["swap"]')
        heard = [raw.frame() for _ in range(40)]
        assert [opcode for opcode, _ in heard] == [ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY] * 20


def test_last_words_before_a_parting_are_heard(library: SocketIO, plug: Plug) -> None:
    library.on_event("leave me", lambda: emit("farewell") or disconnect())
    for _ in range(10):
        raw = carried(plug())
        raw.send('42["leave me"]')
        assert [raw.text(), raw.text()] == ['42["farewell"]', "41"]


def test_who_answers_a_question_with_bytes_is_heard_and_stays(library: SocketIO, plug: Plug) -> None:
    heard: list[bytes] = []
    raw = plug()
    assert raw.ask("watch_list") == {"ok": True}
    library.emit("question", "which?", callback=heard.append)
    assert raw.text() == '421["question","which?"]'
    raw.send('461-1[{"_placeholder":true,"num":0}]')
    raw.send(b"these", ABNF.OPCODE_BINARY)
    assert raw.ask("shout", "still here") == [1]
    wait_until(lambda: heard == [b"these"])
