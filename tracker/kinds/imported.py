"""One line of a history that was kept elsewhere, verbatim, at its own time."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import TEXT, Payload, choice, person, words
from tracker.kinds._standing import give, turn
from tracker.kinds._standing import person as person_of
from tracker.models import Event, Ticket


class Imported(Payload):
    what = choice("note", "assignee", "status")
    summary = words(TEXT, low=0)
    description = words(TEXT, low=0)
    to = person(system=True)
    department = words(TEXT, low=0, dump_only=True)
    """To which department it went, as the record spells it."""
    status = choice("open", "resolved", system=True)


def sentence(entry: Entry) -> str:
    moved = f"{entry['to']['name']} has this now." if entry.get("to") else ""
    return " ".join(part for part in (moved, entry["summary"], entry["description"]) if part)


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    if loaded["what"] == "status" and loaded["status"] != ticket.status:
        turn(ticket, event, loaded["status"])
    if loaded["what"] == "assignee":
        give(ticket, event, person_of(loaded["to"]), due_at=None)


KIND = Kind(
    schema=Imported,
    example={"what": "note", "summary": "Request opened", "description": "By phone."},
    sentence=sentence,
    apply=apply,
)
