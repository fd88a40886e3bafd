"""COMMANDS about those who answer: invite them, change what they may do, let them go."""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from tracker import addresses, clock, desks, handoffs, outbox, people, permissions, store
from tracker.errors import Conflict, Invalid
from tracker.models import ApiToken, Desk, Person
from tracker.permissions import Viewer

LONGEST_ABSENCE = timedelta(days=366)


def invite(person: Person, *, by: Viewer) -> None:
    """Send somebody the link with which they choose a password. Raises Conflict when they no longer work here."""
    permissions.require(by, "run_desk", person.desk)
    require_active(person)
    with store.transaction():
        outbox.letter("invite", person_id=person.id)


def take_in(desk: Desk, *, name: str, email: str, role: str, by: Viewer) -> Person:
    """Add somebody to a desk and invite them; off duty until they say otherwise. Raises Invalid by field, Conflict."""
    permissions.require(by, "run_desk", desk)
    if role not in ("agent", "lead"):
        raise Invalid(fields={"role": "Choose agent or lead."})
    address = addresses.checked(email)
    with store.transaction():
        person = people.add(name=name, email=address, desk=desk, role=role)
        person.on_duty = False
        invite(person, by=by)
    return person


def come_on_duty(person: Person, *, by: Viewer) -> None:
    """Take new tickets from now on."""
    _require_self_or_lead(person, by)
    with store.transaction():
        person.on_duty, person.on_duty_next_at = True, None
        store.notice("profile", person.slug)


def go_off_duty(person: Person, *, until: datetime | None, by: Viewer) -> list[str]:
    """Take no new tickets; those with a word due before `until` go to whoever is there. Return the refs that moved."""
    _require_self_or_lead(person, by)
    now = store.now()
    if until is not None and not now < until < now + LONGEST_ABSENCE:
        raise Invalid(fields={"until": "Choose a time within the coming year, or leave it empty."})
    with store.transaction() as session:
        person.on_duty, person.on_duty_next_at = False, until
        session.flush()
        store.notice("profile", person.slug)
        return handoffs.cover(person, until=until or now + LONGEST_ABSENCE)


def welcome_back() -> int:
    """Put on duty whoever said that they would be back by now; the outbox worker calls this each round."""
    due = select(Person.id).where(Person.active, Person.on_duty.is_(False), Person.on_duty_next_at <= store.now())
    ids = store.session().scalars(due).all()
    for person_id in ids:
        with store.transaction() as session:
            person = session.get(Person, person_id, populate_existing=True)
            if person and not person.on_duty:
                person.on_duty, person.on_duty_next_at = True, None
                store.notice("profile", person.slug)
    return len(ids)


def next_day(person: Person) -> datetime | None:
    """Return when somebody's hours next begin after today; None when they never do."""
    hours = desks.hours(person.desk, person.hours)
    tomorrow = clock.start_of_tomorrow(store.now(), person.desk.zone)
    return clock.next_opening(tomorrow, hours) if any(hours.weekly) else None


def set_role(person: Person, role: str, *, by: Viewer) -> None:
    """Make somebody an agent, a lead of their desk, or an admin; it takes effect at their next request."""
    permissions.require(by, "administer")
    if role not in people.ROLES:
        raise Invalid(fields={"role": f"Choose one of: {', '.join(people.ROLES)}."})
    require_active(person)
    with store.transaction():
        person.role = role
        store.notice("person", person.id)


def deactivate(person: Person, *, by: Viewer) -> list[str]:
    """Let somebody go: their tickets move on, their sessions and tokens end. Return the refs that moved.

    All of it or nothing. Raises Conflict when nobody else is there who could take a ticket.
    """
    permissions.require(by, "run_desk", person.desk)
    if not any(one.id != person.id for one in people.of_desk(person.desk)):
        raise Conflict(f"{person.name} is the last one at this desk; nobody else could take a ticket.")
    reason = handoffs.LEFT_REASON.format(name=person.name)
    with store.transaction() as session:
        person.active = person.on_duty = False
        person.on_duty_next_at = None
        person.sessions += 1
        store.notice("person", person.id)
        session.flush()
        handoffs.withdraw(person, reason=reason)
        moved = handoffs.leave(person, reason=reason)
        live = update(ApiToken).where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
        session.execute(live.values(revoked_at=store.now()))
    return moved


def _require_self_or_lead(person: Person, by: Viewer) -> None:
    require_active(person)
    if by.person is not None and by.person.id == person.id:
        permissions.require(by, "keep_profile")
    else:
        permissions.require(by, "run_desk", person.desk)


def require_active(person: Person) -> None:
    """Raise Conflict when somebody no longer works here."""
    if not person.active:
        raise Conflict(f"{person.name} no longer works here.")
