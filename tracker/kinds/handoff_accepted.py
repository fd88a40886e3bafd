"""The next person takes the ticket; the due time comes along."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import Payload, person, seconds, when
from tracker.kinds._standing import give
from tracker.kinds._standing import person as person_of
from tracker.models import OPEN, Event, Ticket


class HandoffAccepted(Payload):
    came_from = person(system=True)
    to = person(system=True)
    next_word_at = when(system=True)
    took_s = seconds()


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} has this now, from {entry['came_from']['name']}."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    give(ticket, event, person_of(loaded["to"]), due_at=loaded["next_word_at"])


KIND = Kind(
    schema=HandoffAccepted,
    example={},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"offered"}),
    when=OPEN,
    tells=frozenset({"customer", "follower"}),
)
