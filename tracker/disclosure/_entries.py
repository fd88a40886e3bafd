"""Events as an audience sees them: fields of theirs alone, hidden words left out, corrected ones in place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import fields

from tracker import attachments, masks, people, richtext
from tracker.disclosure._people import customer_name, initials_face, person_ref
from tracker.disclosure._shown import Shown
from tracker.kinds import KINDS, Kind
from tracker.kinds._fields import Files
from tracker.models import Event, File, Person, Ticket
from tracker.timeline import SEES, find

FEELINGS = frozenset({"impact", "feeling", "urgency_on"})
"""Fields the customer may publish with `shares_feelings`."""
NAMELESS = "The customer"


def may_see(event: Event, audience: str) -> bool:
    """Say whether this audience may know of the event at all."""
    return event.audience in SEES[audience]


def entries(ticket: Ticket, events: Sequence[Event], audience: str) -> list[Shown]:
    """Return events as this audience sees them (CONTRACTS: Event), without their HTML; the others are left out."""
    seen = [event for event in events if may_see(event, audience)]
    known = people.get_many(_slugs(seen))
    amends = find(ticket, [seq for event in seen for seq in (event.corrected_by, event.redacted_by) if seq])
    kept = attachments.of(ticket, [event.seq for event in seen if event.payload.get("files")])
    around = _Around(known, amends, kept)
    return [_entry(ticket, event, audience, around) for event in seen]


def body_html(event: Event, audience: str) -> str:
    """Return an event's words; personal data in them is masked for readers, the two sides read what was typed."""
    typed = (event.original or {}).get("html") if audience != "public" else None
    return typed or event.body_html


def typed(event: Event, audience: str) -> Mapping[str, str]:
    """Return the fields of an event that are masked for readers as they were typed; none of them for the public."""
    words: Mapping[str, str] = (event.original or {}).get("words", {}) if audience != "public" else {}
    return words


@dataclass(frozen=True)
class _Around:
    """What entries speak of besides themselves: people by slug, events that amend them and files by seq."""

    people: Mapping[str, Person]
    amends: Mapping[int, Event]
    files: Mapping[int, Sequence[File]]


def _entry(of: Ticket, event: Event, audience: str, around: _Around) -> Shown:
    kind = KINDS[event.kind]
    hidden = event.redacted_by is not None
    shown: Shown = {
        "ref": of.ref,
        "seq": event.seq,
        "prev": event.prev_for(audience),
        "kind": event.kind,
        "at": event.at,
        "recorded_at": event.recorded_at,
        "actor": _actor(of, event, audience),
        "audience": event.audience,
        "body_html": "" if hidden or event.kind == "corrected" else body_html(event, audience),
        "correction": None,
        "redaction": None,
    }
    shown |= _fields(of, event, kind, audience, around, hidden=hidden)
    if audience != "public":
        shown |= {"hidden": [] if hidden else masks.hidden(event.original)}
        shown |= {"shown_because": "" if hidden else event.shown_because}
    if hidden and event.redacted_by:
        shown["redaction"] = _amendment(of, around.amends[event.redacted_by], audience)
    elif event.corrected_by:
        better = around.amends[event.corrected_by]
        shown["correction"] = _amendment(of, better, audience) | {"old_html": body_html(event, audience)}
        shown["body_html"] = body_html(better, audience)
        if "standard" in shown:
            shown["standard"] = better.payload.get("standard", shown["standard"])
    shown["sentence"] = kind.sentence(shown)
    return shown


def _fields(of: Ticket, event: Event, kind: Kind, audience: str, around: _Around, *, hidden: bool) -> Shown:
    shown: Shown = {}
    for name, one in kind.fields.items():
        if name == kind.body or not _field_is_for(of, name, one, audience):
            continue
        value = typed(event, audience).get(name, event.payload.get(name))
        if isinstance(one, Files):
            value = [] if hidden else [attachments.shown(each, audience) for each in around.files.get(event.seq, ())]
        if hidden and value and name in kind.word_fields:
            value = type(value)()
        if one.metadata.get("person") and value:
            value = person_ref(around.people[value])
        elif one.metadata.get("moment") and value:
            value = datetime.fromisoformat(value)
        shown[name] = value
    if "briefing" in shown:
        shown["briefing_html"] = richtext.render(shown.pop("briefing"))
    if event.kind == "reply":
        shown["published"] = event.audience == "public"
    return shown


def _field_is_for(of: Ticket, name: str, one: fields.Field[Any], audience: str) -> bool:
    declared = str(one.metadata["audience"])
    if name in FEELINGS and of.shares_feelings:
        declared = "public"
    return declared in SEES[audience]


def _amendment(of: Ticket, event: Event, audience: str) -> Shown:
    reason = "" if event.redacted_by else typed(event, audience).get("reason", event.payload.get("reason", ""))
    return {"seq": event.seq, "at": event.at, "by": _actor(of, event, audience)["name"], "reason": reason}


def _actor(of: Ticket, event: Event, audience: str) -> Shown:
    if event.actor:
        return person_ref(event.actor) | {"role": event.actor_role}
    if event.actor_role == "customer":
        name = customer_name(of, audience)
        return {"name": name or NAMELESS, "role": "customer", "face": initials_face(name), "url": None}
    name = "A reader" if event.actor_role == "public" else "The system"
    return {"name": name, "role": event.actor_role, "face": initials_face(""), "url": None}


def _slugs(events: Sequence[Event]) -> set[str]:
    found: set[str] = set()
    for event in events:
        for name, one in KINDS[event.kind].fields.items():
            if one.metadata.get("person") and event.payload.get(name):
                found.add(event.payload[name])
    return found
