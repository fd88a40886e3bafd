"""FIGURES and their definitions; projections of timelines, never of anybody's working minutes."""

from datetime import timedelta

from sqlalchemy import func, select

from tracker import store
from tracker.models import Person, Promise

WINDOW = timedelta(days=90)


def promises(person: Person) -> dict[str, int]:
    """Return how many promises of this person were kept, missed and moved in the last 90 days."""
    query = (
        select(Promise.state, func.count())
        .where(Promise.person_id == person.id, Promise.settled_at >= store.now() - WINDOW)
        .group_by(Promise.state)
    )
    counts = {row[0]: row[1] for row in store.session().execute(query)}
    return {state: counts.get(state, 0) for state in ("kept", "missed", "moved")} | {"days": WINDOW.days}
