"""Who hears of a piece of news, and in which role: the customer, the assignee, the next person."""

from datetime import timedelta

from sqlalchemy import func, select

from tracker import store
from tracker.kinds import KINDS
from tracker.models import Event, Handoff, News, Person, Ticket
from tracker.outbox import Recipient

LETTERS_AN_HOUR = 5
UNCONFIRMED_A_DAY = 3
"""Tickets a day of which an unconfirmed address hears; further ones stay silent until it is confirmed, for our mail
must not be a weapon."""


def recipients(news: News) -> list[Recipient]:
    """Return where one piece of news goes. Nobody is told of what they did themselves."""
    if news.topic != "event":
        return _of_letter(news)
    event = store.session().get(Event, news.event_id)
    ticket = store.session().get(Ticket, news.ticket_id)
    if event is None or ticket is None:
        return []
    tells = KINDS[event.kind].tells
    found: list[Recipient] = []
    if "customer" in tells and ticket.email and event.audience != "staff" and not _is_flood(ticket):
        found.append(Recipient("email", ticket.email, "customer"))
    told = {"assignee": ticket.assignee, "taker": _taker(ticket)}
    for role, person in told.items():
        if role in tells and person and person.active and person.id != event.actor_id:
            found.append(Recipient("email", person.email, "staff"))
    return _once_each(found)


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
    if news.topic == "reset":
        return _of_person(news)
    if _is_pestered(news):
        return []
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
    """Say whether this address was sent enough letters of this sort within the hour, whoever asked for them."""
    query = select(func.count()).where(
        News.topic == news.topic,
        News.address == news.address,
        News.created_at > news.created_at - timedelta(hours=1),
        News.id < news.id,
    )
    return (store.session().scalar(query) or 0) >= LETTERS_AN_HOUR


def _taker(ticket: Ticket) -> Person | None:
    query = select(Handoff).where(Handoff.ticket_id == ticket.id, Handoff.state == "offered")
    handoff = store.session().scalars(query).first()
    return handoff.taker if handoff else ticket.assignee


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
