"""Builders: people, desks and tickets made as the house makes them; what a test does not care about is filled in."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import cycle
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import ColumnElement, String, Table, cast, func, insert, join, literal, select, text, true

from tracker import desks, embeds, links, mailbox, outbox, people, store, tickets, timeline
from tracker.kinds import KINDS
from tracker.models import CustomerKey, Desk, Embed, Event, Person, Ticket
from tracker.permissions import ANYONE, SYSTEM, Viewer
from tracker.store import Base

Column = Callable[[ColumnElement[int]], Any]
"""What the n-th of many copies has in a column, as SQL."""
NAMES = cycle(("Rosa Ortega", "Ben Adeyemi", "Mia Lindqvist", "Tom Baker", "Ann Fields", "Omar Haddad", "Eve Novak"))
ROUND_THE_CLOCK = {str(day): [["00:00", "24:00"]] for day in range(7)}


def desk(slug: str = "buildings", **columns: Any) -> Desk:
    """Add a desk: nine to five on weekdays in UTC, first answer within four of its hours."""
    given = {"name": f"The {slug} desk", "opening": desks.WEEKDAYS, "first_answer_minutes": 240, **columns}
    with store.transaction() as session:
        one = Desk(slug=slug, **given)
        session.add(one)
    return one


def person(
    at: Desk | None = None, *, name: str = "", role: str = "agent", password: str = "", **columns: Any
) -> Person:
    """Add somebody who answers at a desk (a new one when none is given)."""
    name = name or next(NAMES)
    address = f"{links.new_ref()}@desk.example"
    with store.transaction():
        one = people.add(name=name, email=address, desk=at or _any_desk(), role=role, password=password)
        for column, value in columns.items():
            setattr(one, column, value)
    return one


def agent(at: Desk | None = None, **given: Any) -> Person:
    return person(at, **given)


def lead(at: Desk | None = None, **given: Any) -> Person:
    return person(at, role="lead", **given)


def admin(at: Desk | None = None, **given: Any) -> Person:
    return person(at, role="admin", **given)


def ticket(at: Desk | None = None, *, visibility: str = "public", confirmed: bool = True, **given: Any) -> Ticket:
    """Open a ticket as a customer does, and confirm the address; the desk gets an agent when it has nobody."""
    at = at or _any_desk()
    if not people.of_desk(at):
        agent(at)
    opening = {
        "subject": "No water on the third floor",
        "text": "Nothing comes out of the tap since Friday.",
        "name": "Cara Lindt",
        "email": f"{links.new_ref()}@home.example",
        "visibility": visibility,
        "desk": at.slug,
    }
    one, _secret = tickets.open(opening | given, by=ANYONE)
    if confirmed:
        tickets.confirm(people.mint_link("confirm", ticket_id=one.id))
    return one


def post(
    on: Ticket, kind: str, by: Viewer | Person | None = None, *, version: int | None = None, **given: Any
) -> Event:
    """Post one event, as the kind's example unless told otherwise, by whoever usually does."""
    who = by if isinstance(by, Viewer) else viewer(by) if by else _usual(on, kind)
    payload = _dated(KINDS[kind].example) | {name: _plain(value) for name, value in given.items()}
    return tickets.post(on.ref, kind, payload, by=who, version=version)[1]


def record(on: Ticket, kind: str, **facts: Any) -> Event:
    """Append an event as the system does, beside the commands."""
    with store.transaction():
        return timeline.append(timeline.lock(on.ref), kind, facts, by=timeline.SYSTEM)


def viewer(of: Person, *, scopes: Iterable[str] | None = None) -> Viewer:
    """Return somebody who answers, as viewer: signed in, or by a token with `scopes`."""
    return Viewer(
        person=of,
        scopes=None if scopes is None else frozenset(scopes),
        principal=f"person:{of.id}",
        address="10.0.0.0/24",
    )


def customer(*of: Ticket) -> Viewer:
    """Return the customer of these tickets, as viewer."""
    return Viewer(tickets=frozenset(one.id for one in of), principal=f"customer:{of[0].id}", address="10.0.1.0/24")


def assignee(of: Ticket) -> Viewer:
    """Return who has a ticket now, as viewer."""
    found = store.session().scalars(
        select(Person).join(Ticket, Ticket.assignee_id == Person.id).where(Ticket.id == of.id)
    )
    return viewer(found.one())


def bearer(of: Person, *scopes: str) -> dict[str, str]:
    """Return the header of a new API token."""
    _token, secret = people.mint_api_token(of, name="a test", scopes=scopes or people.SCOPES)
    return {"Authorization": f"Bearer {secret}"}


def sign_in(client: FlaskClient, who: Person) -> None:
    """Sign somebody in, without the time a password takes."""
    with client.session_transaction() as cookie:
        cookie.update(person=[who.id, who.sessions], sid=links.new_secret()[:16])


def worn(ticket: Ticket, **given: Any) -> Embed:
    """Let its customer make a badge."""
    return embeds.create(ticket, by=customer(ticket), **given)


def own(client: FlaskClient, *those: Ticket) -> None:
    """Let the browser hold a customer's key of these tickets, as redeeming their secret links does."""
    prints = [links.fingerprint(tickets.give_key(one)) for one in those]
    found = store.session().scalars(select(CustomerKey).where(CustomerKey.fingerprint.in_(prints)))
    with client.session_transaction() as cookie:
        cookie["tickets"] = [*cookie.get("tickets", []), *([key.ticket_id, key.id] for key in found)]


def copies(of: Base, many: int, **columns: Column) -> None:
    """Copy a row many times, as no command would: a house with a past. `columns`: what the n-th has instead."""
    table = type(of).__table__
    assert isinstance(table, Table)
    first = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = first.union_all(select(first.c.n + 1).where(first.c.n < many))
    chosen = [column for column in table.c if column.name != "id"]
    values = [columns[one.name](numbers.c.n).label(one.name) if one.name in columns else one for one in chosen]
    rows = select(*values).select_from(join(table, numbers, true())).where(table.c.id == getattr(of, "id"))  # noqa: B009
    with store.transaction() as session:
        session.execute(insert(table).from_select([one.name for one in chosen], rows))
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"ANALYZE {table.name}"))


def before(moment: datetime, seconds: ColumnElement[int]) -> Any:
    """Return so many seconds before a moment, as SQL: for `copies` that differ in age."""
    if store.session().get_bind().dialect.name == "postgresql":
        return literal(moment) - seconds * literal(timedelta(seconds=1))
    spelt = "%Y-%m-%d %H:%M:%S.000000"  # as SQLAlchemy spells it: SQLite compares texts
    return func.strftime(spelt, f"{moment:%Y-%m-%d %H:%M:%S}", "-" + cast(seconds, String) + " seconds")


def fresh(one: Ticket) -> Ticket:
    """Read a ticket again: other sessions may have written."""
    store.session().refresh(one)
    return one


def kinds_of(on: Ticket, audience: str = "staff") -> list[str]:
    """Return the kinds of a ticket's events in order, as an audience sees them."""
    return [event.kind for event in events_of(on, audience)]


def events_of(on: Ticket, audience: str = "staff") -> list[Event]:
    found, _more = timeline.since(on, 0, audience=audience, limit=10_000)
    return list(found)


def deliver(*, rounds: int = 50) -> list[EmailMessage]:
    """Let the outbox work until nothing is left to do now; return the development mailbox, oldest first."""
    for _ in range(rounds):
        if not outbox.step():
            return mails()
    raise AssertionError(f"the outbox still had work after {rounds} rounds")


def mails() -> list[EmailMessage]:
    return [mail for _name, mail in reversed(mailbox.newest())]


def ahead(**span: float) -> str:
    """Return a moment from now as forms and the API say it: make.ahead(hours=4)."""
    return (store.now() + timedelta(**span)).isoformat()


def _any_desk() -> Desk:
    found = desks.everyone()
    return found[0] if found else desk()


def _usual(on: Ticket, kind: str) -> Viewer:
    allowed = KINDS[kind].posted_by
    if "assignee" in allowed or "staff" in allowed:
        return assignee(on)
    return customer(on) if "customer" in allowed else SYSTEM


def _dated(example: Any) -> dict[str, Any]:
    """Move an example's moments from its day to tomorrow."""
    return {name: ahead(days=1) if name.endswith("_at") else value for name, value in example.items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value.slug if isinstance(value, Person) else value
