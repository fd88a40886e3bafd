"""WORDS WRITTEN FOR THE CASE: whether a text nearly copies what its author or desk said lately."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rapidfuzz import fuzz, process
from sqlalchemy import func, or_, select, union_all

from tracker import store
from tracker.kinds import KINDS
from tracker.models import Event, Person, Ticket

ALIKE = 85
"""From which likeness on (rapidfuzz's ratio, 0 to 100, of the bare words) a text counts as copied."""
SHORTEST = 40
"""Characters below which everybody says the same: "Thank you, it is done." is nobody's script."""
LOOKED_AT = 1_500
"""Characters that are compared: enough to know a copy, and a bound on what one comparison costs."""
HISTORY = timedelta(days=90)
OWN, COLLEAGUES, FROM_EACH = 100, 20, 20
"""Of how many newest words of the author, of how many colleagues (the last who spoke), of how many words of each."""
SPOKEN = tuple(name for name, kind in KINDS.items() if kind.is_word)
SAID = (*SPOKEN, "corrected")
_WORD = re.compile(r"\w+")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Twin:
    """Earlier words that a text nearly copies, and how alike they are in percent."""

    event: Event
    likeness: int


def twin(ticket: Ticket, text: str, by: Person, *, besides: Event | None = None) -> Twin | None:
    """Return the likest of the author's and their desk's recent public words, if it is near enough to be its copy.

    `besides`: words that the text corrects; they and their earlier corrections are no twin of it.
    """
    bare = _bare(text)
    if len(bare) < SHORTEST:
        return None
    earlier = {row[0]: _bare(row[1]) for row in store.session().execute(_recent(ticket, by, besides))}
    found = process.extractOne(bare, earlier, scorer=fuzz.ratio, score_cutoff=ALIKE)
    return Twin(store.session().get_one(Event, found[2]), round(found[1])) if found else None


def _recent(ticket: Ticket, by: Person, besides: Event | None) -> Any:
    """Of colleagues only what was said on the desk's own tickets: of others this author may not know."""
    desk_id = select(Ticket.desk_id).where(Ticket.id == Event.ticket_id).correlate(Event).scalar_subquery()
    parts: Sequence[Any] = [
        _newest(by.id, OWN),
        *(_newest(one, FROM_EACH).where(desk_id == ticket.desk_id) for one in _colleagues(ticket, by)),
    ]
    if besides is not None:
        seq = func.coalesce(Event.target_seq, Event.seq)
        parts = [part.where(or_(Event.ticket_id != ticket.id, seq != besides.seq)) for part in parts]
    return union_all(*(select(part.subquery()) for part in parts))


def _colleagues(ticket: Ticket, by: Person) -> Sequence[int]:
    """Return who of the desk spoke last, those who left too: what they wrote is still at hand."""
    last = select(func.max(Event.recorded_at)).where(Event.actor_id == Person.id).scalar_subquery()
    query = select(Person.id).where(Person.desk_id == ticket.desk_id, Person.id != by.id, last.is_not(None))
    return store.session().scalars(query.order_by(last.desc(), Person.id).limit(COLLEAGUES)).all()


def _newest(of: int, many: int) -> Any:
    """What somebody said in public, as it was first and as they corrected it."""
    lately = (Event.actor_id == of, Event.recorded_at > store.now() - HISTORY, Event.audience == "public")
    query = select(Event.id, Event.body_source).where(*lately, Event.kind.in_(SAID), Event.redacted_by.is_(None))
    return query.order_by(Event.recorded_at.desc(), Event.id.desc()).limit(many)


def _bare(text: str) -> str:
    """Return the words alone, in small letters, all numbers alike: in a script only dates change."""
    return " ".join(_WORD.findall(_DIGITS.sub("0", text[: 2 * LOOKED_AT].casefold())))[:LOOKED_AT]
