"""A ticket as an audience sees it: its head, a line of a list, a badge, what whoever opened it is told."""

from datetime import datetime

from sqlalchemy import select

from tracker import clock, desks, links, masks, personal, store
from tracker.disclosure._entries import typed
from tracker.disclosure._people import absolute_face, customer_name, desk, face, initials_face, person, person_ref
from tracker.disclosure._shown import Shown
from tracker.models import Fact, Promise, Ticket
from tracker.timeline import find


def epoch() -> str:
    """Return the epoch: it changes when history was replaced (a restored backup), and clients then start afresh."""
    found = store.session().get(Fact, "epoch")
    return found.value if found else "0"


def ticket(one: Ticket, audience: str, *, now: datetime | None = None) -> Shown:
    """Return the head of a ticket: who has it, where it stands, how long it takes, when the next word comes."""
    now = now or store.now()
    shown = row(one, now=now) | _clock(one, now)
    shown |= {
        "assignee": person(one.assignee),
        "assigned_at": one.assigned_at,
        "customer": {"name": customer_name(one, audience), "face": initials_face(customer_name(one, audience))},
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


def badge(one: Ticket, *, epoch: str) -> Shown:
    """Return what a badge shows of a ticket: public facts only. The epoch is given, for a wall has many of these."""
    return {
        "epoch": epoch,
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


def _impact(one: Ticket, audience: str) -> str:
    if audience == "public" or personal.MARK_END not in one.impact:
        return one.impact
    opened = find(one, [1]).get(1)
    return (typed(opened, audience) if opened else {}).get("impact", one.impact)


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
