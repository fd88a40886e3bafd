"""The figures of people and desks as their pages and a table for other programs show them."""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response

from tracker import clock, desks, people, richtext, statistics, tallies
from tracker.models import Desk, Person
from tracker.statistics import Figures, Period, Spread
from tracker.viewer import admits

blueprint = Blueprint("figures", __name__)
TALL = 100
ROUNDED = [(timedelta(days=10), timedelta(days=1)), (timedelta(hours=10), timedelta(hours=1))]
ROUNDED += [(timedelta(hours=1), timedelta(minutes=10))]
PROMISES = ("kept", "moved", "missed")
ANSWERS = {"yes": "understood", "partly": "partly understood", "no": "not understood"}
HEAD = ["name", "month", "first_word_n", "first_word_median_s", "first_word_90_percent_s"]
HEAD += ["solved_n", "solved_median_s", "solved_90_percent_s", "declined", "passed_on"]
HEAD += [f"promises_{state}" for state in PROMISES]
HEAD += [f"{solved}_{words.replace(' ', '_')}" for solved in ("solved", "unsolved") for words in ANSWERS.values()]
HEAD += ["words_n", "words_for_the_case", "open_now"]


@blueprint.get("/people/<slug>/figures.csv")
@admits("anyone")
def of_person(slug: str) -> Response:
    """The figures of a person, month by month."""
    return _table(people.find(slug))


@blueprint.get("/desks/<slug>/figures.csv")
@admits("anyone")
def of_desk(slug: str) -> Response:
    """The figures of a desk, month by month."""
    return _table(desks.find(slug))


def shown(of: Person | Desk) -> dict[str, Any]:
    """Return the figures of a person or desk as the page's part takes them."""
    return told(statistics.figures(of)) | {
        "csv_url": f"/{'desks' if isinstance(of, Desk) else 'people'}/{of.slug}/figures.csv"
    }


def told(found: Figures) -> dict[str, Any]:
    """Return figures in words, percent and heights."""
    whole = found.whole
    return {
        "is_empty": found.is_empty,
        "open_now": found.open_now,
        "fewest": statistics.FEWEST,
        "months": statistics.MONTHS,
        "first_word": _words(whole.first_word),
        "solution": _words(whole.solution),
        "declined": whole.declined,
        "passed_on": whole.passed_on,
        "promises": _shares(whole),
        "written": whole.written,
        "square": _square(whole),
        "charts": [_chart(*one) for one in _series(found)],
        "promise_chart": _promise_chart(found),
    }


def _words(spread: Spread) -> dict[str, Any] | None:
    if spread.median is None or spread.ninety is None:
        return None
    return {"n": spread.n, "median": _roughly(spread.median), "ninety": _roughly(spread.ninety)}


def _roughly(span: timedelta) -> str:
    """Say a duration as exactly as it is known."""
    for least, step in ROUNDED:
        if span >= least:
            return clock.humanise(round(span / step) * step)
    return clock.humanise(span)


def _shares(period: Period) -> dict[str, int] | None:
    if period.promises is None:
        return None
    n = sum(period.promises.values())
    return {"n": n, **period.promises, "percent": round(100 * period.promises["kept"] / n)}


def _square(period: Period) -> dict[str, Any] | None:
    if period.answers is None:
        return None
    n = sum(period.answers.values())
    rows = [
        (solved, [round(100 * period.answers[solved, one] / n) for one in ANSWERS]) for solved in ("solved", "unsolved")
    ]
    return {"n": n, "head": list(ANSWERS.values()), "rows": rows}


def _series(found: Figures) -> Iterator[tuple[str, str, list[tuple[int, Spread]]]]:
    yield "first-word", "Time to the first word", [(one.month, one.first_word) for one in found.months]
    yield "solution", "Time to the solution", [(one.month, one.solution) for one in found.months]


def _chart(name: str, title: str, months: list[tuple[int, Spread]]) -> dict[str, Any] | None:
    """Return a column a month from zero to nine in ten, with a mark at half; heights on a scale of TALL."""
    longest = max((spread.ninety for _month, spread in months if spread.ninety), default=None)
    if longest is None:
        return None
    columns = [
        {"month": _month(month), "letter": _month(month)[:1], "n": spread.n}
        | ({"median": _tall(spread.median, longest), "ninety": _tall(spread.ninety, longest)} if spread.median else {})
        | {"words": _words(spread)}
        for month, spread in months
    ]
    return {"name": name, "title": title, "top": _roughly(longest), "columns": columns}


def _promise_chart(found: Figures) -> dict[str, Any] | None:
    columns = [
        {"month": _month(one.month), "letter": _month(one.month)[:1], "of": shares, "parts": _parts(shares)}
        for one, shares in ((one, _shares(one)) for one in found.months)
    ]
    return {"columns": columns} if any(column["of"] for column in columns) else None


def _parts(shares: dict[str, int] | None) -> list[dict[str, Any]]:
    """Return the parts of a column that stand on each other, from below."""
    parts: list[dict[str, Any]] = []
    below = 0.0
    if shares is not None:
        for state in PROMISES:
            height = round(TALL * shares[state] / shares["n"], 1)
            parts.append({"state": state, "height": height, "below": below})
            below += height
    return parts


def _tall(span: timedelta | None, longest: timedelta) -> float:
    return round(TALL * (span / longest), 1) if span else 0.0


def _month(number: int) -> str:
    return f"{date(number // 100, number % 100, 1):%b %Y}"


def _table(of: Person | Desk) -> Response:
    found = statistics.figures(of)
    page = io.StringIO()
    rows = csv.writer(page)
    rows.writerow(HEAD)
    for one in [*found.months, found.whole]:
        rows.writerow([richtext.cell(of.name), *_cells(one), None if one.month else found.open_now])
    answer = Response(page.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{of.slug}.csv"'
    return answer


def _cells(one: Period) -> Iterator[object]:
    yield f"{one.month // 100}-{one.month % 100:02}" if one.month else "all"
    for spread in (one.first_word, one.solution):
        yield spread.n if spread.median else None
        yield from (int(span.total_seconds()) if span else None for span in (spread.median, spread.ninety))
    yield from (one.declined, one.passed_on)
    yield from (one.promises[state] if one.promises else None for state in PROMISES)
    for solved in ("solved", "unsolved"):
        yield from (one.answers[solved, said] if one.answers else None for said in tallies.UNDERSTOOD)
    yield from (one.written.counted, one.written.own) if one.written else (None, None)
