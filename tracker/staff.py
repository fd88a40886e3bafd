"""COMMANDS about those who answer: invite them, change what they may do, let them go."""

from sqlalchemy import update

from tracker import handoffs, outbox, people, permissions, store
from tracker.errors import Conflict, Invalid
from tracker.models import ApiToken, Person
from tracker.permissions import Viewer


def invite(person: Person, *, by: Viewer) -> None:
    """Send somebody the link with which they choose a password. Raises Conflict when they no longer work here."""
    permissions.require(by, "run_desk", person.desk)
    require_active(person)
    with store.transaction():
        outbox.letter("invite", person_id=person.id)


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


def require_active(person: Person) -> None:
    """Raise Conflict when somebody no longer works here."""
    if not person.active:
        raise Conflict(f"{person.name} no longer works here.")
