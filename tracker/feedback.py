"""The two questions, answered from a mail: what the link stands for is shown, and recorded when it is redeemed."""

from collections.abc import Mapping
from typing import Any

from tracker import idempotency, people, store, tickets, timeline
from tracker.errors import NotFound
from tracker.idempotency import Once
from tracker.masks import Wish
from tracker.models import Ticket
from tracker.permissions import Viewer


def find(secret: str) -> Ticket:
    """Return the ticket a link asks about, without using the link up; raise Unauthorized."""
    return _ticket(people.find_link("feedback", secret).ticket_id)


def answer(secret: str, given: Mapping[str, Any], *, once: Once | None = None, personal: Wish) -> Ticket:
    """Record both answers as the customer and use the link up.

    Raises Invalid or PersonalData (the link stays good), Unauthorized for a link that is used up, or Conflict.
    """
    with store.transaction():
        done = idempotency.recall(once)
        if done:
            return timeline.lock(done["ref"])
        ticket = _ticket(people.redeem_link("feedback", secret).ticket_id)
        by = Viewer(tickets=frozenset({ticket.id}), principal=f"customer:{ticket.id}")
        idempotency.remember(once, {"ref": ticket.ref})
        return tickets.post(ticket.ref, "feedback", given, by=by, personal=personal)[0]


def _ticket(ticket_id: int | None) -> Ticket:
    found = store.session().get(Ticket, ticket_id) if ticket_id else None
    if found is None:
        raise NotFound()
    return found
