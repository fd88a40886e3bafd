"""News that must leave the house: written with the event, expanded to deliveries, tried until delivered."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import Flask, current_app
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from tracker import store
from tracker.models import Delivery, Event, News

BACK_OFF = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 7200, 21600, 43200))
"""Waits between attempts; after the last one the delivery is dead and listed."""
CLAIM_LASTS = timedelta(seconds=45)
"""Longer than a round with one hanging attempt, short enough for a killed worker's mail to leave within a minute."""
BATCH = 100
ROUND_LASTS_S = 15
"""How long one round attempts deliveries: a mail server that hangs must not hold up promises falling due."""
BEAT_S = 0.5
"""How often the worker looks for work when nothing wakes it."""


class Undeliverable(Exception):
    """A channel could not deliver. `permanent`: trying again can't help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason, self.permanent = reason, permanent


@dataclass(frozen=True)
class Recipient:
    """Where one piece of news goes: a channel, an address there, and why it hears of it (customer or staff)."""

    channel: str
    address: str
    role: str


Expand = Callable[[News], list[Recipient]]
Deliver = Callable[[Delivery, News], None]
DueWork = Callable[[], int]
Check = Callable[[], str]
"""Whether a channel could deliver now: a problem in words, or nothing."""


@dataclass
class Wiring:
    """Names to callables, filled by the composition root: the outbox itself knows no channel."""

    expand: Expand
    deliver: dict[str, Deliver]
    due_work: list[DueWork]
    check: dict[str, Check] = field(default_factory=dict)


def announce(event: Event) -> News:
    """Leave the news row of an event in its transaction."""
    return _leave(News(topic="event", event_id=event.id, ticket_id=event.ticket_id, created_at=event.recorded_at))


def letter(topic: str, *, ticket_id: int | None = None, person_id: int | None = None, address: str = "") -> News:
    """Leave a letter that is no event: signin, confirm, reset, invite, due. Secrets in it are made when it is sent."""
    return _leave(News(topic=topic, ticket_id=ticket_id, person_id=person_id, address=address, created_at=store.now()))


def step() -> int:
    """Do one round of work: due work, expand news, attempt deliveries. Return how many things were done."""
    wiring: Wiring = current_app.extensions["tracker_outbox"]
    done = sum(work() for work in wiring.due_work)
    done += _expand(wiring)
    return done + _deliver(wiring)


def run(app: Flask, stop: threading.Event, wake: threading.Event) -> None:
    """Work until `stop`; `wake` ends a wait early."""
    while not stop.is_set():
        done = 0
        with app.app_context():
            try:
                done = step()
            except Exception:  # the loop must survive a database that is away
                app.logger.exception("outbox: round failed, trying again")
                stop.wait(1)
        if not done:
            wake.wait(BEAT_S)
            wake.clear()


def oldest_waiting() -> datetime | None:
    """Return since when the longest-waiting due delivery or unexpanded news waits; None when nothing does."""
    news = store.session().scalar(select(func.min(News.created_at)).where(News.expanded_at.is_(None)))
    query = select(func.min(Delivery.next_at)).where(Delivery.state == "waiting", Delivery.attempts == 0)
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
    with store.transaction() as session:
        delivery = session.get(Delivery, delivery_id)
        if delivery is None or delivery.state != "dead":
            return False
        delivery.state, delivery.attempts, delivery.next_at = "waiting", 0, store.now()
        return True


def _leave(news: News) -> News:
    store.session().add(news)
    store.notice("news", None)
    return news


def _expand(wiring: Wiring) -> int:
    query = select(News).where(News.expanded_at.is_(None)).order_by(News.id).limit(BATCH)
    if store.session().execute(query.with_only_columns(News.id).limit(1)).first() is None:
        return 0
    with store.transaction() as session:
        found = session.scalars(query.with_for_update(skip_locked=True)).all()
        return sum(_expand_one(session, wiring, news) for news in found)


def _expand_one(session: Session, wiring: Wiring, news: News) -> bool:
    now, news_id = store.now(), news.id
    try:
        with session.begin_nested():
            news.expanded_at = now
            for one in wiring.expand(news):
                session.add(
                    Delivery(news_id=news_id, channel=one.channel, address=one.address, role=one.role, next_at=now)
                )
    except Exception:  # a fault of ours in one piece of news must not hold up the others; it stays, and is retried
        current_app.logger.exception("outbox: news %s could not be expanded", news_id)
        return False
    return True


def _claim() -> list[int]:
    now = store.now()
    free = or_(Delivery.claimed_until.is_(None), Delivery.claimed_until < now)
    query = select(Delivery.id).where(Delivery.state == "waiting", Delivery.next_at <= now, free)
    query = query.order_by(Delivery.next_at).limit(BATCH)
    if store.session().execute(query.limit(1)).first() is None:
        return []
    with store.transaction() as session:
        ids = list(session.scalars(query.with_for_update(skip_locked=True)))
        session.execute(update(Delivery).where(Delivery.id.in_(ids)).values(claimed_until=now + CLAIM_LASTS))
        return ids


def _deliver(wiring: Wiring) -> int:
    ids, until = _claim(), time.monotonic() + ROUND_LASTS_S
    for done, delivery_id in enumerate(ids):
        if time.monotonic() > until:
            _release(ids[done:])
            return done
        _attempt(wiring, delivery_id)
    return len(ids)


def _release(ids: list[int]) -> None:
    with store.transaction() as session:
        session.execute(update(Delivery).where(Delivery.id.in_(ids)).values(claimed_until=None))


def _attempt(wiring: Wiring, delivery_id: int) -> None:
    delivery = store.session().get(Delivery, delivery_id, populate_existing=True)
    news = store.session().get(News, delivery.news_id) if delivery else None
    if delivery is None or news is None:
        return
    problem: Undeliverable | None = None
    try:
        wiring.deliver[delivery.channel](delivery, news)
    except Undeliverable as error:
        problem = error
    except Exception as error:  # a fault of ours in one delivery must not stop the others
        current_app.logger.exception("outbox: delivery %s failed", delivery_id)
        problem = Undeliverable(type(error).__name__, permanent=False)
    with store.transaction():
        _record(delivery, problem)


def _record(delivery: Delivery, problem: Undeliverable | None) -> None:
    now = store.now()
    delivery.attempts += 1
    delivery.claimed_until = None
    if problem is None:
        delivery.state, delivery.sent_at, delivery.last_error = "sent", now, ""
        return
    delivery.last_error = problem.reason[:500]
    if problem.permanent or delivery.attempts > len(BACK_OFF):
        delivery.state = "dead"
    else:
        delivery.next_at = now + BACK_OFF[delivery.attempts - 1]
