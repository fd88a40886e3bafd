"""bench unscripted: how long it takes to know whether a text copies one of 10,000 words, by people with a past."""

import time
from contextlib import ExitStack
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import _past
from bench._figures import Figures, percentile
from bench._machine import Quiet, is_quick
from bench._stage import systems
from tests import houses, make
from tracker import people, store, timeline, unscripted
from tracker.models import Ticket

WORDS = 10_000
IN_ONE = 50
"""Words of one update."""
OLDER, OLD_TICKETS = 150_000, 50_000
"""Updates that the author posted before these, each colleague a fifth as many; and what the desk was asked before."""
CHECKS = 100
VOCABULARY = (
    *("riser", "seal", "plumber", "valve", "cellar", "stairwell", "crew", "ladder", "pressure", "water", "tenant"),
    *("noon", "Thursday", "depot", "part", "order", "pump", "gauge", "left", "right", "third", "floor", "brick"),
    *("paint", "socket", "meter", "reading", "shut", "open", "call", "rang", "stood", "looked", "found", "mend"),
)
SCENARIO = f"{WORDS:,} words of history"


def text(number: int) -> str:
    """Return fifty words that no other number gives: every step through the vocabulary is another one."""
    steps = cycle((number % 37 + 1, number % 11 + 2, number % 5 + 3))
    place, found = number, list[str]()
    for _ in range(IN_ONE):
        place += next(steps)
        found.append(VOCABULARY[place % len(VOCABULARY)])
    return " ".join(found)


def fill() -> Ticket:
    """Say 10,000 words at one desk: half by the author, half by five colleagues."""
    desk = make.desk("streets")
    author = make.agent(desk)
    mine = make.ticket(desk)
    for number in range(WORDS // IN_ONE // 2):
        make.post(mine, "update", author, text=text(number))
    for colleague in range(5):
        other = make.agent(desk)
        ticket = make.ticket(desk)
        if ticket.assignee_id != other.id:
            make.post(ticket, "reassigned", make.lead(desk, on_duty=False), to=other)
        for number in range(WORDS // IN_ONE // 10):
            make.post(ticket, "update", other, text=text(1_000 * (colleague + 1) + number))
    _remember(mine)
    return mine


def _remember(ticket: Ticket) -> None:
    """Let all of them have said much before, and the desk have had many tickets."""
    word = timeline.find(ticket, [ticket.latest_word_seq or 0])[ticket.latest_word_seq or 0]
    _past.tickets(ticket, OLD_TICKETS, holder=ticket.assignee, apart=timedelta(minutes=10))
    for one in people.of_desk(ticket.desk):
        many = OLDER if one.id == ticket.assignee_id else OLDER // 5
        _past.words(word, many, by=one, since=unscripted.HISTORY, apart=timedelta(minutes=5))


def _measured(ticket: Ticket, checks: int) -> dict[str, float]:
    took = []
    for number in range(checks):
        store.session().expire_all()
        began = time.perf_counter()
        unscripted.twin(ticket, text(50_000 + number), ticket.assignee)
        took.append(1000 * (time.perf_counter() - began))
    return {"check_p50_ms": percentile(took, 50), "check_p99_ms": percentile(took, 99)}


def _system(name: str, given: dict[str, Any], figures: Figures, quiet: Quiet, reps: int) -> None:
    with TemporaryDirectory() as folder:
        here = Path(folder)
        url = given.get("database_url") or houses.sqlite_url(here / "bench.sqlite3")
        houses.migrate(url, here)
        with houses.opened(url, here):
            ticket = fill()
            for _ in range(reps):
                noisy = quiet.wait()
                figures.add(SCENARIO, name, noisy=noisy, **_measured(ticket, CHECKS))


def main() -> None:
    """Measure, print and write the results."""
    figures = Figures("unscripted")
    with ExitStack() as stack:
        for name, given in systems(stack).items():
            _system(name, given, figures, Quiet(5.0) if is_quick() else Quiet(), 1 if is_quick() else 5)
    figures.publish()


if __name__ == "__main__":
    main()
