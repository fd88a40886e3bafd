"""COMMANDS of erasing somebody on request: words, contact data and what waits to be sent go, tombstones stay.

Every erasure is written to a file outside the database too, so that a restored backup can be made to forget again.
"""

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, case, delete, select, update

from tracker import (
    arrivals,
    attachments,
    deliveries,
    embeds,
    links,
    mailbox,
    masks,
    permissions,
    settings,
    store,
    timeline,
)
from tracker.kinds import AMENDING, KINDS
from tracker.models import (
    CustomerKey,
    Delivery,
    Draft,
    Event,
    IncomingMail,
    LinkToken,
    News,
    Subscription,
    Ticket,
)
from tracker.permissions import SYSTEM, Viewer
from tracker.personal import Whose
from tracker.timeline import Actor

REASON = "Erased at the request of whom it was about."


def ticket(ref: str, *, by: Viewer) -> Ticket:
    """Erase the customer of a ticket: their words, files, name and contact data. They, or a lead, may ask for it."""
    with store.transaction():
        one = timeline.lock(ref)
        permissions.require(by, "erase", one)
        _record(ref=ref)
        _forget_customer(one)
    return one


def person(address: str, *, by: Viewer) -> list[str]:
    """Erase whoever has this mail address, as customer and as follower; return the refs of their tickets."""
    permissions.require(by, "administer")
    address = address.strip().lower()
    refs = list(store.session().scalars(select(Ticket.ref).where(Ticket.email == address).order_by(Ticket.id)))
    for ref in refs:
        ticket(ref, by=by)
    with store.transaction():
        _record(person=_name_of(address))
        _forget_address(address)
    mailbox.forget(address)
    return refs


def note(one: Ticket, event: Event) -> None:
    """Write down outside the database that the words of one entry are erased.

    Before the commit: what was asked for and then failed is erased at most once more, never forgotten to be erased.
    """
    _record(ref=one.ref, seq=event.seq, recorded_at=event.recorded_at.isoformat())


def replay() -> int:
    """Erase again, after a backup was restored, what had been erased since; return how many erasures that took."""
    done = 0
    for line in _recorded():
        done += _again(line)
    return done


def log_path() -> Path:
    """Return the file that erasures are written to."""
    chosen = settings.current()
    return Path(chosen.erasure_log) if chosen.erasure_log else Path(chosen.data_dir) / "erasures.log"


def _forget_customer(one: Ticket) -> None:
    who = Whose(one.customer_name, one.email, one.phone)
    spoken = [event for event in _events(one) if event.actor_role == "customer" and event.kind not in AMENDING]
    for event in spoken:
        if KINDS[event.kind].has_words(event):
            facts = {"target": event.seq, "reason": REASON}
            timeline.append(one, "erased", facts, by=Actor("customer"), quiet=True)
    attachments.drop(one, [event.seq for event in spoken])
    masks.scrub(one, who)
    _forget_address(one.email, tickets=[one.id])
    arrivals.forget_ticket(one)
    one.customer_name = one.email = one.phone = one.pseudonym = one.impact = one.feeling = one.consent = one.zone = ""
    one.mail_id = ""
    one.name_shown, one.wanted_visibility, one.urgency_on, one.original = "none", None, None, None
    embeds.forget(one)
    store.notice("keys", one.ref)
    store.notice("visibility", one.ref)


def _forget_address(address: str, *, tickets: Collection[int] = ()) -> None:
    """Remove an address from what was sent and what waits; of some tickets only, or everywhere."""
    session = store.session()
    for number in tickets:
        session.execute(delete(CustomerKey).where(CustomerKey.ticket_id == number))
        session.execute(delete(LinkToken).where(LinkToken.ticket_id == number))
        session.execute(delete(Draft).where(Draft.ticket_id == number))
        theirs = (Subscription.role == "customer") | (Subscription.target == address)
        _unsubscribe((Subscription.ticket_id == number) & theirs)
        of_ticket = select(News.id).where(News.ticket_id == number)
        session.execute(_blank(address, Delivery.news_id.in_(of_ticket)))
        session.execute(_silenced(address, News.ticket_id == number))
    if not tickets and address:
        _unsubscribe(Subscription.target == address)
        session.execute(delete(LinkToken).where(LinkToken.address == address))
        arrivals.forget_person(address)
        session.execute(_blank(address))
        session.execute(_silenced(address))


def _unsubscribe(which: ColumnElement[bool]) -> None:
    while deliveries.forget(which):
        pass


def _blank(address: str, *narrowed: Any) -> Any:
    state = case((Delivery.state == "waiting", "dropped"), else_=Delivery.state)
    gone = {"state": state, "address": f"erased-{links.new_ref()}", "last_error": ""}
    return update(Delivery).where(Delivery.address == address, *narrowed).values(gone)


def _silenced(address: str, *narrowed: Any) -> Any:
    """Take an address from letters; those not yet expanded must find nobody, not everybody without an address."""
    return (
        update(News)
        .where(News.address == address, News.address != "", *narrowed)
        .values(address="", expanded_at=store.now())
    )


def _events(one: Ticket) -> list[Event]:
    return list(store.session().scalars(select(Event).where(Event.ticket_id == one.id).order_by(Event.seq)))


def _record(**what: Any) -> None:
    path = log_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"at": store.now().isoformat(), **what}) + "\n"
    with path.open("a", encoding="utf-8") as log:
        log.write(line)
        log.flush()
        os.fsync(log.fileno())


def _recorded() -> Iterator[dict[str, Any]]:
    path = log_path()
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue  # a line cut short by a full disk
        if isinstance(found, dict):
            yield found


def _again(line: dict[str, Any]) -> bool:
    if "person" in line:
        return _forget_again(line["person"])
    with store.transaction() as session:
        one = session.scalars(select(Ticket).where(Ticket.ref == line.get("ref")).with_for_update(of=Ticket)).first()
        if one is None:
            return False
        if "seq" in line:
            return _erase_again(one, line)
        if not one.email and not one.customer_name:
            return False
        _forget_customer(one)
        return True


def _erase_again(one: Ticket, line: dict[str, Any]) -> bool:
    """Erase an entry again; one that came after the backup has not come back, another may have its number now."""
    target = timeline.find(one, [line["seq"]]).get(line["seq"])
    if target is None or target.recorded_at.isoformat() != line["recorded_at"]:
        return False
    if not KINDS[target.kind].has_words(target):
        return False
    timeline.append(one, "erased", {"target": target.seq, "reason": REASON}, by=timeline.SYSTEM, quiet=True)
    attachments.drop(one, [target.seq])
    return True


def _forget_again(name: str) -> bool:
    session, again = store.session(), False
    places = (Ticket.email, Subscription.target, Delivery.address, News.address, LinkToken.address, IncomingMail.sender)
    known = {address for place in places for address in session.scalars(select(place).distinct())}
    for address in (one for one in known if one and _name_of(one) == name):
        person(address, by=SYSTEM)
        again = True
    return again


def _name_of(address: str) -> str:
    return links.stamp(f"erased.{address}")
