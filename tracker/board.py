"""WHAT A LEAD SEES of a desk: who waits for a word now, who was passed around, whose promises fall due."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tracker import browse, clock, disclosure, people, store
from tracker.disclosure import Shown
from tracker.models import Desk, Person

BOUNCED = 2
"""From how many times passed on a ticket counts as bounced."""


def of(desk: Desk) -> dict[str, Any]:
    """Return the board of a desk: `waiting` longest first, `bounced` most often first, `people` with their promises."""
    rows = browse.desk_queue(desk)
    waiting = [row | {"since": _since(row)} for row in rows if row["is_urgent"]]
    bounced = [row for row in rows if row["passed_on"] >= BOUNCED]
    tonight = clock.start_of_tomorrow(store.now(), desk.zone)
    return {
        "waiting": sorted(waiting, key=lambda row: row["since"]),
        "bounced": sorted(bounced, key=lambda row: -row["passed_on"]),
        "people": [_promises_of(one, rows, tonight) for one in people.of_desk(desk)],
        "open": len(rows),
    }


def one(desk: Desk, ref: str) -> Shown | None:
    """Return an open ticket of the desk as its board lists it; None for every other."""
    return next((row for row in browse.desk_queue(desk) if row["ref"] == ref), None)


def _since(row: Shown) -> datetime:
    """Return since when they wait: for an answer, a first word, or the one that was promised."""
    found: datetime = row["replied_at"] or (row["opened_at"] if row["is_new"] else row["promise"]["due_at"])
    return found


def _promises_of(person: Person, rows: Sequence[Shown], tonight: datetime) -> Shown:
    mine = [row for row in rows if row["assignee"]["slug"] == person.slug]
    due = [row for row in mine if row["promise"] and not row["overdue"]]
    return disclosure.person_ref(person) | {
        "on_duty": person.on_duty,
        "open": len(mine),
        "overdue": sum(row["overdue"] for row in mine),
        "today": sum(row["promise"]["due_at"] < tonight for row in due),
        "next": due[0] if due else None,
    }
