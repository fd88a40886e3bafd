"""The assignee offers the ticket to someone else, says why, and briefs them; until then they still have it."""

from tracker.kinds import OPEN, Entry, Kind, Loaded
from tracker.kinds._fields import REASON, TEXT, Payload, person, words
from tracker.models import Event, Ticket


class HandoffOffered(Payload):
    to = person()
    reason = words(REASON, multiline=False)
    briefing = words(TEXT, audience="staff")


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} asked {entry['to']['name']} to take this: {entry['reason']}"


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    pass  # handoffs.offer keeps the record; the assignee stays


KIND = Kind(
    schema=HandoffOffered,
    example={"to": "rosa-ortega", "reason": "It is the riser.", "briefing": "She was told about the yard tap."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"assignee"}),
    when=OPEN,
    tells=frozenset({"taker"}),
)
