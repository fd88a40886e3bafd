"""COMMANDS: "I'm waiting too", said by readers of a ticket: one mark per browser, a number on the ticket, no event."""

from sqlalchemy import select

from tracker import limits, links, permissions, store, timeline
from tracker.errors import Conflict, Forbidden, TrackerError
from tracker.models import Ticket, Waiter
from tracker.permissions import Viewer


def join(ref: str, browser: str, *, by: Viewer) -> Ticket:
    """Mark that a browser's reader waits too; once is enough. Raises Conflict when the ticket has ended."""
    limits.hit("waits", f"{by.address} {ref}")
    with store.transaction() as session:
        ticket = timeline.lock(ref)
        permissions.require(by, "wait_too", ticket)
        if refused := _refused(ticket, by):
            raise refused
        if _mark(ticket, browser) is None:
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


def may_join(ticket: Ticket, *, by: Viewer) -> bool:
    """Say whether somebody may say so now."""
    return permissions.may(by, "wait_too", ticket) and _refused(ticket, by) is None


def waits(ticket: Ticket, browser: str | None) -> bool:
    """Say whether this browser's reader said so."""
    return browser is not None and _mark(ticket, browser) is not None


def _refused(ticket: Ticket, by: Viewer) -> TrackerError | None:
    if permissions.may(by, "embed", ticket):
        return Forbidden("This is your own ticket: it counts you already.")
    return None if ticket.is_open else Conflict("This has ended: there is nothing left to wait for.")


def _mark(ticket: Ticket, browser: str) -> Waiter | None:
    query = select(Waiter).where(Waiter.ticket_id == ticket.id, Waiter.browser == _name(ticket, browser))
    return store.session().scalars(query).first()


def _name(ticket: Ticket, browser: str) -> str:
    """Return what is kept of a browser: another name on each ticket, so that nobody can follow one reader."""
    return links.fingerprint(f"{browser} {ticket.ref}")
