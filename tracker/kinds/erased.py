"""Words are gone for good, at the request of whom they were about; this entry remains."""

from tracker import kinds
from tracker.kinds import TARGET, Entry, Kind, Loaded
from tracker.kinds._fields import REASON, Payload, seq, words
from tracker.kinds._targets import blank, corrections, forget_reports, hide, without_subject
from tracker.models import Event, Ticket


class Erased(Payload):
    target = seq()
    reason = words(REASON, multiline=False)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} erased earlier words: {entry['reason']}"


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    target = hide(ticket, event, loaded["target"])
    forget_reports(ticket, target.seq)
    for one in (target, *corrections(ticket, target.seq)):
        blank(one, kinds.find(one.kind).word_fields)
    if target.kind == "opened":
        ticket.feeling, ticket.urgency_on = "", None
        without_subject(ticket)


KIND = Kind(
    schema=Erased,
    example={"target": 2, "reason": "At the customer's request."},
    sentence=sentence,
    apply=apply,
    audience=TARGET,
    posted_by=frozenset({"lead", "admin"}),
    tells=frozenset({"customer"}),
)
