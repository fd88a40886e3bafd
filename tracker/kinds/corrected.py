"""An agent corrects words of theirs; the old ones stay readable."""

from tracker.kinds import TARGET, Entry, Kind, Loaded
from tracker.kinds._fields import REASON, TEXT, Payload, flag, seq, words
from tracker.kinds._targets import mark
from tracker.models import Event, Ticket


class Corrected(Payload):
    target = seq()
    text = words(TEXT)
    reason = words(REASON, multiline=False)
    standard = flag(system=True)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} corrected earlier words: {entry['reason']}"


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    mark(ticket, event, loaded["target"], "corrected_by")
    if ticket.latest_word_seq == loaded["target"]:
        ticket.latest_word_html = event.body_html


KIND = Kind(
    schema=Corrected,
    example={"target": 2, "text": "The part comes on Thursday.", "reason": "I wrote the wrong day."},
    sentence=sentence,
    apply=apply,
    audience=TARGET,
    posted_by=frozenset({"staff"}),
    body="text",
    tells=frozenset({"customer", "follower"}),
)
