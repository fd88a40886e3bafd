"""A customer opened the ticket, or staff did for them; the first promise stands with it (imports bring none)."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import REASON, TEXT, Payload, attached, choice, day, person, record, when, words
from tracker.kinds._standing import make
from tracker.models import Event, Ticket

SOURCES = ("web", "email", "phone", "letter", "social", "walk-in", "import")
FEELINGS = ("", "calm", "worried", "upset", "angry")


class Opened(Payload):
    text = words(TEXT)
    files = attached()
    impact = words(REASON, low=0, audience="customer")
    feeling = choice(*FEELINGS, default="", audience="customer")
    urgency_on = day(audience="customer")
    source = choice(*SOURCES, default="web")
    assignee = person(system=True)
    next_word_at = when(system=True)
    department = words(TEXT, low=0, dump_only=True)
    """Which department had it, as the record of an import spells it."""
    private = record(audience="staff")
    """What the record of an import holds besides: attributes, coordinates, the whole address."""


def sentence(entry: Entry) -> str:
    who = entry["assignee"]["name"]
    return f"{entry['actor']['name']} asked, and {who} has it."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    ticket.impact, ticket.feeling, ticket.urgency_on = loaded["impact"], loaded["feeling"], loaded["urgency_on"]
    if loaded["next_word_at"]:
        make(ticket, event, loaded["next_word_at"])


KIND = Kind(
    schema=Opened,
    example={"text": "No water since Friday.", "impact": "I carry water up.", "feeling": "worried"},
    sentence=sentence,
    apply=apply,
    when=(),
    body="text",
    tells=frozenset({"customer", "assignee"}),
)
