"""The next word comes at another time than promised; said before it was due, and why."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import REASON, Payload, when, words
from tracker.kinds._standing import make
from tracker.models import OPEN, Event, Ticket


class PromiseMoved(Payload):
    due_at = when()
    reason = words(REASON, multiline=False)
    was_due_at = when(system=True)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} moved the promised word: {entry['reason']}"


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    make(ticket, event, loaded["due_at"], check_in=ticket.status == "waiting", settled="moved")


KIND = Kind(
    schema=PromiseMoved,
    example={"due_at": "2026-03-04T12:00:00Z", "reason": "The part comes a day later."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"assignee"}),
    when=OPEN,
    tells=frozenset({"customer", "follower"}),
)
