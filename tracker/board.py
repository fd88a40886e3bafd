"""WHAT A LEAD SEES of a desk: who waits for a word now, who was passed around, whose promises fall due."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, func, select, tuple_

from tracker import browse, clock, disclosure, people, store
from tracker.disclosure import Shown
from tracker.models import Desk, Ticket

BOUNCED = 2
"""From how many times passed on a ticket counts as bounced."""


def of(desk: Desk) -> dict[str, Any]:
    """Return the board of a desk: `waiting` longest first, `bounced` most often first, `people` with their promises.

    Both lists hold browse.MOST at most, of those owed a word first; what is counted is counted whole.
    """
    waiting = [row | {"since": _since(row)} for row in browse.desk_queue(desk, browse.urgent())]
    bounced = browse.desk_queue(desk, Ticket.passed_on >= BOUNCED)
    counted = _counted(desk)
    return {
        "waiting": sorted(waiting, key=lambda row: row["since"]),
        "bounced": sorted(bounced, key=lambda row: -row["passed_on"]),
        "people": _promises(desk, counted),
        "open": sum(one.open for one in counted),
        "most": browse.MOST,
    }


def one(desk: Desk, ref: str) -> Shown | None:
    """Return an open ticket of the desk as its board lists it; None for every other."""
    return next(iter(browse.desk_queue(desk, Ticket.ref == ref)), None)


def _since(row: Shown) -> datetime:
    """Return since when they wait: for an answer, a first word, or the one that was promised."""
    found: datetime = row["replied_at"] or (row["opened_at"] if row["is_new"] else row["promise"]["due_at"])
    return found


def _counted(desk: Desk) -> Sequence[Row[Any]]:
    """Return what is open by person, whoever has it: how much, how much of it overdue and due today, and what next."""
    tonight = clock.start_of_tomorrow(store.now(), desk.zone)
    coming = case((~Ticket.overdue, Ticket.due_at))
    query = select(
        Ticket.assignee_id,
        func.count().label("open"),
        func.count(case((Ticket.overdue, 1))).label("overdue"),
        func.count(case((coming < tonight, 1))).label("today"),
        func.min(coming).label("next_at"),
    ).where(Ticket.desk_id == desk.id, Ticket.is_open)
    return store.session().execute(query.group_by(Ticket.assignee_id)).all()


def _promises(desk: Desk, counted: Sequence[Row[Any]]) -> list[Shown]:
    """Return the people of a desk, each with what they promised here and the ticket whose word is due next."""
    mine = {one.assignee_id: one for one in counted}
    nexts = [(one.assignee_id, one.next_at) for one in counted if one.next_at]
    theirs = tuple_(Ticket.assignee_id, Ticket.due_at).in_(nexts)
    coming = {row["assignee"]["slug"]: row for row in reversed(browse.desk_queue(desk, ~Ticket.overdue, theirs))}
    found = []
    for person in people.of_desk(desk):
        has = mine.get(person.id)
        found.append(
            disclosure.person_ref(person)
            | {
                "on_duty": person.on_duty,
                "open": has.open if has else 0,
                "overdue": has.overdue if has else 0,
                "today": has.today if has else 0,
                "next": coming.get(person.slug),
            }
        )
    return found
