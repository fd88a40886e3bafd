"""The two questions, answered from a mail: what the link stands for is shown, and recorded when it is redeemed."""

from collections.abc import Mapping
from typing import Any

from tracker import people, store, tickets
from tracker.errors import NotFound
from tracker.masks import Wish
from tracker.models import Ticket
from tracker.permissions import Viewer


def find(secret: str) -> Ticket:
    """Return the ticket a link asks about, without using the link up; raise Unauthorized."""
    return _ticket(people.find_link("feedback", secret).ticket_id)


def answer(secret: str, given: Mapping[str, Any], *, personal: Wish) -> Ticket:
    """Record both answers as the customer and use the link up.

    Raises Invalid or PersonalData (the link stays good), or Conflict.
    """
    with store.transaction():
        ticket = _ticket(people.redeem_link("feedback", secret).ticket_id)
        by = Viewer(tickets=frozenset({ticket.id}), principal=f"customer:{ticket.id}")
        return tickets.post(ticket.ref, "feedback", given, by=by, personal=personal)[0]


def _ticket(ticket_id: int | None) -> Ticket:
    found = store.session().get(Ticket, ticket_id) if ticket_id else None
    if found is None:
        raise NotFound()
    return found
