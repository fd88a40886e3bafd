"""Who sees what: the only road from rows to outsiders. Every exit takes what it shows from here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from marshmallow import fields
from sqlalchemy import select

from tracker import attachments, clock, desks, links, masks, people, personal, richtext, store
from tracker.kinds import KINDS, Kind
from tracker.kinds._fields import Files
from tracker.models import (
    ApiToken,
    Desk,
    Embed,
    Event,
    Fact,
    File,
    Handoff,
    Person,
    Promise,
    Ticket,
)
from tracker.timeline import SEES, find

Shown = dict[str, Any]
FEELINGS = frozenset({"impact", "feeling", "urgency_on"})
"""Fields the customer may publish with `shares_feelings`."""
NAMELESS = "The customer"


def epoch() -> str:
    """Return the epoch: it changes when history was replaced (a restored backup), and clients then start afresh."""
    found = store.session().get(Fact, "epoch")
    return found.value if found else "0"


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


def ticket(one: Ticket, audience: str, *, now: datetime | None = None) -> Shown:
    """Return the head of a ticket: who has it, where it stands, how long it takes, when the next word comes."""
    now = now or store.now()
    shown = row(one, now=now) | _clock(one, now)
    shown |= {
        "assignee": person(one.assignee),
        "assigned_at": one.assigned_at,
        "customer": {"name": customer_name(one, audience), "face": _initials_face(customer_name(one, audience))},
        "promise": _promise(one, now),
        "last": one.last_for(audience),
        "epoch": epoch(),
        "audience": audience,
        "imported": one.imported_key is not None,
    }
    if audience != "public":
        shown |= _for_the_two_sides(one) | {"subject": subject(one, audience)}
    if audience != "public" or one.shares_feelings:
        shown |= {"impact": _impact(one, audience), "feeling": one.feeling, "urgency_on": one.urgency_on}
    if audience == "staff":
        shown["version"] = one.version
    return shown


def subject(one: Ticket, audience: str) -> str:
    """Return what a ticket is about; personal data in it is masked for readers."""
    typed = (one.original or {}).get("subject") if audience != "public" else None
    return typed or one.subject


def body_html(event: Event, audience: str) -> str:
    """Return an event's words; personal data in them is masked for readers, the two sides read what was typed."""
    typed = (event.original or {}).get("html") if audience != "public" else None
    return typed or event.body_html


def receipt(one: Ticket, secret: str | None) -> Shown:
    """Return what whoever opened a ticket is told at once; words said since are not among it."""
    shown = row(one, now=store.now())
    told = ("ref", "url", "subject", "status", "visibility", "desk", "assignee", "opened_at", "promise")
    opened = find(one, [1]).get(1)
    return {name: shown[name] for name in told} | {
        "hidden": list(dict.fromkeys(masks.hidden(one.original) + masks.hidden(opened.original if opened else None))),
        "secret": secret,
        "secret_url": links.absolute(links.customer_key(secret)) if secret else None,
    }


def row(one: Ticket, *, now: datetime) -> Shown:
    """Return one line of a list: nothing here but what the public may see."""
    elapsed = (one.ended_at or now) - one.opened_at
    return {
        "ref": one.ref,
        "url": links.ticket(one.ref),
        "subject": one.subject,
        "status": one.status,
        "visibility": one.visibility,
        "desk": desk(one.desk),
        "assignee": person_ref(one.assignee),
        "opened_at": one.opened_at,
        "ended_at": one.ended_at,
        "elapsed_s": int(elapsed.total_seconds()),
        "elapsed": clock.humanise(elapsed),
        "elapsed_short": clock.humanise(elapsed, short=True),
        "promise": _promised(one),
        "overdue": one.overdue,
        "passed_on": one.passed_on,
        "waiting_too": one.waiting_too,
        "latest": _latest(one),
    }


def badge(one: Ticket) -> Shown:
    """Return what a badge shows of a ticket: public facts only."""
    return {
        "epoch": epoch(),
        "last": one.last_public_seq,
        "url": links.absolute(links.ticket(one.ref)),
        "status": one.status,
        "subject": one.subject,
        "assignee": {"name": one.assignee.name, "face": absolute_face(face(one.assignee))},
        "opened_at": one.opened_at,
        "ended_at": one.ended_at,
        "promise": _promised(one),
        "latest": _latest_briefly(one),
        "waiting_too": one.waiting_too,
    }


def desk(one: Desk) -> Shown:
    """Return a desk's public face."""
    return {"name": one.name, "slug": one.slug, "url": links.desk(one.slug), "hue": one.hue, "about": one.about}


def desk_page(one: Desk, *, now: datetime) -> Shown:
    """Return a desk with its hours and when a word is due for what is opened now."""
    return desk(one) | {
        "zone": one.zone,
        "opening": one.opening,
        "holidays": one.holidays,
        "closed_on": list(one.closed_on),
        "open_now": desks.is_open(one, now),
        "first_word_at": desks.first_answer_due(one, now),
        "people": [person_ref(each) for each in people.of_desk(one)],
    }


def promise(one: Promise, by: Person) -> Shown:
    """Return a promise with what became of it."""
    return {
        "person": person_ref(by),
        "made_at": one.made_at,
        "due_at": one.due_at,
        "check_in": one.check_in,
        "state": one.state,
        "settled_at": one.settled_at,
    }


def handoff(one: Handoff, audience: str) -> Shown:
    """Return a handoff; its briefing is for staff."""
    shown = {
        "from": person_ref(one.giver),
        "to": person_ref(one.taker),
        "reason": one.reason,
        "state": one.state,
        "offered_at": one.offered_at,
        "expires_at": one.expires_at,
        "answered_at": one.answered_at,
    }
    return shown | {"briefing_html": one.briefing_html} if audience == "staff" else shown


def embed(one: Embed) -> Shown:
    """Return an embed to its owner."""
    return {
        "embed": one.eid,
        "variant": one.variant,
        "theme": one.theme,
        "title": one.title,
        "picks": [pick.ticket.ref for pick in one.picks],
        "sites": list(one.sites),
        "created_at": one.created_at,
        "revoked_at": one.revoked_at,
        "svg_url": links.absolute(links.embed(one.eid, "badge.svg")),
        "json_url": links.absolute(links.embed(one.eid, "badge.json")),
    }


def token(one: ApiToken) -> Shown:
    """Return an API token to its owner; the secret is long gone."""
    return {
        "token": one.public_id,
        "name": one.name,
        "scopes": list(one.scopes),
        "created_at": one.created_at,
        "last_used_at": one.last_used_at,
    }


def person(one: Person) -> Shown:
    """Return what everyone may know of a person who answers."""
    return person_ref(one) | {
        "line": one.line,
        "languages": list(one.languages),
        "on_duty": one.on_duty,
        "active": one.active,
        "desk": desk(one.desk),
        "role": one.role,
    }


def person_ref(one: Person) -> Shown:
    """Return name, face and address of a person who answers."""
    return {"name": one.name, "slug": one.slug, "url": links.person(one.slug), "face": face(one)}


def face(one: Person) -> Shown:
    """Return initials on a colour, and the picture's address when there is one."""
    picture = links.face(one.face_digest) if one.face_digest else None
    return {"initials": initials(one.name), "hue": one.hue, "url": picture}


def initials(name: str) -> str:
    """Return one or two letters to stand for a name."""
    parts = [part for part in name.split() if part[0].isalnum()]
    picked = parts[:1] + parts[-1:] if len(parts) > 1 else parts
    return "".join(part[0] for part in picked).upper()


def customer_name(one: Ticket, audience: str) -> str:
    """Return the customer's name as this audience may read it; "" when they show none."""
    if audience != "public" or one.name_shown == "own":
        return one.customer_name
    return one.pseudonym if one.name_shown == "pseudonym" else ""


def plain(value: Any) -> Any:
    """Return a shown value as JSON can carry it: times as ISO 8601 UTC with Z."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


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
        value = _typed(event, audience).get(name, event.payload.get(name))
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
    reason = "" if event.redacted_by else _typed(event, audience).get("reason", event.payload.get("reason", ""))
    return {"seq": event.seq, "at": event.at, "by": _actor(of, event, audience)["name"], "reason": reason}


def _typed(event: Event, audience: str) -> Mapping[str, str]:
    words: Mapping[str, str] = (event.original or {}).get("words", {}) if audience != "public" else {}
    return words


def _impact(one: Ticket, audience: str) -> str:
    if audience == "public" or personal.MARK_END not in one.impact:
        return one.impact
    opened = find(one, [1]).get(1)
    return (_typed(opened, audience) if opened else {}).get("impact", one.impact)


def _actor(of: Ticket, event: Event, audience: str) -> Shown:
    if event.actor:
        return person_ref(event.actor) | {"role": event.actor_role}
    if event.actor_role == "customer":
        name = customer_name(of, audience)
        return {"name": name or NAMELESS, "role": "customer", "face": _initials_face(name), "url": None}
    name = "A reader" if event.actor_role == "public" else "The system"
    return {"name": name, "role": event.actor_role, "face": _initials_face(""), "url": None}


def _slugs(events: Sequence[Event]) -> set[str]:
    found: set[str] = set()
    for event in events:
        for name, one in KINDS[event.kind].fields.items():
            if one.metadata.get("person") and event.payload.get(name):
                found.add(event.payload[name])
    return found


def _clock(one: Ticket, now: datetime) -> Shown:
    until, hours = one.ended_at or now, desks.hours(one.desk)
    spans = [
        clock.Span(str(status), datetime.fromisoformat(start or ""), datetime.fromisoformat(end) if end else None)
        for status, start, end in one.spans
    ]
    wall, business = clock.waiting(spans, until), clock.waiting(spans, until, hours)
    return {
        "waiting_us_s": int(wall.us.total_seconds()),
        "waiting_us": clock.humanise(wall.us, short=True),
        "waiting_customer_s": int(wall.customer.total_seconds()),
        "waiting_customer": clock.humanise(wall.customer, short=True),
        "business_us_s": int(business.us.total_seconds()),
        "business_us": clock.humanise(business.us, short=True),
        "zone": one.desk.zone,
    }


def _promised(one: Ticket) -> Shown | None:
    if one.due_at is None:
        return None
    state = "missed" if one.overdue else "standing"
    return {"due_at": one.due_at, "state": state, "check_in": one.status == "waiting"}


def _promise(one: Ticket, now: datetime) -> Shown | None:
    query = select(Promise).where(Promise.ticket_id == one.id, Promise.ended_seq.is_(None))
    found = store.session().scalars(query).first()
    if found is None:
        return None
    span = (found.due_at - found.made_at).total_seconds()
    passed = (now - found.made_at).total_seconds()
    return {
        "due_at": found.due_at,
        "made_at": found.made_at,
        "state": "missed" if one.overdue else "standing",
        "check_in": found.check_in,
        "part": 100 if span <= 0 else max(0, min(100, round(100 * passed / span))),
    }


def _latest(one: Ticket) -> Shown | None:
    if not one.latest_word_html or one.latest_word_at is None:
        return None
    by = person_ref(one.latest_word_by) if one.latest_word_by else None
    return {"at": one.latest_word_at, "html": one.latest_word_html, "by": by}


def another(shown: Shown) -> Shown | None:
    """Return who said the latest words of a ticket, where that is not who has it; None too when nothing was said."""
    by: Shown | None = (shown["latest"] or {}).get("by")
    return by if by and by["slug"] != shown["assignee"]["slug"] else None


def _latest_briefly(one: Ticket) -> Shown | None:
    """Return the latest words with the name of who said them: somebody else may have the ticket now."""
    found = _latest(one)
    return found and found | {"by": found["by"] and {"name": found["by"]["name"]}}


def _for_the_two_sides(one: Ticket) -> Shown:
    return {
        "contact": {"name": one.customer_name, "email": one.email, "phone": one.phone},
        "email_confirmed": one.email_confirmed_at is not None,
        "wanted_visibility": one.wanted_visibility,
        "name_shown": one.name_shown,
        "pseudonym": one.pseudonym,
        "shares_feelings": one.shares_feelings,
        "customer_zone": one.zone or one.desk.zone,
        "source": one.source,
    }


def _initials_face(name: str) -> Shown:
    return {"initials": initials(name) or "·", "hue": people.hue_of(name), "url": None}


def absolute_face(shown: Shown) -> Shown:
    """Return a face for pages of other sites."""
    return shown | {"url": links.absolute(shown["url"])} if shown["url"] else shown
