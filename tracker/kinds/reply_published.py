"""The customer lets everyone read a reply of theirs, or a word of thanks."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import Payload, seq
from tracker.kinds._targets import mark
from tracker.models import Event, Ticket


class ReplyPublished(Payload):
    target = seq()


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} published words from earlier."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    target = mark(ticket, event, loaded["target"], "published_by")
    target.audience = "public"


KIND = Kind(
    schema=ReplyPublished,
    example={"target": 3},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"customer"}),
    moves=False,
)
