"""bench tallies: what the figures of people and desks cost the database, in houses of more and more tickets."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import insert

from bench._figures import Figures, percentile
from bench._machine import Quiet, is_quick
from bench._stage import clusters
from tests import houses
from tracker import desks, people, statistics, store, tallies
from tracker.models import Desk, Event, Person, TallyMark

DESKS, PEOPLE = 8, 5
PAST = timedelta(days=400)
END = ("resolved", "resolved", "resolved", "declined", "")


@dataclass(frozen=True)
class Plan:
    """How often figures are read in houses of how many tickets."""

    reps: int = 5
    reads: int = 200
    tickets: tuple[int, ...] = (10_000, 1_000_000)


QUICK = Plan(reps=2, reads=20, tickets=(1_000,))


def measure(plan: Plan, figures: Figures, quiet: Quiet) -> None:
    """Fill a house of each size on every database here, then read, one repetition of each in turn."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        databases = clusters(stack)
        for count in plan.tickets:
            counts = counted(count)
            for system, fresh in databases.items():
                with fresh() as given, _house(given, folder / f"{system}-{count}"):
                    of = _people()
                    with store.transaction() as session:
                        tallies.add(counts)
                        session.execute(insert(TallyMark), _marks(of[0]))
                    for _ in range(plan.reps):
                        noisy = quiet.wait()
                        figures.add(f"{count:,} tickets", system, noisy=noisy, **_repetition(plan, of))


def counted(tickets: int) -> Counter[tallies.Key]:
    """Count as many made-up timelines, by the projection's own function."""
    made_up = random.Random(tickets)
    counts: Counter[tallies.Key] = Counter()
    now = store.now()
    for _ in range(tickets):
        desk = made_up.randrange(DESKS)
        first = desk * PEOPLE
        crew = {str(one): (one, desk + 1) for one in range(first + 1, first + 1 + PEOPLE)}
        ticket = SimpleNamespace(opened_at=now - PAST * made_up.random(), imported_key=None)
        counts.update(tallies.of_timeline(ticket, _timeline(made_up, ticket.opened_at, list(crew)), crew))
    return counts


@contextmanager
def _house(given: dict[str, str], place: Path) -> Iterator[None]:
    place.mkdir()
    url = given.get("database_url") or houses.sqlite_url(place / "house.sqlite3")
    houses.migrate(url, place)
    with houses.opened(url, place):
        yield


def _people() -> list[Person | Desk]:
    """Return new desks and people; they have the ids that `counted` gave them, for there is nobody else."""
    found: list[Person | Desk] = []
    for number in range(DESKS):
        desk = desks.add(f"Desk {number}")
        address = "{number}.{one}@house.example"
        found.append(desk)
        found += [
            people.add(name=f"Ann Field {one}", email=address.format(number=number, one=one), desk=desk)
            for one in range(PEOPLE)
        ]
    return found


def _timeline(made_up: random.Random, at: datetime, crew: list[str]) -> Iterator[Event]:
    """Yield what happens to a ticket: a word, perhaps a handoff, an end, the answers of its customer."""
    holder = made_up.choice(crew)

    def happen(kind: str, **payload: object) -> Event:
        return Event(kind=kind, at=at, payload=payload, actor_role="agent")

    yield happen("opened", assignee=holder)
    at += timedelta(hours=made_up.lognormvariate(1.5, 1))
    yield happen("update")
    yield happen(made_up.choice(("promise_kept", "promise_kept", "promise_moved", "promise_missed")))
    if made_up.random() < 0.2:
        yield happen("reassigned", to=made_up.choice(crew))
    at += timedelta(hours=made_up.lognormvariate(3, 1.2))
    if end := made_up.choice(END):
        yield happen(end)
        yield happen("feedback", solved=made_up.random() < 0.8, understood=made_up.choice(tallies.UNDERSTOOD))


def _marks(desk: Person | Desk) -> list[dict[str, object]]:
    """Return marks that wait to be added up, all with one desk: the worst there is."""
    month = tallies.month(store.now())
    one = {"owner": "desk", "owner_id": desk.id, "month": month, "measure": "first_word", "n": 1}
    return [one | {"bucket": 40 + number % 30} for number in range(tallies.MARKS_BEFORE_ADDING_UP)]


def _repetition(plan: Plan, of: list[Person | Desk]) -> dict[str, float]:
    """Read figures, the fullest desk's each other time; split what the database took from what we make of it."""
    since = tallies.month(store.now() - timedelta(days=365))
    took: dict[str, list[float]] = {"database": [], "whole": []}
    for number in range(plan.reads):
        one = of[0] if number % 2 else of[number % len(of)]
        start = time.perf_counter()
        tallies.of("desk" if isinstance(one, Desk) else "person", one.id, since=since)
        took["database"].append(1000 * (time.perf_counter() - start))
        start = time.perf_counter()
        statistics.figures(one)
        took["whole"].append(1000 * (time.perf_counter() - start))
    return {
        "database_p50_ms": percentile(took["database"], 50),
        "database_p99_ms": percentile(took["database"], 99),
        "figures_p50_ms": percentile(took["whole"], 50),
    }


def main() -> None:
    """Measure, print and write the results."""
    figures = Figures("tallies")
    measure(QUICK if is_quick() else Plan(), figures, Quiet(5.0) if is_quick() else Quiet())
    figures.publish()


if __name__ == "__main__":
    main()
