"""COMMANDS and QUERIES of reports: a reader says what should not be public, who runs the desk decides."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, UnaryExpression, func, select, tuple_
from sqlalchemy.orm import selectinload

from tracker import disclosure, limits, links, outbox, people, permissions, richtext, store, tickets, timeline
from tracker.disclosure import Shown
from tracker.errors import Conflict, Invalid, NotFound, TooSoon
from tracker.kinds import KINDS
from tracker.kinds._fields import REASON
from tracker.models import Desk, Event, Report, Ticket
from tracker.permissions import Viewer

MOST_WAITING = 20
"""Reports of one ticket that wait for a decision; more of them would tell nothing new."""
MOST_SHOWN = 100
Decision = Literal["dismissed", "redacted", "hidden"]
DECISIONS: tuple[Decision, ...] = ("dismissed", "redacted", "hidden")


@dataclass(frozen=True)
class Case:
    """A report with what it is about, as staff see it."""

    report: Report
    ticket: Shown
    entry: Shown | None
    can_redact: bool


def reportable(ticket: Ticket, audience: str) -> list[Shown]:
    """Return the entries with somebody's words that a reader may report, newest first."""
    events, _ = timeline.since(ticket, max(0, ticket.last_seq - 200), audience=audience, limit=200)
    spoken = [one for one in disclosure.entries(ticket, events, audience) if _has_words(one)]
    return [one for one in reversed(spoken) if not one["redaction"]]


def file(ticket: Ticket, seq: int | None, reason: str, *, by: Viewer) -> Report:
    """Report a ticket or an entry. Raises Invalid by field, TooSoon when there are many."""
    limits.hit("reports", by.address)
    text = richtext.normalise_text(reason, field="reason", max_length=REASON, min_length=3)
    audience = permissions.audience(by, ticket)
    if audience is None:
        raise NotFound()
    target = timeline.find(ticket, [seq]).get(seq) if seq else None
    if seq and (target is None or not disclosure.may_see(target, audience)):
        raise Invalid(fields={"entry": "That is no entry of this timeline."})
    with store.transaction() as session:
        waits = (Report.ticket_id == ticket.id, Report.decided_at.is_(None))
        others = session.scalar(select(func.count()).where(*waits)) or 0
        if others >= MOST_WAITING:
            raise TooSoon("Others have reported this too; somebody is looking at it.", retry_after=3600)
        report = Report(key=links.new_ref(), ticket_id=ticket.id, seq=seq, reason=text, created_at=store.now())
        session.add(report)
        if not others:  # one mail a ticket that waits: reports must not be a way to flood whoever decides
            for person in people.who_run(ticket.desk):
                outbox.letter("report", ticket_id=ticket.id, person_id=person.id)
    return report


def count(desk: Desk | None) -> int:
    """Return how many reports wait for whoever runs a desk (None: any)."""
    query = select(func.count(Report.id)).where(Report.decided_at.is_(None))
    if desk is not None:
        query = query.join(Ticket, Ticket.id == Report.ticket_id).where(Ticket.desk_id == desk.id)
    return store.session().scalar(query) or 0


def waiting(desk: Desk | None) -> list[Case]:
    """Return the reports that wait for whoever runs a desk (None: any), oldest first."""
    return _cases(desk, Report.decided_at.is_(None), order=Report.id.asc(), limit=MOST_SHOWN)


def decided(desk: Desk | None, *, limit: int = 20) -> list[Case]:
    """Return the newest decisions."""
    return _cases(desk, Report.decided_at.is_not(None), order=Report.decided_at.desc(), limit=limit)


def decide(key: str, decision: str, reason: str, *, by: Viewer) -> Report:
    """Dismiss a report, redact what it is about, or take the ticket from the public; the reason is recorded.

    Raises NotFound, Forbidden, Invalid by field, Conflict when somebody has decided already.
    """
    with store.transaction() as session:
        report = session.scalars(select(Report).where(Report.key == key).with_for_update(of=Report)).first()
        if report is None:
            raise NotFound()
        permissions.require(by, "run_desk", report.ticket.desk)
        if decision not in DECISIONS:
            raise Invalid(fields={"decision": "Choose one of: dismissed, redacted, hidden."})
        if report.decided_at:
            raise Conflict("Somebody has decided this already.")
        text = richtext.normalise_text(reason, field="reason", max_length=REASON, min_length=3, multiline=False)
        _act(report, decision, text, by)
        report.decided_at, report.decision, report.decided_because = store.now(), decision, text
        report.decided_by_id = by.person.id if by.person else None
    return report


def _act(report: Report, decision: str, reason: str, by: Viewer) -> None:
    ref = report.ticket.ref
    if decision == "redacted":
        if report.seq is None:
            raise Invalid(fields={"decision": "Choose an entry on the ticket's desk; this report is about all of it."})
        tickets.post(ref, "redacted", {"target": report.seq, "reason": reason}, by=by)
    if decision == "hidden":
        tickets.post(ref, "visibility_changed", {"visibility": "private", "reason": reason}, by=by)


def _cases(desk: Desk | None, which: ColumnElement[bool], *, order: UnaryExpression[Any], limit: int) -> list[Case]:
    """Return reports with what they are about: rows asked for once, their entries once a ticket."""
    query = select(Report).join(Ticket, Ticket.id == Report.ticket_id).where(which).order_by(order).limit(limit)
    if desk is not None:
        query = query.where(Ticket.desk_id == desk.id)
    around = (selectinload(Report.ticket).selectinload(Ticket.latest_word_by), selectinload(Report.decided_by))
    found = list(store.session().scalars(query.options(*around)))
    places = {(one.ticket_id, one.seq) for one in found if one.seq}
    about = store.session().scalars(select(Event).where(tuple_(Event.ticket_id, Event.seq).in_(places))).all()
    entries: dict[tuple[int, int], Shown] = {}
    for ticket in {one.ticket for one in found}:
        shown = disclosure.entries(ticket, [event for event in about if event.ticket_id == ticket.id], "staff")
        entries |= {(ticket.id, entry["seq"]): entry for entry in shown}
    return [_case(one, entries.get((one.ticket_id, one.seq or 0))) for one in found]


def _has_words(entry: Shown) -> bool:
    """Say whether an entry shows what somebody typed or sent: not every change of what may be read has a reason."""
    return bool(entry["body_html"]) or any(entry.get(name) for name in KINDS[entry["kind"]].hideable)


def _case(report: Report, entry: Shown | None) -> Case:
    ticket = report.ticket
    can_redact = entry is not None and not entry["redaction"] and bool(KINDS[entry["kind"]].word_fields)
    row = disclosure.row(ticket, now=store.now()) | {"subject": disclosure.subject(ticket, "staff")}
    return Case(report, row, entry, can_redact)
