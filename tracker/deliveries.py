"""What became of outgoing news: deliveries listed and counted, and those to be tried again."""

from datetime import datetime

from sqlalchemy import func, select

from tracker import store
from tracker.models import Delivery, News


def oldest_waiting() -> datetime | None:
    """Return since when the longest-waiting due delivery or unexpanded news waits; None when nothing does."""
    news = store.session().scalar(select(func.min(News.created_at)).where(News.expanded_at.is_(None)))
    query = select(func.min(Delivery.next_at)).where(Delivery.state == "waiting", Delivery.attempts == 0)
    query = query.where(Delivery.next_at <= store.now())
    delivery = store.session().scalar(query)
    return min((at for at in (news, delivery) if at), default=None)


def newest(state: str | None = None, *, limit: int | None) -> list[Delivery]:
    """Return deliveries, the newest first, all or those in one state."""
    query = select(Delivery).where(Delivery.state == state) if state else select(Delivery)
    return list(store.session().scalars(query.order_by(Delivery.id.desc()).limit(limit)))


def totals() -> dict[str, int]:
    """Return how many deliveries are in each state."""
    query = select(Delivery.state, func.count()).group_by(Delivery.state)
    return {row[0]: row[1] for row in store.session().execute(query)}


def retry(delivery_id: int) -> bool:
    """Let a dead delivery be tried again, from the start; False when there is no such dead delivery."""
    return _again(delivery_id, "dead")


def replay(delivery_id: int) -> bool:
    """Deliver once more what was delivered already, or is dead; False when there is no such delivery."""
    return _again(delivery_id, "dead", "sent")


def _again(delivery_id: int, *states: str) -> bool:
    with store.transaction() as session:
        delivery = session.get(Delivery, delivery_id)
        if delivery is None or delivery.state not in states:
            return False
        delivery.state, delivery.attempts, delivery.next_at = "waiting", 0, store.now()
        return True
