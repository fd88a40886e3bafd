"""What became of outgoing news: deliveries listed and counted, those to be tried again, and those to be forgotten."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update

from tracker import store
from tracker.models import Delivery, News, Subscription

KEPT = timedelta(days=90)
"""How long it is known what was sent where, and what was given up."""
ROUND = 200
"""How many one transaction forgets: pages write too."""


def oldest_waiting() -> datetime | None:
    """Return since when the longest-waiting due delivery or unexpanded news waits; None when nothing does."""
    news = store.session().scalar(select(func.min(News.created_at)).where(News.expanded_at.is_(None)))
    query = select(func.min(Delivery.next_at)).where(Delivery.state == "waiting", Delivery.attempts == 0)
    query = query.where(Delivery.next_at <= store.now())
    delivery = store.session().scalar(query)
    return min((at for at in (news, delivery) if at), default=None)


def last_sent() -> datetime | None:
    """Return when something was last delivered."""
    return store.session().scalar(select(func.max(Delivery.sent_at)))


def newest(state: str | None = None, *, limit: int | None) -> list[Delivery]:
    """Return deliveries, the newest first, all or those in one state."""
    query = select(Delivery).where(Delivery.state == state) if state else select(Delivery)
    fresh = query.execution_options(populate_existing=True)  # outcomes are written past the session
    return list(store.session().scalars(fresh.order_by(Delivery.id.desc()).limit(limit)))


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


def forget(which: ColumnElement[bool]) -> int:
    """Remove some subscriptions, and what was sent and waits to be sent there; return how many, 0 when none is left.

    Letters about them find nobody from then on, not everybody without an address.
    """
    query = select(Subscription.id).where(which).limit(ROUND)
    if store.session().execute(query.limit(1)).first() is None:
        return 0
    with store.transaction() as session:
        ids = session.scalars(query.with_for_update()).all()  # or the worker adds a delivery meanwhile
        of_them = {"synchronize_session": False}
        session.execute(delete(Delivery).where(Delivery.subscription_id.in_(ids)).execution_options(**of_them))
        nobody = {"subscription_id": None, "address": "", "expanded_at": func.coalesce(News.expanded_at, store.now())}
        letters = update(News).where(News.subscription_id.in_(ids)).values(nobody)
        session.execute(letters.execution_options(**of_them))
        session.execute(delete(Subscription).where(Subscription.id.in_(ids)).execution_options(**of_them))
        return len(ids)


def forget_old() -> int:
    """Delete news that left long ago, with its deliveries, unless one still waits; due work of the outbox worker.

    The newest of both stay: SQLite gives their numbers anew once they are free, and messages' ids are made of them.
    """
    session, last = store.session(), select(func.max(News.id)).scalar_subquery()
    last_sent = select(Delivery.news_id).order_by(Delivery.id.desc()).limit(1).scalar_subquery()
    waits = select(Delivery.id).where(Delivery.news_id == News.id, Delivery.state == "waiting").exists()
    query = select(News.id).where(
        News.expanded_at < store.now() - KEPT, News.id < last, News.id != func.coalesce(last_sent, 0), ~waits
    )
    if session.execute(query.limit(1)).first() is None:
        return 0
    with store.transaction():
        ids = session.scalars(query.limit(ROUND)).all()
        session.execute(delete(Delivery).where(Delivery.news_id.in_(ids)))
        session.execute(delete(News).where(News.id.in_(ids)))
        return len(ids)


def _again(delivery_id: int, *states: str) -> bool:
    with store.transaction() as session:
        delivery = session.get(Delivery, delivery_id)
        if delivery is None or delivery.state not in states:
            return False
        delivery.state, delivery.attempts, delivery.next_at = "waiting", 0, store.now()
        return True
