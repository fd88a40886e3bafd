"""COMMANDS: "I'm waiting too", said by readers of a ticket: one mark per browser, a number on the ticket, no event."""

from sqlalchemy import select

from tracker import limits, links, permissions, store, timeline
from tracker.errors import Conflict, Forbidden
from tracker.models import Ticket, Waiter
from tracker.permissions import Viewer


def join(ref: str, browser: str, *, by: Viewer) -> Ticket:
    """Mark that a browser's reader waits too; once is enough. Raises Conflict when the ticket has ended."""
    with store.transaction() as session:
        ticket = timeline.lock(ref)
        permissions.require(by, "wait_too", ticket)
        if permissions.may(by, "embed", ticket):
            raise Forbidden("This is your own ticket: it counts you already.")
        if not ticket.is_open:
            raise Conflict("This has ended: there is nothing left to wait for.")
        if _mark(ticket, browser) is None:
            limits.hit("waits", f"{by.address} {ref}")
            session.add(Waiter(ticket_id=ticket.id, browser=_name(ticket, browser), since=store.now()))
            ticket.waiting_too += 1
            store.notice("waiting", ref)
    return ticket


def leave(ref: str, browser: str, *, by: Viewer) -> Ticket:
    """Take a browser's mark back, if it made one."""
    with store.transaction() as session:
        ticket = timeline.lock(ref)
        permissions.require(by, "wait_too", ticket)
        found = _mark(ticket, browser)
        if found:
            session.delete(found)
            ticket.waiting_too -= 1
            store.notice("waiting", ref)
    return ticket


def waits(ticket: Ticket, browser: str | None) -> bool:
    """Say whether this browser's reader said so."""
    return browser is not None and _mark(ticket, browser) is not None


def _mark(ticket: Ticket, browser: str) -> Waiter | None:
    query = select(Waiter).where(Waiter.ticket_id == ticket.id, Waiter.browser == _name(ticket, browser))
    return store.session().scalars(query).first()


def _name(ticket: Ticket, browser: str) -> str:
    """Return what is kept of a browser: another name on each ticket, so that nobody can follow one reader."""
    return links.fingerprint(f"{browser} {ticket.ref}")
