"""The company hides words, for the law or for somebody's privacy, and says why."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import REASON, Payload, seq, words
from tracker.kinds._targets import mark
from tracker.models import Event, Ticket


class Redacted(Payload):
    target = seq()
    reason = words(REASON, multiline=False)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} hid earlier words: {entry['reason']}"


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    mark(ticket, event, loaded["target"], "redacted_by")
    if ticket.latest_word_seq == loaded["target"]:
        ticket.latest_word_html = ""


KIND = Kind(
    schema=Redacted,
    example={"target": 2, "reason": "It named a neighbour."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"assignee", "lead", "admin"}),
    tells=frozenset({"customer"}),
)
