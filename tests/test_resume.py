"""Whatever is pushed, lost, doubled or asked for in between: every audience ends with the same list as the database.

The client here follows CONTRACTS: append if prev ≤ last < seq, ask `after=last` only if prev > last, drop seq ≤ last.
"""

from collections import deque
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from time_machine import Traveller

from tests import make
from tracker import browse
from tracker.disclosure import Shown
from tracker.models import Ticket

AUDIENCES = ("public", "customer", "staff")
PAGE = 3
Answer = dict[str, Any]


class Reader:
    """One live page: a list of entries by seq, the last seq it knows, and what is on its way to it."""

    def __init__(self, ticket: Ticket, audience: str) -> None:
        self.ticket, self.audience = ticket, audience
        self.entries: dict[int, str] = {}
        self.last = 0
        self.pushed: deque[Shown] = deque()
        self.answers: deque[Answer] = deque()
        self.sent = ticket.last_seq
        self.asked = 0
        self.was_cut = False
        self.ask()

    def ask(self) -> None:
        """Ask over HTTP; the answer is made now and arrives later."""
        self.asked += 1
        self.answers.append(self.news(self.last))

    def news(self, after: int, limit: int = PAGE) -> Answer:
        return browse.news(make.fresh(self.ticket), after=after, audience=self.audience, limit=limit, html=True)

    def ring(self) -> None:
        """What the fan-out does after a commit: read on from what it sent, send each event to the room."""
        self.pushed.extend(self.news(self.sent, limit=1000)["events"])
        self.sent = self.ticket.last_seq

    def take(self, event: Shown) -> None:
        if event["seq"] <= self.last:
            return
        if event["prev"] > self.last:
            self.ask()
            return
        self.entries[event["seq"]] = event["html"]
        self.last = event["seq"]
        if "replaces" in event:
            self.entries[event["replaces"]["seq"]] = event["replaces"]["html"]

    def take_answer(self, answer: Answer) -> None:
        for event in answer["events"]:
            self.take(event)
        if answer["more"]:
            self.ask()
        else:
            self.last = max(self.last, answer["last"])


class Traffic(RuleBasedStateMachine):
    """Events of every audience, and three readers whose lines are cut, doubled and slow."""

    house: Flask

    @initialize()
    def open(self) -> None:
        self.ticket = make.ticket()
        self.readers = [Reader(self.ticket, audience) for audience in AUDIENCES]
        self.hidden: list[int] = []
        self.words: list[int] = []
        for reader in self.readers:
            self.settle(reader)
            reader.asked = 0

    def add(self, kind: str, **given: Any) -> int:
        return make.post(self.ticket, kind, **given).seq

    @rule(kind=st.sampled_from(["note", "update", "thanks"]))
    def say(self, kind: str) -> None:
        seq = self.add(kind)
        if kind != "thanks":
            self.words.append(seq)
        else:
            self.hidden.append(seq)

    @rule(publish=st.booleans())
    def reply(self, publish: bool) -> None:
        seq = self.add("reply", publish=publish)
        self.words.append(seq)
        if not publish:
            self.hidden.append(seq)

    @rule(which=st.integers(0, 50))
    def publish(self, which: int) -> None:
        if self.hidden:
            self.add("reply_published", target=self.hidden.pop(which % len(self.hidden)))

    @rule(which=st.integers(0, 50), kind=st.sampled_from(["redacted", "erased"]))
    def hide(self, which: int, kind: str) -> None:
        if self.words:
            seq = self.words.pop(which % len(self.words))
            self.hidden = [one for one in self.hidden if one != seq]
            make.post(self.ticket, kind, None if kind == "redacted" else self.lead(), target=seq)

    def lead(self) -> Any:
        return make.lead(self.ticket.desk)

    @rule(which=st.integers(0, 2))
    def push(self, which: int) -> None:
        self.readers[which].ring()

    @rule(which=st.integers(0, 2), doubled=st.booleans())
    def arrive(self, which: int, doubled: bool) -> None:
        reader = self.readers[which]
        if reader.pushed:
            event = reader.pushed.popleft()
            for _ in range(1 + doubled):
                reader.take(event)

    @rule(which=st.integers(0, 2))
    def cut(self, which: int) -> None:
        reader = self.readers[which]
        reader.ring()
        reader.pushed.clear()
        reader.was_cut = True

    @rule(which=st.integers(0, 2))
    def answer(self, which: int) -> None:
        reader = self.readers[which]
        if reader.answers:
            reader.take_answer(reader.answers.popleft())

    @rule(which=st.integers(0, 2))
    def reconnect(self, which: int) -> None:
        self.readers[which].ask()
        self.readers[which].was_cut = True

    @invariant()
    def nobody_asks_for_what_is_hidden(self) -> None:
        for reader in getattr(self, "readers", ()):
            assert reader.was_cut or not reader.asked, "a line that was never cut has nothing to ask for"

    def settle(self, reader: Reader) -> None:
        reader.ring()
        while reader.pushed or reader.answers:
            while reader.pushed:
                reader.take(reader.pushed.popleft())
            while reader.answers:
                reader.take_answer(reader.answers.popleft())

    def teardown(self) -> None:
        for reader in getattr(self, "readers", ()):
            if reader.was_cut:
                reader.ask()
            self.settle(reader)
            truth = reader.news(0, limit=1000)
            assert reader.entries == {one["seq"]: one["html"] for one in truth["events"]}, reader.audience
            assert reader.last == truth["last"]


@pytest.mark.slow
def test_every_audience_ends_with_the_same_list_as_the_database(house: Flask, travel: Traveller, full: bool) -> None:
    bounds = settings(
        max_examples=200 if full else 15,
        phases=tuple(Phase) if full else (Phase.generate,),  # shrinking a failure takes minutes
        stateful_step_count=40,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Traffic, settings=bounds)


def test_hidden_notes_cause_no_question_and_leave_no_trace(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    reader = Reader(ticket, "public")
    reader.take_answer(reader.answers.popleft())
    reader.asked = 0
    for kind in ("note", "note", "update", "note", "update", "note"):
        make.post(ticket, kind)
        reader.ring()
    while reader.pushed:
        reader.take(reader.pushed.popleft())
    assert not reader.asked
    assert len(reader.entries) == len(make.events_of(ticket, "public"))


def test_a_lost_push_is_noticed_by_the_next_and_asked_for(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    reader = Reader(ticket, "public")
    reader.take_answer(reader.answers.popleft())
    for _ in range(2):
        make.post(ticket, "update")
    reader.ring()
    reader.pushed.popleft()
    reader.take(reader.pushed.popleft())
    assert reader.asked == 2
