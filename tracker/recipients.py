"""Who hears of a piece of news, where, in which role and when: both sides of the ticket, and those who follow it."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from tracker import links, permissions, settings, store
from tracker.kinds import KINDS
from tracker.models import Event, Handoff, News, Person, Subscription, Ticket
from tracker.outbox import Audience, Recipient
from tracker.speech import pick
from tracker.timeline import SEES

MOST_LETTERS = {"follow": (3, timedelta(days=1))}
LETTERS_AN_HOUR = (5, timedelta(hours=1))
UNCONFIRMED_A_DAY = 3
"""Tickets a day of which an unconfirmed address hears; further ones stay silent until it is confirmed, for our mail
must not be a weapon."""
AT_ONCE = 1000
"""How many followers one round looks at."""
DIGEST_AT = time(8)
"""When a daily digest leaves, on its reader's clock."""
ANSWERED = frozenset({"opened", "reopened"})
"""What our mail answers a customer; of the rest that they did themselves it tells them nothing."""
STILL_MAILED = frozenset({"opened", "resolved"})
"""What a customer who wants no mail is mailed all the same: who has it, and the two questions."""


def find(news: News) -> Audience:
    """Return where one piece of news goes, the two sides first, then some followers after `news.expanded_upto`.

    Nobody is told of what they did themselves.
    """
    if news.topic != "event":
        return Audience(_of_letter(news))
    event = store.session().get(Event, news.event_id)
    ticket = store.session().get(Ticket, news.ticket_id, populate_existing=True)
    if event is None or ticket is None:
        return Audience([])
    sides = [] if news.expanded_upto else _once_each(_sides(event, ticket))
    followers, upto = _followers(event, ticket, after=news.expanded_upto)
    return Audience(sides + followers, upto)


def of_customer(ticket: Ticket) -> Subscription:
    """Return how a ticket's customer hears of it: a place like a follower's, at once until they choose otherwise.

    Made when first asked for, inside a transaction.
    """
    own = {"ticket_id": ticket.id, "channel": "email", "target": ticket.email}
    query = select(Subscription).filter_by(**own)
    found = store.session().scalars(query).first()
    if found is None:
        facts = {"sid": links.new_ref(), "language": pick(ticket.language), "zone": ticket.zone or ticket.desk.zone}
        adding = store.inserting(Subscription).values(created_at=store.now(), **own, **facts)
        store.session().execute(adding.on_conflict_do_nothing(index_elements=list(own)))
        found = store.session().scalars(query).one()
    if found.role != "customer":
        found.role, found.confirmed_at, found.ended_at, found.ended_why = "customer", store.now(), None, ""
    return found


def told(event: Event) -> frozenset[str]:
    """Return the audiences by mail an event is news for: its customer, and the public that follows."""
    tells = KINDS[event.kind].tells
    is_own = event.actor_role == "customer" and event.kind not in ANSWERED
    to_customer = {"customer"} if "customer" in tells and event.audience != "staff" and not is_own else set()
    to_followers = {"public"} if "follower" in tells and event.audience == "public" else set()
    return frozenset(to_customer | to_followers)


def digest(of: Any, at: datetime) -> datetime | None:
    """Return when what happened at `at` leaves for a subscription: after the burst or the hour, or at their eight."""
    if of.frequency == "hourly":
        return at + timedelta(hours=1)
    if of.frequency == "daily":
        local = at.astimezone(ZoneInfo(of.zone or "UTC"))
        today = datetime.combine(local.date(), DIGEST_AT, local.tzinfo)
        return today if today > local else datetime.combine(local.date() + timedelta(days=1), DIGEST_AT, local.tzinfo)
    seconds = settings.current().mail_bundle_s
    return at + timedelta(seconds=seconds) if seconds else None


def pace(of: Any) -> str:
    """Return at which pace a subscription's news leaves in one mail with other tickets'; "" when each by itself."""
    return "" if of.frequency == "once" else str(of.frequency)


def _sides(event: Event, ticket: Ticket) -> list[Recipient]:
    tells = KINDS[event.kind].tells
    found: list[Recipient] = []
    if "customer" in told(event) and ticket.email and not _is_flood(ticket):
        found += _customer(event, ticket)
    people = {"assignee": ticket.assignee, "taker": _taker(ticket), "helper": _named(event)}
    for role, person in people.items():
        if role in tells and person and person.active and person.id != event.actor_id:
            found.append(Recipient("email", person.email, "staff"))
            found += _chats(person)
    return found


def _customer(event: Event, ticket: Ticket) -> list[Recipient]:
    own = of_customer(ticket)
    if not own.hears and event.kind not in STILL_MAILED:
        return []
    if event.kind == "opened":
        return [Recipient("email", ticket.email, "customer", None, own.id)]
    leaves_at = digest(own, event.recorded_at)
    return [Recipient("email", ticket.email, "customer", leaves_at, own.id, digest=pace(own))]


def _chats(person: Person) -> list[Recipient]:
    """Return the chats of somebody's own where they hear what they are mailed."""
    own = (Subscription.made_by_id == person.id, Subscription.role == "staff", Subscription.ended_at.is_(None))
    query = select(Subscription.id, Subscription.channel, Subscription.sid).where(*own)
    return [Recipient(row.channel, row.sid, "staff", None, row.id) for row in store.session().execute(query)]


def _followers(event: Event, ticket: Ticket, *, after: int) -> tuple[list[Recipient], int | None]:
    hears = (Subscription.confirmed_at.is_not(None), Subscription.ended_at.is_(None))
    columns = (Subscription.id, Subscription.sid, Subscription.channel, Subscription.target, Subscription.role)
    query = select(*columns, Subscription.frequency, Subscription.zone).where(*hears)
    of_ticket = query.where(Subscription.ticket_id == ticket.id, Subscription.id > after).order_by(Subscription.id)
    rows = list(store.session().execute(of_ticket.limit(AT_ONCE)))
    upto = rows[-1].id if len(rows) == AT_ONCE else None
    if not after:
        rows += store.session().execute(query.where(Subscription.desk_id == ticket.desk_id))
    found = [_follower(row, event.recorded_at) for row in rows if _is_news(row, event, ticket)]
    return [one for one in found if one.channel != "email" or one.address.lower() != ticket.email.lower()], upto


def _is_news(row: Any, event: Event, ticket: Ticket) -> bool:
    if not permissions.is_shown(ticket, row.role):
        return False
    if row.role == "public" and row.channel != "webhook":
        return row.role in told(event)
    is_told = row.channel == "webhook" or KINDS[event.kind].tells
    return bool(is_told) and event.audience in SEES[row.role]


def _follower(row: Any, at: datetime) -> Recipient:
    if row.channel != "email":
        return Recipient(row.channel, row.sid, row.role, None, row.id, bulk=True)
    return Recipient("email", row.target, row.role, digest(row, at), row.id, bulk=True, digest=pace(row))


def _once_each(found: list[Recipient]) -> list[Recipient]:
    """Leave one of those that share an address: an agent may well be the customer, or be given as one."""
    first: dict[tuple[str, str], Recipient] = {}
    for one in found:
        first.setdefault((one.channel, one.address.lower()), one)
    return list(first.values())


def _of_letter(news: News) -> list[Recipient]:
    if news.person_id:
        person = store.session().get(Person, news.person_id)
        return [Recipient("email", person.email, "staff")] if person and person.active else []
    if news.topic == "hooktest":
        hook = store.session().get(Subscription, news.subscription_id)
        return [Recipient(hook.channel, hook.sid, hook.role, None, hook.id)] if hook else []
    if not news.address:
        return []  # it was erased; there are tickets without an address, and none of them is meant
    if news.topic == "hookoff":
        return [Recipient("email", news.address, "customer")]
    if news.topic == "reset":
        return _of_person(news)
    if _is_pestered(news):
        return []
    follower = store.session().get(Subscription, news.subscription_id) if news.subscription_id else None
    if follower:
        address = follower.target if follower.channel == "email" else follower.sid
        return [Recipient(follower.channel, address, "public", None, follower.id)]
    known = select(Ticket.id).where(Ticket.email == news.address).limit(1)
    return [Recipient("email", news.address, "customer")] if store.session().execute(known).first() else []


def _of_person(news: News) -> list[Recipient]:
    """Find whose password it is only now: the page answers alike, and as fast, for unknown addresses."""
    if _is_pestered(news):
        return []
    query = select(Person).where(Person.email == news.address, Person.active)
    person = store.session().scalars(query).first()
    news.person_id = person.id if person else None
    return [Recipient("email", person.email, "staff")] if person else []


def _is_pestered(news: News) -> bool:
    """Say whether this address was sent enough letters of this sort lately, whoever asked for them."""
    most, span = MOST_LETTERS.get(news.topic, LETTERS_AN_HOUR)
    query = select(func.count()).where(
        News.topic == news.topic,
        News.address == news.address,
        News.created_at > news.created_at - span,
        News.id < news.id,
    )
    return (store.session().scalar(query) or 0) >= most


def _taker(ticket: Ticket) -> Person | None:
    query = select(Handoff).where(Handoff.ticket_id == ticket.id, Handoff.state == "offered")
    handoff = store.session().scalars(query).first()
    return handoff.taker if handoff else ticket.assignee


def _named(event: Event) -> Person | None:
    query = select(Person).where(Person.slug == event.payload.get("to"))
    return store.session().scalars(query).first() if event.kind == "helper_added" else None


def _is_flood(ticket: Ticket) -> bool:
    if ticket.email_confirmed_at:
        return False
    query = select(func.count()).where(
        Ticket.email == ticket.email,
        Ticket.email_confirmed_at.is_(None),
        Ticket.opened_at > ticket.opened_at - timedelta(days=1),
        Ticket.id < ticket.id,
    )
    return (store.session().scalar(query) or 0) >= UNCONFIRMED_A_DAY
