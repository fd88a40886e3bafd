"""COMMANDS of passing a ticket on: a warm handoff (offer, accept, decline), and reassignment."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from tracker import desks, outbox, people, permissions, promises, richtext, speech, store, timeline
from tracker.errors import Conflict, Invalid
from tracker.models import Event, Handoff, Person, Ticket
from tracker.permissions import SYSTEM, Viewer

OFF_DUTY_REASON = speech.WORDS["en"]["because_off_duty"]
LEFT_REASON = speech.WORDS["en"]["because_left"]
EXPIRED_REASON = speech.WORDS["en"]["because_unanswered"]
ANSWERED = "This offer has been answered meanwhile."
ROUND = 200
Choose = Callable[[Ticket], Person | None]


def offer(ticket: Ticket, loaded: Mapping[str, Any], by: Viewer) -> Event:
    """Offer the ticket to someone; the assignee keeps it until they accept."""
    taker = _colleague("to", loaded["to"], ticket)
    if pending(ticket):
        raise Conflict("This is already offered to someone. Wait for their answer.")
    event = timeline.append(ticket, "handoff_offered", loaded, by=permissions.actor(by, ticket, "handoff_offered"))
    handoff = Handoff(
        ticket_id=ticket.id,
        from_id=ticket.assignee_id,
        to_id=taker.id,
        reason=event.payload["reason"],
        briefing_html=richtext.render(loaded["briefing"]),
        offered_at=event.at,
        offered_seq=event.seq,
        expires_at=event.at + timedelta(minutes=ticket.desk.handoff_minutes),
    )
    handoff.giver, handoff.taker = ticket.assignee, taker
    store.session().add(handoff)
    _tell_queues(ticket.assignee_id, taker.id)
    return event


def accept(ticket: Ticket, loaded: Mapping[str, Any], by: Viewer) -> Event:
    """Take an offered ticket; its due time comes along, a missed promise stays missed and a new one is set."""
    handoff, taker = _mine(ticket, by)
    before = ticket.assignee
    facts = {
        "came_from": before.slug,
        "to": taker.slug,
        "next_word_at": _due_after(ticket, taker),
        "took_s": int((store.now() - handoff.offered_at).total_seconds()),
    }
    handoff.state, handoff.answered_at = "accepted", store.now()
    _tell_left(ticket, taker)
    return timeline.append(ticket, "handoff_accepted", facts, by=permissions.actor(by, ticket, "handoff_accepted"))


def decline(ticket: Ticket, loaded: Mapping[str, Any], by: Viewer) -> Event:
    """Say no to an offered ticket, or take the offer back as whoever gives it; the reason stays with staff."""
    handoff = pending(ticket)
    if handoff is None:
        raise Conflict(ANSWERED)
    is_taker = by.person is not None and by.person.id == handoff.to_id
    handoff.state, handoff.answered_at = "declined" if is_taker else "overtaken", store.now()
    _tell_queues(ticket.assignee_id, handoff.to_id)
    facts = {**loaded, "to": handoff.taker.slug}
    return timeline.append(ticket, "handoff_declined", facts, by=permissions.actor(by, ticket, "handoff_declined"))


def reassign(ticket: Ticket, loaded: Mapping[str, Any], by: Viewer) -> Event:
    """Give the ticket to someone else at once, with a public reason."""
    taker = _colleague("to", loaded["to"], ticket)
    return _give(ticket, taker, loaded["reason"], by)


def pending(ticket: Ticket) -> Handoff | None:
    """Return the offer that waits for an answer, if any."""
    query = select(Handoff).where(Handoff.ticket_id == ticket.id, Handoff.state == "offered")
    return store.session().scalars(query).first()


def has_yet_to_speak(ticket: Ticket) -> bool:
    """Say whether whoever has it got it from somebody else and has said no word yet; False while it is on offer."""
    if not ticket.passed_on or not ticket.is_open or pending(ticket):
        return False
    spoke_at = ticket.latest_word_at if ticket.latest_word_by_id == ticket.assignee_id else None
    return spoke_at is None or spoke_at < ticket.assigned_at


def leave(person: Person, *, reason: str) -> list[str]:
    """Give every open ticket of somebody who leaves to their backup, else as intake would; return the refs."""
    return [ref for ref in _open_refs(person) if _leave_one(ref, person, reason, _successor)]


def withdraw(person: Person, *, reason: str) -> list[str]:
    """End every offer to somebody who can't answer it any more; return the refs."""
    query = select(Ticket.ref).join(Handoff, Handoff.ticket_id == Ticket.id)
    refs = list(store.session().scalars(query.where(Handoff.to_id == person.id, Handoff.state == "offered")))
    for ref in refs:
        with store.transaction():
            ticket = timeline.lock(ref)
            handoff = pending(ticket)
            if handoff and handoff.to_id == person.id:
                _end_offer(ticket, handoff, reason)
    return refs


def cover(person: Person, *, until: datetime) -> list[str]:
    """Give the tickets whose promise falls due before `until` to the backup of somebody who goes off duty.

    Those that nobody is there for stay where they are: a second absent person would help nobody. Return what moved.
    """
    reason = OFF_DUTY_REASON.format(name=person.name)
    return [ref for ref in _open_refs(person, due_before=until) if _leave_one(ref, person, reason, _stand_in)]


def expire() -> int:
    """Reassign tickets whose offer was not answered within the desk's limit."""
    query = select(Ticket.ref).join(Handoff, Handoff.ticket_id == Ticket.id)
    query = query.where(Handoff.state == "offered", Handoff.expires_at <= store.now()).limit(ROUND)
    refs = store.session().scalars(query).all()
    for ref in refs:
        with store.transaction():
            ticket = timeline.lock(ref)
            promises.record_if_missed(ticket)
            handoff = pending(ticket)
            if handoff:
                _expire_one(ticket, handoff)
    return len(refs)


def remind() -> int:
    """Leave one letter for each offer that half of the desk's limit has passed over unanswered; due work."""
    now = store.now()
    waiting = select(Handoff).where(Handoff.state == "offered", Handoff.reminded_at.is_(None)).order_by(Handoff.id)
    late = [one.id for one in store.session().scalars(waiting.limit(ROUND)) if now >= _half_way(one)]
    for handoff_id in late:
        with store.transaction() as session:
            handoff = session.get(Handoff, handoff_id, with_for_update={"of": Handoff}, populate_existing=True)
            if handoff and handoff.state == "offered" and handoff.reminded_at is None:
                handoff.reminded_at = now
                outbox.letter("offer", ticket_id=handoff.ticket_id, person_id=handoff.to_id)
                _tell_queues(handoff.to_id)
    return len(late)


def _half_way(handoff: Handoff) -> datetime:
    return handoff.offered_at + (handoff.expires_at - handoff.offered_at) / 2


def _give(ticket: Ticket, taker: Person, reason: str, by: Viewer) -> Event:
    before = ticket.assignee
    facts = {
        "to": taker.slug,
        "reason": reason,
        "came_from": before.slug,
        "next_word_at": _due_after(ticket, taker),
    }
    _tell_left(ticket, taker)
    return timeline.append(ticket, "reassigned", facts, by=permissions.actor(by, ticket, "reassigned"))


def _expire_one(ticket: Ticket, handoff: Handoff) -> None:
    reason = EXPIRED_REASON.format(name=handoff.taker.name)
    taker = _present(ticket, {ticket.assignee_id, handoff.to_id})
    if taker is None:  # it stays where it is, and the offer ends
        _end_offer(ticket, handoff, reason)
    else:
        _give(ticket, taker, reason, SYSTEM)


def _end_offer(ticket: Ticket, handoff: Handoff, reason: str) -> None:
    handoff.state, handoff.answered_at = "overtaken", store.now()
    _tell_queues(ticket.assignee_id, handoff.to_id)
    facts = {"reason": reason, "to": handoff.taker.slug}
    timeline.append(ticket, "handoff_declined", facts, by=timeline.SYSTEM)


def _leave_one(ref: str, person: Person, reason: str, choose: Choose) -> bool:
    with store.transaction():
        ticket = timeline.lock(ref)
        if ticket.assignee_id != person.id or not ticket.is_open:
            return False
        promises.record_if_missed(ticket)
        taker = choose(ticket)
        if taker is None:
            return False
        _give(ticket, taker, reason, SYSTEM)
        return True


def _successor(ticket: Ticket) -> Person:
    return _stand_in(ticket) or people.choose_assignee(ticket.desk, besides={ticket.assignee_id})


def _stand_in(ticket: Ticket) -> Person | None:
    """Return the backup when they are there or back before a word is due, else whoever is there."""
    backup = ticket.assignee.backup
    if backup and backup.active and backup.on_duty_next_at and ticket.due_at and backup.on_duty_next_at < ticket.due_at:
        return backup
    return _present(ticket, {ticket.assignee_id})


def _present(ticket: Ticket, besides: set[int]) -> Person | None:
    backup = ticket.assignee.backup
    if backup and backup.active and backup.on_duty and backup.id not in besides:
        return backup
    return people.on_duty(ticket.desk, besides=besides)


def _due_after(ticket: Ticket, taker: Person) -> datetime | None:
    if ticket.due_at is None:
        return None
    return desks.first_answer_due(taker.desk, store.now()) if ticket.overdue else ticket.due_at


def _mine(ticket: Ticket, by: Viewer) -> tuple[Handoff, Person]:
    handoff = pending(ticket)
    if handoff is None or by.person is None or handoff.to_id != by.person.id:
        raise Conflict(ANSWERED)
    return handoff, handoff.taker


def _colleague(field: str, slug: str, ticket: Ticket) -> Person:
    person = people.get_many([slug]).get(slug)
    if person is None or not person.active:
        raise Invalid(fields={field: "Choose somebody who works here."})
    if person.id == ticket.assignee_id:
        raise Invalid(fields={field: f"{person.name} has this already."})
    return person


def _open_refs(person: Person, *, due_before: datetime | None = None) -> list[str]:
    query = select(Ticket.ref).where(Ticket.assignee_id == person.id, Ticket.is_open)
    if due_before is not None:
        query = query.where(Ticket.due_at <= due_before)
    return list(store.session().scalars(query.order_by(Ticket.id)))


def _tell_left(ticket: Ticket, taker: Person) -> None:
    """Tell whoever has it, and their desk, that it goes: what is told of the event reaches only where it arrives."""
    _tell_queues(ticket.assignee_id, taker.id, f"desk-{ticket.desk.slug}")
    if ticket.visibility == "public":
        store.notice("list", ticket.desk.slug)


def _tell_queues(*whose: int | str) -> None:
    for one in whose:
        store.notice("queue", one)
