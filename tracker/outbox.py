"""News that must leave the house: written with the event, expanded to deliveries, tried until delivered."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, current_app
from sqlalchemy import Select, Table, bindparam, case, func, insert, or_, select, update
from sqlalchemy.orm import Session, selectinload

from tracker import store
from tracker.models import Delivery, Event, News, Subscription
from tracker.models.outbox import GATHERED

BACK_OFF = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 7200, 21600, 43200))
"""Waits between attempts; after the last one the delivery is dead and listed."""
CLAIM_LASTS = timedelta(seconds=45)
"""Longer than a round with one hanging attempt, short enough for a killed worker's mail to leave within a minute."""
BATCH = 300
"""How many one round claims: half a second's mail to many, for single people's waits until the next round."""
ARRIVED = {"state": "sent", "claimed_until": None, "last_error": ""}
MOST_TOGETHER = 50
"""How many deliveries become one message."""
MOST_FELLOWS = 1000
MOST_ROWS = 1000
"""How many deliveries one transaction adds: pages write too."""
EXPANDS_FOR_S = 0.5
"""How long one transaction expands news: where there is one writer, a page gives up its write after four seconds."""
ROUND_LASTS_S = 15
"""How long one round attempts deliveries: a mail server that hangs must not hold up promises falling due."""
RECORD_EVERY_S = 1.0
"""How long what was delivered may be unrecorded: a worker killed meanwhile delivers it again, under the same id."""
BEAT_S = 0.5
"""How often the worker looks for work when nothing wakes it."""

TRIED = Delivery.attempts + case((Delivery.claimed_until.is_not(None), 1), else_=0)
"""How often a delivery that is free was tried: a worker that died with it may have sent it."""
TOGETHER = (Delivery.address, Delivery.digest, TRIED)
"""What digests of a channel have in common that leave as one message, those not yet due too. What was tried before
stays by itself: a message that is repeated says the same."""


class Undeliverable(Exception):
    """A channel could not deliver. `permanent`: trying again can't help; `again_in`: when to, if the channel knows."""

    def __init__(self, reason: str, *, permanent: bool, again_in: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason, self.permanent, self.again_in = reason, permanent, again_in


class Dropped(Exception):
    """There is nobody to tell any more: they left, or may no longer see it. Nothing is wrong, and nothing is sent."""


@dataclass(frozen=True)
class Recipient:
    """Where one piece of news goes: a channel, an address there, and why it hears of it (customer, staff, public).

    `leaves_at`: not before then, together with what else has come up; None: at once and alone.
    `digest`: in one mail with what other tickets have for the address at this pace (hourly, daily).
    """

    channel: str
    address: str
    role: str
    leaves_at: datetime | None = None
    subscription_id: int | None = None
    bulk: bool = False
    digest: str = ""


@dataclass(frozen=True)
class Audience:
    """Some of the recipients of a piece of news; `upto` names the last subscription among them when more follow."""

    recipients: Sequence[Recipient]
    upto: int | None = None


Expand = Callable[[News], Audience]
Told = Callable[[Event], frozenset[str]]
Deliver = Callable[[Delivery, News], None]
Digest = Callable[[Sequence[tuple[Delivery, News]]], Collection[int]]
"""Says several to one address at once; returns the ids of those of which there was nothing to say any more."""
DueWork = Callable[[], int]
Check = Callable[[], str]
"""Whether a channel could deliver now: a problem in words, or nothing."""


@dataclass
class Wiring:
    """Names to callables, filled by the composition root: the outbox itself knows no channel."""

    expand: Expand
    told: Told
    """Which roles an event is news for: waiting mail to them takes it along."""
    deliver: dict[str, Deliver]
    due_work: list[DueWork]
    digest: dict[str, Digest] = field(default_factory=dict)
    check_target: dict[str, Callable[[str], str]] = field(default_factory=dict)
    """What a channel makes of an address somebody typed; raises Invalid."""
    check: dict[str, Check] = field(default_factory=dict)
    rest: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What a channel does when there is nothing more to deliver now, such as closing its connection."""
    threads: dict[str, int] = field(default_factory=dict)
    """Channels whose far ends may be slow, with the threads of their own that keep them from holding up the others."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends a round after the attempt that is under way, so that what was delivered is written down."""


def announce(event: Event) -> News:
    """Leave the news row of an event in its transaction."""
    return _leave(News(topic="event", event_id=event.id, ticket_id=event.ticket_id, created_at=event.recorded_at))


def letter(
    topic: str,
    *,
    ticket_id: int | None = None,
    person_id: int | None = None,
    subscription_id: int | None = None,
    address: str = "",
) -> News:
    """Leave a letter that is no event: signin, reset, invite, due, offer, follow, ended or report.

    Its secrets are made when it is sent.
    """
    whose = {"ticket_id": ticket_id, "person_id": person_id, "subscription_id": subscription_id}
    return _leave(News(topic=topic, address=address, created_at=store.now(), **whose))


def step() -> int:
    """Do one round of work: due work, expand news, attempt deliveries. Return how many things were done."""
    return _tend() + sum(_deliver(channel) for channel in _wiring().deliver)


def run(app: Flask, stop: threading.Event, wake: threading.Event) -> None:
    """Work until `stop`; `wake` ends a wait early. Slow channels work beside, on threads of their own."""
    wiring: Wiring = app.extensions["tracker_outbox"]
    slow, wiring.stop = wiring.threads, stop

    def tend() -> int:
        return _tend() + sum(_deliver(channel) for channel in _wiring().deliver if channel not in slow)

    beside = [
        threading.Thread(target=_lane, args=(app, stop, channel), name=f"outbox-{channel}", daemon=True)
        for channel, count in slow.items()
        for _ in range(count)
    ]
    for thread in beside:
        thread.start()
    _work(app, stop, wake, tend)
    for thread in beside:
        thread.join(BEAT_S * 4)


def _lane(app: Flask, stop: threading.Event, channel: str) -> None:
    _work(app, stop, stop, lambda: _deliver(channel, limit=1))


def _work(app: Flask, stop: threading.Event, wake: threading.Event, once: Callable[[], int]) -> None:
    away = False
    while not stop.is_set():
        done = 0
        with app.app_context():
            try:
                done = once()
                away = _tell_once(app, away, None)
            except store.AWAY as error:
                away = _tell_once(app, away, error)
                stop.wait(1)
            except Exception:  # the loop must survive a fault of ours
                app.logger.exception("outbox: round failed, trying again")
                stop.wait(1)
        if not done:
            wake.wait(BEAT_S)
            if wake is not stop:
                wake.clear()


def _tell_once(app: Flask, was_away: bool, error: BaseException | None) -> bool:
    """Write a line when the database goes and when it is back; it may be away, or full, for a night."""
    if error and not was_away:
        app.logger.warning("outbox: waits for the database: %s", store.reason(error))
    elif was_away and not error:
        app.logger.warning("outbox: works again")
    return error is not None


def _leave(news: News) -> News:
    store.session().add(news)
    store.notice("news", None)
    return news


def _wiring() -> Wiring:
    found: Wiring = current_app.extensions["tracker_outbox"]
    return found


def _tend() -> int:
    return sum(work() for work in _wiring().due_work) + _expand()


def _expand() -> int:
    query = select(News).where(News.expanded_at.is_(None)).order_by(News.expanded_upto, News.id).limit(BATCH)
    if store.session().execute(query.with_only_columns(News.id).limit(1)).first() is None:
        return 0
    done = rows = 0
    with store.transaction() as session:
        until = time.monotonic() + EXPANDS_FOR_S
        for news in session.scalars(query.with_for_update(skip_locked=True)).all():
            added = _expand_one(session, news)
            done, rows = done + (added is not None), rows + (added or 0)
            if rows >= MOST_ROWS or (done and time.monotonic() >= until):  # writers wait for this transaction
                break
    return done


def _expand_one(session: Session, news: News) -> int | None:
    news_id = news.id
    try:
        with session.begin_nested():
            event = session.get(Event, news.event_id) if news.event_id else None
            if event and not news.expanded_upto:
                _take_along(session, event)
            audience = _wiring().expand(news)
            rows = [_row(news, event, one) for one in _uncovered(session, event, audience.recipients)]
            if rows:
                session.execute(insert(Delivery), rows)
            news.expanded_upto = audience.upto or news.expanded_upto
            news.expanded_at = None if audience.upto else store.now()
    except Exception:  # a fault of ours in one piece of news must not hold up the others; it stays, and is retried
        store.complain(current_app.logger, "outbox: news %s could not be expanded", news_id)
        return None
    return len(rows)


def _take_along(session: Session, event: Event) -> None:
    """Let mail that still waits carry this event too: a burst leaves as one.

    Not what a worker took and died with: it may have left, and a mail that says more under the same id is thrown away.
    """
    untried = (Delivery.attempts == 0, Delivery.claimed_until.is_(None))
    waiting = (Delivery.ticket_id == event.ticket_id, Delivery.state == "waiting", *untried)
    fits = (Delivery.upto_seq < event.seq, Delivery.role.in_(_wiring().told(event)))
    session.execute(
        update(Delivery).where(*waiting, *fits).values(upto_seq=event.seq).execution_options(synchronize_session=False)
    )


def _uncovered(session: Session, event: Event | None, found: Sequence[Recipient]) -> list[Recipient]:
    """Leave out whose waiting mail takes the event along."""
    if event is None or not found:
        return list(found)
    covers = (Delivery.from_seq <= event.seq, Delivery.upto_seq >= event.seq)
    addresses = {one.address for one in found}
    query = select(Delivery.channel, Delivery.address).where(Delivery.ticket_id == event.ticket_id, *covers)
    covered = {tuple(row) for row in session.execute(query.where(Delivery.address.in_(addresses)))}
    return [one for one in found if (one.channel, one.address) not in covered]


def _row(news: News, event: Event | None, one: Recipient) -> dict[str, Any]:
    burst = event.seq if event and one.leaves_at else None
    return {
        "news_id": news.id,
        "ticket_id": news.ticket_id,
        "channel": one.channel,
        "address": one.address,
        "role": one.role,
        "subscription_id": one.subscription_id,
        "from_seq": burst,
        "upto_seq": burst,
        "bulk": one.bulk,
        "digest": one.digest,
        "next_at": one.leaves_at or store.now(),
    }


def _claim(channel: str, limit: int = BATCH) -> list[int]:
    now = store.now()
    free = or_(Delivery.claimed_until.is_(None), Delivery.claimed_until < now)
    query = select(Delivery.id).where(
        Delivery.state == "waiting", Delivery.channel == channel, Delivery.next_at <= now, free
    )
    query = query.order_by(Delivery.bulk, Delivery.next_at, Delivery.id).limit(limit)
    if store.session().execute(query.limit(1)).first() is None:
        return []
    with store.transaction() as session:
        if channel in _wiring().digest:
            _wait_for_others(session)
        due = session.execute(query.with_only_columns(Delivery.id, *TOGETHER).with_for_update(skip_locked=True)).all()
        ids = [row.id for row in due]
        if digests := {tuple(row[1:]) for row in due if row.digest}:
            fellows = _fellows(channel, digests).where(free, Delivery.id.not_in(ids)).with_for_update(skip_locked=True)
            ids += [row.id for row in session.execute(fellows) if tuple(row[1:]) in digests]
        taken = update(Delivery).where(Delivery.id.in_(ids)).values(claimed_until=now + CLAIM_LASTS, attempts=TRIED)
        session.execute(taken.execution_options(synchronize_session=False))
        return ids


def _wait_for_others(session: Session) -> None:
    """Let one worker at a time claim: of two each would take some of what waits for an address, and send it a mail."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer
        from tracker import postgres  # its driver is not everybody's

        session.execute(select(func.pg_advisory_xact_lock(postgres.DIGESTS)))


def _fellows(channel: str, digests: Collection[tuple[Any, ...]]) -> Select[int, str, str, int]:
    """Ask for all that waits as a digest for some addresses."""
    addresses, paces = ({one[place] for one in digests} for place in (0, 1))
    waiting = (Delivery.state == "waiting", Delivery.channel == channel, GATHERED)
    query = select(Delivery.id, *TOGETHER).where(*waiting, Delivery.address.in_(addresses), Delivery.digest.in_(paces))
    return query.order_by(Delivery.id).limit(MOST_FELLOWS)


def _deliver(channel: str, limit: int = BATCH) -> int:
    ids = _claim(channel, limit)
    if ids:
        _attempt_all(channel, ids)
    if len(ids) < limit:
        _wiring().rest.get(channel, lambda: None)()
    return len(ids)


def _attempt_all(channel: str, ids: list[int]) -> None:
    query = select(Delivery, News).join(News, News.id == Delivery.news_id).where(Delivery.id.in_(ids))
    query = query.options(selectinload(Delivery.subscription).selectinload(Subscription.ticket))
    found = store.session().execute(query.execution_options(populate_existing=True)).all()
    began = recorded = time.monotonic()
    done: list[tuple[Delivery, Exception | None]] = []
    for those in _grouped(sorted(found, key=lambda row: ids.index(row[0].id))):
        if time.monotonic() > began + ROUND_LASTS_S or _wiring().stop.is_set():
            break
        done += _attempt(channel, those)
        if time.monotonic() > recorded + RECORD_EVERY_S:
            _record(done)
            recorded = time.monotonic()
    _record(done)
    _release(ids)


def _grouped(found: Sequence[tuple[Delivery, News]]) -> Iterator[Sequence[tuple[Delivery, News]]]:
    """Yield what leaves as one message: digests by address, pace and attempt, everything else alone."""
    groups: dict[Any, list[tuple[Delivery, News]]] = {}
    for delivery, news in found:
        key = (delivery.address, delivery.digest, delivery.attempts) if delivery.digest else delivery.id
        groups.setdefault(key, []).append((delivery, news))
    for those in groups.values():
        yield from (those[at : at + MOST_TOGETHER] for at in range(0, len(those), MOST_TOGETHER))


def _attempt(channel: str, those: Sequence[tuple[Delivery, News]]) -> list[tuple[Delivery, Exception | None]]:
    problem: Exception | None = None
    empty: Collection[int] = ()
    try:
        if len(those) == 1:
            _wiring().deliver[channel](*those[0])
        else:
            empty = _wiring().digest[channel](those)
    except (Undeliverable, Dropped) as error:
        problem = error
    except Exception as error:  # a fault of ours in one delivery must not stop the others
        current_app.logger.exception("outbox: delivery %s failed", those[0][0].id)
        problem = Undeliverable(type(error).__name__, permanent=False)
    return [(delivery, Dropped() if delivery.id in empty else problem) for delivery, _news in those]


def _record(done: list[tuple[Delivery, Exception | None]]) -> None:
    """Write down what became of deliveries; those erased meanwhile stay as the erasure left them."""
    sent = [delivery.id for delivery, problem in done if problem is None]
    failed = [_outcome(delivery, problem) for delivery, problem in done if problem is not None]
    table = Delivery.__table__
    assert isinstance(table, Table)
    of_us = table.c.state == "waiting"
    arrived = update(table).where(table.c.id.in_(sent), of_us).values(ARRIVED | {"attempts": table.c.attempts + 1})
    with store.transaction() as session:
        if sent:
            session.connection().execute(arrived.values(sent_at=store.now()))
        if failed:
            session.connection().execute(update(table).where(table.c.id == bindparam("of_id"), of_us), failed)
    done.clear()


def _outcome(delivery: Delivery, problem: Exception) -> dict[str, Any]:
    now, attempts = store.now(), delivery.attempts + 1
    found: dict[str, Any] = {"of_id": delivery.id, "attempts": attempts, "claimed_until": None}
    found |= {"state": "dropped", "last_error": "", "next_at": delivery.next_at}
    if not isinstance(problem, Undeliverable):
        return found
    found["last_error"] = problem.reason[:500]
    if problem.permanent or (problem.again_in is None and attempts > len(BACK_OFF)):
        return found | {"state": "dead"}
    return found | {"state": "waiting", "next_at": now + (problem.again_in or BACK_OFF[attempts - 1])}


def _release(ids: list[int]) -> None:
    """Give back what the round did not come to."""
    left = (Delivery.id.in_(ids), Delivery.claimed_until.is_not(None), Delivery.state == "waiting")
    if store.session().execute(select(Delivery.id).where(*left).limit(1)).first() is not None:
        with store.transaction() as session:
            session.execute(update(Delivery).where(*left).values(claimed_until=None))
