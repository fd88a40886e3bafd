"""The person who was asked says no; the reason stays with staff."""

from tracker.kinds import OPEN, Entry, Kind, Loaded
from tracker.kinds._fields import REASON, Payload, words
from tracker.models import Event, Ticket


class HandoffDeclined(Payload):
    reason = words(REASON, audience="staff", multiline=False)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} could not take this; it stays where it is."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    pass


KIND = Kind(
    schema=HandoffDeclined,
    example={"reason": "I am away from Thursday."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"offered"}),
    when=OPEN,
    tells=frozenset({"assignee"}),
)
