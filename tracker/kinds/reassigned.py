"""A lead, or the system, gives the ticket to someone else, with a public reason."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import REASON, Payload, person, when, words
from tracker.kinds._standing import give
from tracker.kinds._standing import person as person_of
from tracker.models import OPEN, Event, Ticket


class Reassigned(Payload):
    to = person()
    reason = words(REASON, multiline=False)
    came_from = person(system=True)
    next_word_at = when(system=True)


def sentence(entry: Entry) -> str:
    return f"{entry['to']['name']} has this now, from {entry['came_from']['name']}: {entry['reason']}"


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    give(ticket, event, person_of(loaded["to"]), due_at=loaded["next_word_at"])


KIND = Kind(
    schema=Reassigned,
    example={"to": "rosa-ortega", "reason": "Ben is on leave from today."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"lead", "admin"}),
    when=OPEN,
    tells=frozenset({"customer", "follower", "taker"}),
)
