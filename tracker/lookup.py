"""QUERY: the tickets of one's desk, ended ones too, found by what staff knows of them; keyset-paged."""

from typing import Any

from sqlalchemy import ColumnElement, or_, select

from tracker import disclosure, links, listing, permissions, store
from tracker.disclosure import Shown
from tracker.models import Ticket
from tracker.permissions import Viewer

PAGE = 50
MOST_WORDS = 5
LONGEST = 254
"""Characters of a search: a mail address fits."""


def found(wanted: str, *, by: Viewer, cursor: str | None = None) -> tuple[list[Shown], str | None]:
    """Return the tickets at whose desk somebody may stand and that hold every word, the newest news first.

    A word is looked for in the subject as it was typed, the customer's name and mail address, and the ref. A whole
    mail address or ref means its own tickets alone, if there are any: an index has these, for words all are read.
    The second value is the cursor of the next page; None when there is none.
    """
    words = wanted[:LONGEST].split()[:MOST_WORDS]
    query = select(Ticket).where(permissions.staffed(by))
    those, after = listing.page(query.where(_is(words[0])), cursor, PAGE) if len(words) == 1 else ([], None)
    if not those:
        those, after = listing.page(query.where(*map(_holds, words)), cursor, PAGE)
    now = store.now()
    return [_hit(one, disclosure.row(one, now=now)) for one in those], after


def _is(word: str) -> ColumnElement[bool]:
    return or_(Ticket.ref == word.lower(), Ticket.email == word.lower())


def _holds(word: str) -> ColumnElement[bool]:
    typed: Any = Ticket.original["subject"].as_string()
    places = (Ticket.subject, typed, Ticket.customer_name, Ticket.email, Ticket.ref)
    return or_(*(place.icontains(word, autoescape=True) for place in places))


def _hit(one: Ticket, row: Shown) -> Shown:
    return row | {
        "subject": disclosure.subject(one, "staff"),
        "work_url": links.workspace_ticket(one.ref),
        "customer_name": one.customer_name,
        "email": one.email,
    }
