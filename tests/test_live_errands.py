"""Errands: an answer that still holds is given again, and never one that does not."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.ground import wait_until
from tests.test_live_engine import Stage, staged
from tracker.live import errands
from tracker.live.errands import Group


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


def test_an_answer_is_repeated_while_its_handler_says_that_it_holds(stage: Stage) -> None:
    holds, asked, let_in = True, list[int](), list[str]()

    def count(group: Group) -> Any:
        def repeat(sid: str) -> bool:
            let_in.append(sid)
            return holds

        asked.append(len(group.sids))
        group.repeat = repeat
        return {"runs": len(asked)}

    stage.engine.errands.handlers["count"] = count
    clients = [stage.client().connect() for _ in range(6)]
    assert [one.ask("count", "same") for one in clients[:3]] == [{"runs": 1}] * 3
    assert len(set(let_in)) == 2, "the first was let in by the handler itself"
    assert clients[3].ask("count", "other") == {"runs": 2}, "equal words only"
    assert stage.client(origin="https://b.example").connect().ask("count", "same") == {"runs": 3}, "of one origin"
    holds = False
    assert clients[4].ask("count", "same") == {"runs": 4}, "something has happened: worked out anew"
    holds = True
    assert clients[5].ask("count", "same") == {"runs": 4}


@pytest.mark.parametrize("holds", [True, False])
def test_who_asks_the_same_while_it_is_worked_out_is_answered_with_it_if_it_holds(stage: Stage, holds: bool) -> None:
    runs, begun, go_on = list[int](), threading.Event(), threading.Event()

    def work(group: Group) -> Any:
        begun.set()
        assert go_on.wait(20)
        runs.append(len(group.sids))
        group.repeat = lambda _sid: holds
        return len(runs)

    stage.engine.errands.handlers["work"] = work
    clients = [stage.client().connect() for _ in range(6)]
    clients[0].send('420["work"]')
    assert begun.wait(20)
    for client in clients[1:]:
        client.send('420["work"]')
    wait_until(lambda: sum(len(one.sids) for one in stage.engine.errands._waiting.values()) == 5)
    go_on.set()
    assert [client.text() for client in clients] == ["430[1]"] + ["430[1]" if holds else "430[2]"] * 5
    assert runs == ([1] if holds else [1, 5])


def test_an_answer_that_is_old_or_was_refused_to_one_is_not_repeated(stage: Stage, monkeypatch: Any) -> None:
    runs: list[str] = []

    def answer(group: Group) -> Any:
        runs.append(group.name)
        group.repeat = lambda _sid: True
        if group.given == ["refused"]:
            group.refuse(group.sids[0], {"error": "no"})
        return {"ok": True}

    stage.engine.errands.handlers["ask"] = answer
    one, two = stage.client().connect(), stage.client().connect()
    assert (one.ask("ask", "refused"), two.ask("ask", "refused")) == ({"error": "no"}, {"error": "no"})
    monkeypatch.setattr(errands, "REPEATS_S", -1)
    assert one.ask("ask", "old") == two.ask("ask", "old") == {"ok": True}
    assert len(runs) == 4
