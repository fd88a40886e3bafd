"""FIGURES and their definitions; projections of timelines, never of anybody's working minutes."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from tracker import store, tallies
from tracker.models import Desk, Person

MONTHS = 12
FEWEST = 5
"""What is made of fewer is not shown: it would say more about a customer than about whom it is of."""

Counts = dict[tuple[str, int], int]
"""How often, by measure and bucket."""


@dataclass(frozen=True)
class Spread:
    """How long something took: for half of them, and for nine in ten. None while they are too few."""

    n: int
    median: timedelta | None
    ninety: timedelta | None


@dataclass(frozen=True)
class Written:
    """Of `counted` public words, how many were written for the case: those that nearly copy no earlier ones."""

    counted: int
    own: int

    @property
    def percent(self) -> int:
        """The share of their own words, rounded."""
        return round(100 * self.own / self.counted)


@dataclass(frozen=True)
class Period:
    """The figures of a month, or of all; None where they count fewer than FEWEST."""

    month: int
    first_word: Spread
    solution: Spread
    declined: int | None
    passed_on: int | None
    promises: dict[str, int] | None
    written: Written | None
    answers: dict[tuple[str, str], int] | None
    """How many customers said so, by (solved or unsolved, understood: yes, partly, no)."""


@dataclass(frozen=True)
class Figures:
    """What became of the tickets of a person or desk in the last MONTHS months; `months` oldest first."""

    open_now: int | None
    whole: Period
    months: list[Period]

    @property
    def is_empty(self) -> bool:
        """True while there is nothing to show, for all of it counts too few."""
        one = self.whole
        counts = (self.open_now, one.first_word.median, one.solution.median, one.declined, one.passed_on)
        return all(count is None for count in (*counts, one.promises, one.written, one.answers))


def figures(of: Person | Desk) -> Figures:
    """Return the figures of a person or desk. One small query, however many tickets there are."""
    months = _months()
    found = tallies.of(_owner(of), of.id, since=months[0])
    by_month: dict[int, Counter[tuple[str, int]]] = {}
    for (month, measure, bucket), n in found.items():
        by_month.setdefault(month, Counter())[measure, bucket] += n
    standing = by_month.pop(tallies.NOW, Counter())
    whole = sum(by_month.values(), Counter[tuple[str, int]]())
    return Figures(
        open_now=_enough(standing["open", 0]),
        whole=_period(0, whole),
        months=[_period(month, by_month.get(month, Counter())) for month in months],
    )


def promises(person: Person) -> dict[str, int] | None:
    """Return how many promises of a person were kept, missed and moved in the last MONTHS months, as in their figures.

    None while they are fewer than FEWEST.
    """
    found = _promises(_year(person, tallies.PROMISES.values()))
    return found | {"months": MONTHS} if found else None


def written(by: Person | Desk) -> Written | None:
    """Return how much of the public words of the last MONTHS months was written for the case, as in their figures.

    None while they are fewer than FEWEST.
    """
    return _written(_year(by, ["words"]))


def _year(of: Person | Desk, measures: Collection[str]) -> Counter[tuple[str, int]]:
    counts: Counter[tuple[str, int]] = Counter()
    for (_month, measure, bucket), n in tallies.of(_owner(of), of.id, since=_months()[0], only=measures).items():
        counts[measure, bucket] += n
    return counts


def _owner(of: Person | Desk) -> str:
    return "desk" if isinstance(of, Desk) else "person"


def _months() -> list[int]:
    this = divmod(tallies.month(store.now()), 100)
    back = [this[0] * 12 + this[1] - 1 - ago for ago in reversed(range(MONTHS))]
    return [number // 12 * 100 + number % 12 + 1 for number in back]


def _period(month: int, counts: Counter[tuple[str, int]]) -> Period:
    answers = {
        (solved, understood): counts["feedback", row * len(tallies.UNDERSTOOD) + column]
        for row, solved in enumerate(("solved", "unsolved"))
        for column, understood in enumerate(tallies.UNDERSTOOD)
    }
    return Period(
        month=month,
        first_word=_spread(counts, "first_word"),
        solution=_spread(counts, "resolved"),
        declined=_enough(counts["declined", 0]),
        passed_on=_enough(counts["passed_on", 0]),
        promises=_promises(counts),
        written=_written(counts),
        answers=answers if sum(answers.values()) >= FEWEST else None,
    )


def _promises(counts: Counter[tuple[str, int]]) -> dict[str, int] | None:
    found = {state: counts[state, 0] for state in tallies.PROMISES.values()}
    return found if sum(found.values()) >= FEWEST else None


def _written(counts: Counter[tuple[str, int]]) -> Written | None:
    own, standard = counts["words", tallies.OWN], counts["words", tallies.STANDARD]
    return Written(own + standard, own) if own + standard >= FEWEST else None


def _spread(counts: Counter[tuple[str, int]], measure: str) -> Spread:
    buckets = sorted((bucket, n) for (name, bucket), n in counts.items() if name == measure and n > 0)
    n = sum(count for _bucket, count in buckets)
    if n < FEWEST:
        return Spread(n, None, None)
    return Spread(n, _at_rank(buckets, 0.5 * n), _at_rank(buckets, 0.9 * n))


def _at_rank(buckets: list[tuple[int, int]], rank: float) -> timedelta:
    """Return the duration that `rank` of them did not exceed."""
    passed = 0
    for bucket, n in buckets:
        passed += n
        if passed >= rank:
            return tallies.duration(bucket)
    return tallies.duration(buckets[-1][0])


def _enough(n: int) -> int | None:
    return n if n >= FEWEST else None
