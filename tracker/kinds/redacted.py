"""The company hides words, for the law or for somebody's privacy, and says why."""

from tracker.kinds import TARGET, Entry, Kind, Loaded
from tracker.kinds._fields import REASON, Payload, flag, seq, words
from tracker.kinds._targets import hide, without_subject
from tracker.models import Event, Ticket


class Redacted(Payload):
    target = seq()
    reason = words(REASON, multiline=False)
    subject = flag()
    """The ticket's subject too; with the first entry only, which it belongs to."""


def sentence(entry: Entry) -> str:
    return (
        f"{entry['actor']['name']} hid earlier words{' and the subject' if entry['subject'] else ''}: {entry['reason']}"
    )


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    hide(ticket, event, loaded["target"])
    if loaded.get("subject"):
        without_subject(ticket)


KIND = Kind(
    schema=Redacted,
    example={"target": 2, "reason": "It named a neighbour."},
    sentence=sentence,
    apply=apply,
    audience=TARGET,
    posted_by=frozenset({"assignee", "lead", "admin"}),
    tells=frozenset({"customer", "follower"}),
)
