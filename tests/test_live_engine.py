"""The engine: light sessions, rooms, errands, slow and silent peers; whatever fails takes nothing else along."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websocket import ABNF

from tests.live_client import Raw, framed
from tests.servers.ground import wait_until
from tracker.live import packets, peers, sessions
from tracker.live.engine import Engine
from tracker.live.errands import Group
from tracker.live.frames import TEXT, Message
from tracker.live.loop import Loop
from tracker.live.ready import Room


class Stage:
    """An engine on a thread, and raw clients at the other end of socket pairs."""

    def __init__(self, **limits: int) -> None:
        self.engine = Engine(**{"most": 1000, "most_per_address": 1000} | limits)
        self.clients: list[Raw] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        while not self.is_over.is_set():
            self.engine.loop.step(0.05)

    def client(self, network: str = "10.0.0.0/24", origin: str = "") -> Raw:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.engine.loop.post(lambda: self.engine.welcome(ours, network=network, origin=origin, first=b""))
        self.clients.append(Raw(theirs))
        return self.clients[-1]

    def joined(self, room: str) -> Raw:
        client = self.client().connect()
        assert client.ask("join", room) == {"ok": True}
        return client


@contextmanager
def staged(**limits: int) -> Iterator[Stage]:
    found = Stage(**limits)

    def join(group: Group) -> Any:
        for sid in group.sids:
            found.engine.enter(sid, group.given[0])
        return {"ok": True}

    found.engine.errands.handlers["join"] = join
    found.engine.errands.handlers["leave"] = lambda group: [
        found.engine.leave(sid, group.given[0]) for sid in group.sids
    ]
    found.thread.start()
    try:
        yield found
    finally:
        found.is_over.set()
        found.thread.join(5)
        found.engine.close()
        for client in found.clients:
            client.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


def test_a_viewer_is_opened_connected_and_answered(stage: Stage) -> None:
    stage.engine.errands.handlers["echo"] = lambda group: {"said": group.given, "from": group.origin}
    client = stage.client(origin="https://blog.example").connect()
    assert client.ask("echo", {"a": 1}, "grüß") == {"said": [{"a": 1}, "grüß"], "from": "https://blog.example"}


def test_the_open_packet_says_what_clients_need(stage: Stage) -> None:
    said = json.loads(stage.client().text()[1:])
    assert said.pop("sid")
    assert said == {"upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 16384}


def test_an_event_without_a_number_gets_no_answer_and_an_unknown_one_none_either(stage: Stage) -> None:
    client = stage.client().connect()
    client.send('42["join","a"]')
    client.send('427["unheard of"]')
    assert client.ask("join", "a") == {"ok": True}
    assert client.events == []


def test_what_is_told_after_a_join_arrives_once_and_in_order(stage: Stage) -> None:
    clients = [stage.joined("room") for _ in range(5)]
    other = stage.joined("elsewhere")
    for number in range(50):
        stage.engine.tell("room", packets.event("event", {"seq": number}))
    stage.engine.tell("elsewhere", packets.event("event", {"seq": -1}))
    for client in clients:
        assert [client.event()[1]["seq"] for _ in range(50)] == list(range(50))
    assert other.event() == ["event", {"seq": -1}]


def test_who_leaves_a_room_hears_nothing_more_and_the_room_goes_with_the_last(stage: Stage) -> None:
    client = stage.joined("room")
    client.ask("leave", "room")
    stage.engine.tell("room", packets.event("event", 1))
    client.ask("join", "other")
    assert client.events == []
    assert list(stage.engine.rooms) == ["other"]
    client.close()
    wait_until(lambda: not stage.engine.rooms and not stage.engine.sessions and not stage.engine.open)


def test_equal_questions_of_many_are_worked_out_once_and_answered_to_each(stage: Stage) -> None:
    calls, go = [], threading.Event()

    def slow(group: Group) -> Any:
        calls.append(len(group.sids))
        go.wait(20)
        return {"n": len(group.sids)}

    stage.engine.errands.handlers["slow"] = slow
    clients = [stage.client().connect() for _ in range(20)]
    clients[0].send('421["slow",1]')
    wait_until(lambda: calls)
    for number, client in enumerate(clients[1:], 2):
        client.send(f'42{number}["slow",1]')
    waiting = stage.engine.errands._waiting
    wait_until(lambda: sum(calls) + sum(len(group.sids) for group in list(waiting.values())) == 20)
    go.set()
    for number, client in enumerate(clients, 1):
        assert client.text().startswith(f'43{number}[{{"n":')
    assert sum(calls) == 20
    assert len(calls) <= 2, "one runs, the other gathers"


def test_one_socket_is_answered_in_the_order_it_asked(stage: Stage) -> None:
    begun: list[int] = []

    def work(group: Group) -> Any:
        begun.append(group.given[0])
        time.sleep(0.02 if group.given[0] == 0 else 0)
        return group.given[0]

    stage.engine.errands.handlers["work"] = work
    client = stage.client().connect()
    for number in range(8):
        client.send(f'42{number}["work",{number}]')
    assert [client.text() for _ in range(8)] == [f"43{number}[{number}]" for number in range(8)]
    assert begun == list(range(8))


@pytest.mark.parametrize(
    ("say", "code"),
    [
        (lambda client: client.send("x" * 16_385), 1009),
        (lambda client: client.sock.sendall(b"\x81\xff" + (128 << 20).to_bytes(8, "big")), 1009),
        (lambda client: client.sock.sendall(b"\x81\x02hi"), 1002),
        (lambda client: client.sock.sendall(b"\xc1\x80abcd"), 1002),
        (lambda client: client.send(b"\xff\xfe"), 1007),
        (lambda client: client.send(b"bytes", ABNF.OPCODE_BINARY), 1003),
        (lambda client: client.send("hello"), 1008),
        (lambda client: client.send("4"), 1008),
        (lambda client: client.send("49"), 1008),
        (lambda client: client.send("42nonsense"), 1008),
        (lambda client: client.send('42["open'), 1008),
        (lambda client: client.send("42" + "[" * 16_000), 1008),
        (lambda client: client.send("42[]"), 1008),
        (lambda client: client.send("42[7]"), 1008),
        (lambda client: client.send('42٣["join","a"]'), 1008),
        (lambda client: client.sock.sendall(framed('42["join","a"]') * 100), 1008),
        (lambda client: client.sock.sendall(framed(b"", ABNF.OPCODE_PING) * 100), 1008),
        (lambda client: client.send("1"), 1000),
        (lambda client: client.send((1000).to_bytes(2, "big"), ABNF.OPCODE_CLOSE), 1000),
    ],
)
def test_who_breaks_a_rule_is_told_which_and_leaves(stage: Stage, say: Callable[[Raw], Any], code: int) -> None:
    other = stage.joined("room")
    client = stage.joined("room")
    say(client)
    assert client.close_code() == code
    client.close()
    wait_until(lambda: stage.engine.open == 1)
    stage.engine.tell("room", packets.event("still", "here"))
    assert other.event() == ["still", "here"]


def test_a_ping_is_answered_and_events_before_hello_are_not(stage: Stage) -> None:
    client = stage.client()
    client.text()
    client.send(b"there?", ABNF.OPCODE_PING)
    assert client.frame() == (ABNF.OPCODE_PONG, b"there?")
    client.send('421["join","room"]')
    client.send("40")
    assert client.text().startswith("40")
    client.send("41")
    client.send("40/other,")
    assert client.text() == '44/other,"Unable to connect"'


def test_who_parts_while_it_is_let_in_is_in_no_room_when_it_comes_again(stage: Stage) -> None:
    client = stage.client().connect()
    session = next(iter(stage.engine.sessions.values()))
    stage.engine.loop.post(lambda: [stage.engine.enter(session.sid, "room"), session.said(Message(TEXT, "41"))])
    wait_until(lambda: not session.is_up)
    client.send("40")
    assert client.text().startswith("40")
    assert client.ask("join", "other") == {"ok": True}
    assert list(stage.engine.rooms) == ["other"]


def test_a_reader_who_is_slow_for_a_while_loses_nothing(stage: Stage) -> None:
    slow, quick = stage.joined("room"), stage.joined("room")
    told = [{"seq": number, "words": "x" * 3000} for number in range(60)]
    for one in told:
        stage.engine.tell("room", packets.event("event", one))
    assert [quick.event()[1] for _ in told] == told
    assert [slow.event()[1] for _ in told] == told
    stage.engine.tell("room", packets.event("event", "again"))
    assert slow.event() == quick.event() == ["event", "again"]


def test_a_reader_who_takes_nothing_is_cut_and_holds_little(stage: Stage) -> None:
    stage.joined("room")
    quick = stage.joined("room")
    told = {"words": "x" * 8000}
    for _ in range(100):
        stage.engine.tell("room", packets.event("event", told))
        quick.event()
        held = [len(one.held or b"") for one in list(stage.engine.sessions.values())]
        assert max(held) <= peers.MOST_HELD_BYTES + 9000
        if stage.engine.open == 1:
            break
    assert stage.engine.open == 1


@pytest.mark.slow
def test_silent_and_stuck_peers_are_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "PING_EVERY_S", 5)
    monkeypatch.setattr(sessions, "PONG_WITHIN_S", 4)
    monkeypatch.setattr("tracker.live.engine.random.uniform", lambda _low, _high: 1.0)
    silent, never_connected = stage.joined("room"), stage.client()
    lively = stage.joined("room")
    over, answered = threading.Event(), list[float]()
    answers = threading.Thread(target=keep_answering, args=(lively, over, answered), daemon=True)
    answers.start()
    wait_until(lambda: stage.engine.open == 1, within=30)
    before = len(answered)
    wait_until(lambda: len(answered) > before, what="who answers is asked again")
    assert stage.engine.open == 1
    over.set()
    answers.join(8)
    assert silent.close_code() == 0
    assert never_connected.close_code() == 1008


def keep_answering(client: Raw, over: threading.Event, answered: list[float]) -> None:
    client.sock.settimeout(0.2)
    while not over.is_set():
        try:
            if client.frame() == (ABNF.OPCODE_TEXT, b"2"):
                client.send("3")
                answered.append(time.monotonic())
        except Exception:  # a time-out: look whether it is over
            continue


def test_a_drain_says_when_to_come_back_and_closes(stage: Stage) -> None:
    clients = [stage.joined("room") for _ in range(10)]
    stage.engine.loop.post(stage.engine.drain)
    waits = []
    for client in clients:
        name, said = client.event()
        assert name == "retry"
        waits.append(said["ms"])
        assert client.close_code() == 1001
    assert len(set(waits)) > 5
    assert max(waits) < 1000
    assert not stage.engine.admits("10.0.0.0/24")
    for client in clients:
        client.close()
    wait_until(lambda: not stage.engine.open)


def test_an_address_has_its_share_and_the_house_its_limit() -> None:
    with staged(most=4, most_per_address=3) as stage:
        first = [stage.client("a").connect() for _ in range(3)]
        assert not stage.engine.admits("a")
        assert stage.engine.admits("b")
        stage.client("b").connect()
        assert not stage.engine.admits("c")
        first[0].close()
        wait_until(lambda: stage.engine.admits("a"))


def test_a_handler_that_fails_answers_error_and_the_next_is_served(stage: Stage, caplog: Any) -> None:
    stage.engine.errands.handlers["broken"] = lambda group: 1 / 0
    client = stage.client().connect()
    assert client.ask("broken") == {"error": "error"}
    assert "broken failed" in caplog.text
    assert client.ask("join", "room") == {"ok": True}


def test_a_socket_that_fails_is_closed_and_the_loop_goes_on(stage: Stage, monkeypatch: Any, caplog: Any) -> None:
    other = stage.joined("room")
    with monkeypatch.context() as patch:
        patch.setattr(sessions.Session, "said", lambda session, message: 1 / 0)
        client = stage.client()
        client.text()
        client.send("40")
        assert client.close_code() == 0
    assert "a socket failed" in caplog.text
    stage.engine.loop.post(lambda: 1 / 0)
    stage.engine.loop.later(0, lambda: 1 / 0)
    stage.engine.tell("room", packets.event("still", "here"))
    assert other.event() == ["still", "here"]


def test_work_posted_from_many_threads_before_and_after_the_start_is_done_once_in_order() -> None:
    loop, done = Loop(), list[tuple[int, int]]()

    def post(who: int) -> None:
        for number in range(500):
            loop.post(done.append, (who, number))

    threads = [threading.Thread(target=post, args=(who,)) for who in range(8)]
    for thread in threads[:4]:
        thread.start()
        thread.join()
    for thread in threads[4:]:
        thread.start()
    end = time.monotonic() + 10
    while len(done) < 4000 and time.monotonic() < end:
        loop.step(0.5)
    assert sorted(done) == [(who, number) for who in range(8) for number in range(500)]
    assert all([number for one, number in done if one == who] == list(range(500)) for who in range(8))
    loop.close()


def test_a_bell_rung_while_the_loop_sleeps_wakes_it() -> None:
    loop, heard = Loop(), threading.Event()
    threading.Timer(0.1, loop.post, (heard.set,)).start()
    begin = time.monotonic()
    while not heard.is_set():
        loop.step(5)
    assert time.monotonic() - begin < 4, "it would sleep for five"
    loop.close()


def test_an_event_for_a_descriptor_that_changed_hands_harms_nobody(stage: Stage) -> None:
    first, second = stage.joined("room"), stage.joined("room")
    session = next(iter(stage.engine.sessions.values()))
    for _ in range(20):
        stage.engine.loop.post(session.readable)
        stage.engine.loop.post(session.writable)
    stage.engine.tell("room", packets.event("still", "here"))
    assert first.event() == second.event() == ["still", "here"]


class Listener:
    """Stands for a peer in a room: what it is told arrives at its other end, or in its own buffer."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)
        self.fd = self.ours.fileno()
        self.held: bytearray | None = None
        self.wrote = b""

    def write(self, told: bytes) -> None:
        self.wrote += told

    def heard(self) -> bytes:
        try:
            return self.wrote + self.theirs.recv(4096)
        except BlockingIOError:
            return self.wrote

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@given(st.lists(st.tuples(st.sampled_from("arsc"), st.integers(0, 7)), max_size=80))
def test_a_room_tells_exactly_those_in_it_whatever_the_order_of_coming_and_going(steps: list[tuple[str, int]]) -> None:
    room, everybody, inside = Room(), [Listener() for _ in range(8)], set[int]()
    for what, who in steps:
        one: Any = everybody[who]
        if what == "a":
            room.add(one)
            inside.add(who)
        elif what == "r":
            room.remove(one)
            inside.discard(who)
        elif what == "s":
            one.held = bytearray(b"x")
            room.slowed(one)
        else:
            one.held = None
            room.caught_up(one)
    room.tell(b"news")
    assert [one.heard() for one in everybody] == [b"news" if who in inside else b"" for who in range(8)]
    assert len(room) == len(inside)
    for listener in everybody:
        listener.close()
