"""bench tallies: what the pages of people and desks cost the database, in houses of more and more tickets."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from flask import current_app
from sqlalchemy import insert

from bench import _past
from bench._figures import Figures, percentile
from bench._machine import Quiet, is_quick
from bench._stage import clusters
from tests import houses, make, reading
from tracker import desks, people, store, tallies
from tracker.models import Event, Person, TallyMark

DESKS, PEOPLE = 8, 5
PAST = timedelta(days=400)
END = ("resolved", "resolved", "resolved", "declined", "")


@dataclass(frozen=True)
class Plan:
    """How often both pages are read in houses of how many tickets."""

    reps: int = 5
    reads: int = 100
    tickets: tuple[int, ...] = (10_000, 1_000_000)
    older: int = 150_000
    """Words from before all that, of one person."""


QUICK = Plan(reps=2, reads=20, tickets=(1_000,), older=15_000)


class Page:
    """A page as a stranger reads it, and the questions it asks the database."""

    def __init__(self, path: str) -> None:
        self.path, self._visitor = path, current_app.test_client()
        with reading.asked() as self.questions:
            self.read()

    def read(self) -> None:
        """Read it whole; RuntimeError when it is not answered well."""
        answer = self._visitor.get(self.path)
        if answer.status_code != 200:
            raise RuntimeError(f"{self.path}: {answer.status}")

    def ask(self) -> None:
        """Ask the database alone: a connection, every question of the page, all rows of the answers."""
        with closing(store.db.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            for statement, parameters in self.questions:
                cursor.execute(statement, parameters)
                cursor.fetchall()


def measure(plan: Plan, figures: Figures, quiet: Quiet) -> None:
    """Fill a house of each size on every database here, then read, one repetition of each in turn."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        databases = clusters(stack)
        for count in plan.tickets:
            counts = counted(count)
            for system, fresh in databases.items():
                with fresh() as given, _house(given, folder / f"{system}-{count}"):
                    pages = _filled(count, plan.older, counts)
                    for _ in range(plan.reps):
                        noisy = quiet.wait()
                        figures.add(f"{count:,} tickets", system, noisy=noisy, **_repetition(plan, pages))


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


def _filled(tickets: int, older: int, counts: Counter[tallies.Key]) -> dict[str, Page]:
    """Fill a house with tickets, their words and counts; return the pages of whoever said most, and of their desk."""
    crew = _people()
    busiest = crew[0]
    with store.transaction():
        busiest.on_duty = True
    ticket = make.ticket(busiest.desk)
    word = make.post(ticket, "update", text="The crew comes at eight.")
    each = tickets // len(crew)
    for one in crew:
        _past.tickets(ticket, each, holder=one, apart=PAST / each)
        _past.words(word, each, by=one, since=timedelta(0), apart=PAST / each)
    _past.words(word, older, by=busiest, since=PAST, apart=timedelta(minutes=5), place=len(crew))
    with store.transaction() as session:
        tallies.add(counts)
        session.execute(insert(TallyMark), _marks(busiest))
    return {"person": Page(f"/people/{busiest.slug}"), "desk": Page(f"/desks/{busiest.desk.slug}")}


def _people() -> list[Person]:
    """Return new people; they and their desks have the ids that `counted` gave them, for there is nobody else."""
    found = []
    for number in range(DESKS):
        desk = desks.add(f"Desk {number}")
        found += [
            people.add(name=f"Ann Field {one}", email=f"{number}.{one}@house.example", desk=desk)
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


def _marks(of: Person) -> list[dict[str, object]]:
    """Return marks that wait to be added up, all with one person and their desk: the worst there is."""
    one = {"month": tallies.month(store.now()), "measure": "first_word", "n": 1}
    return [
        one | {"owner": owner, "owner_id": owner_id, "bucket": 40 + number % 30}
        for owner, owner_id in (("person", of.id), ("desk", of.desk_id))
        for number in range(tallies.MARKS_BEFORE_ADDING_UP // 2)
    ]


def _repetition(plan: Plan, pages: dict[str, Page]) -> dict[str, float]:
    """Read each page and, apart from it, what it asks the database."""
    took: dict[str, list[float]] = {}
    for _ in range(plan.reads):
        for name, page in pages.items():
            for what, work in (("database", page.ask), ("page", page.read)):
                start = time.perf_counter()
                work()
                took.setdefault(f"{name}_{what}", []).append(1000 * (time.perf_counter() - start))
    return {f"{name}_p50_ms": percentile(found, 50) for name, found in took.items()} | {
        f"{name}_database_p99_ms": percentile(took[f"{name}_database"], 99) for name in pages
    }


def main() -> None:
    """Measure, print and write the results."""
    figures = Figures("tallies")
    measure(QUICK if is_quick() else Plan(), figures, Quiet(5.0) if is_quick() else Quiet())
    figures.publish()


if __name__ == "__main__":
    main()
