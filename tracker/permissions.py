"""Who may do what: the one place that authorises. Doors build a Viewer, commands and queries ask here."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, false, or_, select, true

from tracker.errors import Forbidden, NotFound, Unauthorized
from tracker.kinds import KINDS
from tracker.models import Desk, Handoff, Helper, Person, Ticket
from tracker.store import session
from tracker.timeline import Actor

RANK = {"public": 0, "customer": 1, "staff": 2}

TICKET_ACTS: dict[str, frozenset[str]] = {
    "see": frozenset({"public", "customer", "staff", "system"}),
    "see_as_customer": frozenset({"customer", "staff", "system"}),
    "see_as_staff": frozenset({"staff", "system"}),
    "embed": frozenset({"customer"}),
    "keep_key": frozenset({"customer"}),
    "hook": frozenset({"customer"}),
    "erase": frozenset({"customer", "lead", "admin", "system"}),
    "wait_too": frozenset({"public"}),
}
"""Acts on a ticket that are no event, with the relations that allow them. Kinds name theirs in `posted_by`."""

HOUSE_ACTS: dict[str, frozenset[str]] = {
    "open": frozenset({"anyone"}),
    "work": frozenset({"agent", "lead", "admin"}),
    "keep_profile": frozenset({"agent", "lead", "admin"}),
    "file": frozenset({"agent", "lead", "admin"}),
    "run_desk": frozenset({"desk_lead", "admin", "system"}),
    "import": frozenset({"admin", "system"}),
    "measure": frozenset({"admin", "system"}),
    "administer": frozenset({"admin", "system"}),
}
"""Acts on a desk or the whole house; the system is whoever runs commands on the machine itself."""

SCOPES = {"see": "read", "see_as_customer": "read", "see_as_staff": "read", "work": "read", "measure": "read"}
SCOPES |= {"import": "import", "administer": "admin", "run_desk": "admin"}
SCOPES |= {"keep_profile": "no token has this: a token must not make another, nor change a password"}
"""The scope a bearer token needs; every act not named here is a write."""


@dataclass(frozen=True)
class Viewer:
    """Who is asking. `tickets`: ids of those whose customer this is; `scopes`: None for people, a set for tokens."""

    person: Person | None = None
    tickets: frozenset[int] = frozenset()
    scopes: frozenset[str] | None = None
    is_system: bool = False
    address: str = field(default="", compare=False)
    principal: str = "anonymous"
    """A name for rate limits and Idempotency-Key: who, without saying who."""


SYSTEM = Viewer(is_system=True, principal="system")
ANYONE = Viewer()


def relations(viewer: Viewer, ticket: Ticket) -> frozenset[str]:
    """Return how a viewer stands to a ticket: the words that kinds name in `posted_by`, and system."""
    found: set[str] = set()
    if viewer.is_system:
        found.add("system")
    if is_shown(ticket, "public"):
        found.add("public")
    if ticket.id in viewer.tickets:
        found.add("customer")
    if viewer.person and viewer.person.active:
        found |= _of_staff(viewer.person, ticket)
    return frozenset(found)


def may(viewer: Viewer, act: str, on: Ticket | Desk | None = None) -> bool:
    """Say whether this viewer may do this: a kind of event, or one of the acts above."""
    if isinstance(on, Ticket):
        return act in among((act,), viewer, on)
    return _is_in_scope(viewer, act) and bool(HOUSE_ACTS[act] & _house_relations(viewer, on))


def among(acts: Iterable[str], viewer: Viewer, ticket: Ticket) -> frozenset[str]:
    """Return those of several acts that this viewer may do on a ticket; how they stand to it is asked once."""
    wanted = [act for act in acts if _is_in_scope(viewer, act)]
    stands = relations(viewer, ticket) if wanted else frozenset()
    return frozenset(act for act in wanted if stands & (KINDS[act].posted_by if act in KINDS else TICKET_ACTS[act]))


def staffed(viewer: Viewer) -> ColumnElement[bool]:
    """Return which tickets this viewer may see as staff, for queries: what `may` says of each, in SQL."""
    who = viewer.person
    if who is None or not who.active or not _is_in_scope(viewer, "see_as_staff"):
        return false()
    if who.role == "admin":
        return true()
    offered = select(Handoff.ticket_id).where(Handoff.to_id == who.id, Handoff.state == "offered")
    helped = select(Helper.ticket_id).where(Helper.person_id == who.id)
    theirs = or_(Ticket.desk_id == who.desk_id, Ticket.assignee_id == who.id)
    return or_(theirs, Ticket.id.in_(offered), Ticket.id.in_(helped))


def is_shown(ticket: Ticket, to: str) -> bool:
    """Say whether an audience may read a ticket now: the public may not while it is private."""
    return to != "public" or ticket.visibility != "private"


def audience(viewer: Viewer, ticket: Ticket) -> str | None:
    """Return the widest audience this viewer belongs to (staff, customer, public), None when it may not look."""
    for name, act in (("staff", "see_as_staff"), ("customer", "see_as_customer"), ("public", "see")):
        if may(viewer, act, ticket):
            return name
    return None


def require(viewer: Viewer, act: str, on: Ticket | Desk | None = None) -> None:
    """Raise NotFound when the viewer may not even know of it, Unauthorized or Forbidden when they may not do this."""
    if isinstance(on, Ticket) and audience(viewer, on) is None:
        raise NotFound()
    if may(viewer, act, on):
        return
    if act in KINDS and not KINDS[act].posted_by:
        raise Forbidden("Only the system records this.")
    require_somebody(viewer)
    raise Forbidden()


def require_somebody(viewer: Viewer) -> None:
    """Raise Unauthorized when nobody in particular asks: they may be somebody once they sign in."""
    if viewer.person is None and not viewer.tickets and viewer.scopes is None and not viewer.is_system:
        raise Unauthorized()


def actor(viewer: Viewer, ticket: Ticket, kind: str) -> Actor:
    """Return who acts when this viewer adds a kind of event: one browser may hold an agent and a customer at once."""
    if viewer.is_system:
        return Actor("system")
    by_right_of = KINDS[kind].posted_by & relations(viewer, ticket)
    if viewer.person and by_right_of - {"customer", "public"}:
        return Actor(viewer.person.role, viewer.person)
    if "customer" in by_right_of:
        return Actor("customer")
    return Actor(viewer.person.role, viewer.person) if viewer.person else Actor("public")


def _is_in_scope(viewer: Viewer, act: str) -> bool:
    return viewer.scopes is None or SCOPES.get(act, "write") in viewer.scopes


def _of_staff(person: Person, ticket: Ticket) -> set[str]:
    found: set[str] = set()
    if person.role == "admin":
        found |= {"staff", "admin"}
    if person.desk_id == ticket.desk_id:
        found.add("staff")
        if person.role == "lead":
            found.add("lead")
    if person.id == ticket.assignee_id:
        found |= {"staff", "assignee"}
    else:
        if _is_offered(person, ticket):
            found |= {"staff", "offered"}
        if session().get(Helper, (ticket.id, person.id)):
            found |= {"staff", "helper"}
    return found


def _house_relations(viewer: Viewer, desk: Desk | None) -> frozenset[str]:
    found = {"anyone", "system"} if viewer.is_system else {"anyone"}
    person = viewer.person
    if person and person.active:
        found.add(person.role)
        if person.role == "lead" and desk is not None and person.desk_id == desk.id:
            found.add("desk_lead")
    return frozenset(found)


def _is_offered(person: Person, ticket: Ticket) -> bool:
    query = select(Handoff.id).where(
        Handoff.ticket_id == ticket.id, Handoff.to_id == person.id, Handoff.state == "offered"
    )
    return session().execute(query).first() is not None
