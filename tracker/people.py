"""The people who answer: who takes a new ticket, who is on duty, and how they prove who they are."""

import threading
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from zlib import crc32

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, select

from tracker import links, richtext, settings, store
from tracker.errors import Conflict, Invalid, NotFound, Unauthorized
from tracker.models import ApiToken, Desk, EndedSession, LinkToken, Person, Ticket

ROLES = ("agent", "lead", "admin")
SCOPES = ("read", "write", "import", "admin")
LINK_LIVES = {"signin": timedelta(minutes=15), "reset": timedelta(minutes=15), "confirm": timedelta(days=7)}
LINK_LIVES |= {"invite": timedelta(days=3), "feedback": timedelta(days=30)}
LINK_IS_DEAD = "This link has been used or has run out. Ask for a new one."
CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""How far the clocks of two instances may be apart."""
SHORTEST_PASSWORD = 10
TOKEN_PREFIX = "npt_"
HUES = 12
RESERVED = ("Nameplate", "The system", "The customer", "A reader", "Support", "Admin", "Administrator", "Moderator")
_hasher = PasswordHasher()
_TURNS = threading.BoundedSemaphore(4)
"""One check takes 64 MB: many at once, from many networks, would take all there is."""
_NO_HASH = _hasher.hash("nobody has this password")
"""Checked when the address is unknown, so that both answers take as long."""


def find(slug: str) -> Person:
    """Return a person by slug; raise NotFound."""
    person = store.session().scalars(select(Person).where(Person.slug == slug)).first()
    if person is None:
        raise NotFound()
    return person


def find_by_email(email: str) -> Person:
    """Return the person with this address, working here or not; raise NotFound."""
    person = store.session().scalars(select(Person).where(Person.email == email.strip().lower())).first()
    if person is None:
        raise NotFound(f"Nobody here has the address {email}.")
    return person


def everyone(*, active: bool = True) -> list[Person]:
    """Return all who answer now, by name; with `active=False` also those who have left."""
    query = select(Person).where(Person.active) if active else select(Person)
    return list(store.session().scalars(query.order_by(Person.name, Person.id)))


def get_many(slugs: Collection[str]) -> dict[str, Person]:
    """Return people by slug; slugs without a person are left out."""
    if not slugs:
        return {}
    query = select(Person).where(Person.slug.in_(slugs))
    return {person.slug: person for person in store.session().scalars(query)}


def of_desk(desk: Desk, *, active: bool = True) -> list[Person]:
    """Return the people of a desk, by name."""
    query = select(Person).where(Person.desk_id == desk.id)
    if active:
        query = query.where(Person.active)
    return list(store.session().scalars(query.order_by(Person.name, Person.id)))


def who_run(desk: Desk) -> list[Person]:
    """Return a desk's leads; admins where it has none."""
    leads = [person for person in of_desk(desk) if person.role == "lead"]
    return leads or [person for person in everyone() if person.role == "admin"]


def takers(ticket: Ticket) -> list[Person]:
    """Return who could take a ticket over: its own desk's people first, those on duty before the others."""
    found = [person for person in everyone() if person.id != ticket.assignee_id]
    return sorted(found, key=lambda one: (one.desk_id != ticket.desk_id, one.desk.name, not one.on_duty, one.name))


def customer_name(name: str, *, field: str) -> str:
    """Return a name a customer may go by; raise Invalid when it could be taken for somebody who works here."""
    staff = store.session().scalars(select(Person.name))
    return richtext.normalise_name(name, field=field, reserved={*staff, *RESERVED})


def open_tickets(of: Iterable[Person]) -> dict[int, int]:
    """Return how many open tickets people have, by id; those without any are left out."""
    query = (
        select(Ticket.assignee_id, func.count())
        .where(Ticket.assignee_id.in_([person.id for person in of]), Ticket.is_open)
        .group_by(Ticket.assignee_id)
    )
    return {row[0]: row[1] for row in store.session().execute(query)}


def choose_assignee(desk: Desk, *, besides: Collection[int] = ()) -> Person:
    """Return who takes a new ticket: on duty with the fewest open tickets, else next to come on duty, else the lead.

    PRODUCT rule 1. Raises Conflict when the desk has nobody at all: then it can't take tickets.
    """
    present = on_duty(desk, besides=besides)
    if present:
        return present
    staff = [person for person in of_desk(desk) if person.id not in besides]
    returning = [person for person in staff if person.on_duty_next_at]
    if returning:
        return min(returning, key=lambda person: (person.on_duty_next_at, person.id))
    lead = _least_busy([person for person in staff if person.role == "lead"] or staff)
    if lead is None:
        raise Conflict(f"{desk.name} has nobody who could take this yet. Please choose another desk.")
    return lead


def on_duty(desk: Desk, *, besides: Collection[int] = ()) -> Person | None:
    """Return who of a desk is on duty with the fewest open tickets; None when nobody is."""
    return _least_busy(person for person in of_desk(desk) if person.on_duty and person.id not in besides)


def hue_of(name: str) -> int:
    """Return the colour of a name, 0 to HUES - 1: always the same one."""
    return crc32(name.encode()) % HUES


def add(*, name: str, email: str, desk: Desk, role: str = "agent", password: str = "") -> Person:
    """Add a person who answers. Raises Invalid on a bad name or role, Conflict when the address is taken."""
    if role not in ROLES:
        raise Invalid(fields={"role": f"Choose one of: {', '.join(ROLES)}."})
    name = richtext.normalise_name(name, field="name")
    with store.transaction() as session:
        if session.scalar(select(Person.id).where(Person.email == email.lower())):
            raise Conflict(f"{email} is taken.")
        slug = links.free_slug(name, set(session.scalars(select(Person.slug))), "person")
        person = Person(
            slug=slug,
            name=name,
            email=email.lower(),
            desk_id=desk.id,
            role=role,
            hue=hue_of(name),
            languages=[],
            created_at=store.now(),
            password_hash=hash_password(password) if password else "",
        )
        person.desk = desk
        session.add(person)
        session.flush()
        return person


def hash_password(password: str) -> str:
    """Hash with argon2id; raise Invalid when it is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid(fields={"password": f"Use at least {SHORTEST_PASSWORD} characters; a short sentence is fine."})
    if len(password) > 1000:
        raise Invalid(fields={"password": "Use at most 1,000 characters."})
    return _hasher.hash(password)


def sign_in(email: str, password: str) -> Person:
    """Return the person with this address and password; raise Unauthorized, alike for unknown addresses."""
    person = store.session().scalars(select(Person).where(Person.email == email.strip().lower())).first()
    try:
        with _TURNS:
            _hasher.verify(person.password_hash if person and person.password_hash else _NO_HASH, password[:1000])
        known = person is not None and bool(person.password_hash) and person.active
    except (VerificationError, InvalidHashError):
        known = False
    if person is None or not known:
        raise Unauthorized("That address and password do not go together.")
    return person


def set_password(person: Person, password: str) -> None:
    """Replace a password and sign the person out everywhere."""
    hashed = hash_password(password)
    with store.transaction():
        person.password_hash = hashed
        person.sessions += 1
        store.notice("person", person.id)


def of_session(pair: Sequence[int] | None, sid: str) -> Person | None:
    """Return whose session this is: the person and the count of their sessions when it began. None when it ended."""
    if not pair:
        return None
    ended = store.session().get(EndedSession, links.fingerprint(sid))
    person = store.session().get(Person, pair[0], populate_existing=True)
    if ended or person is None or not person.active or person.sessions != pair[1]:
        return None
    return person


def end_session(sid: str) -> None:
    """Let a session open nothing any more, wherever a copy of its cookie is kept; its sockets leave."""
    with store.transaction() as session:
        session.merge(EndedSession(fingerprint=links.fingerprint(sid), ends_at=store.now() + settings.SESSION_LASTS))
        store.notice("session", sid)


def forget_ended_sessions() -> int:
    """Delete ended sessions whose cookies have run out by themselves; due work of the outbox worker."""
    return store.forget(EndedSession, EndedSession.ends_at < store.now())


def mint_link(purpose: str, *, ticket_id: int | None = None, person_id: int | None = None, address: str = "") -> str:
    """Return the secret of a new single-use link; only its fingerprint is kept."""
    secret = links.new_secret()
    with store.transaction() as session:
        now = store.now()
        session.add(
            LinkToken(
                purpose=purpose,
                fingerprint=links.fingerprint(secret),
                ticket_id=ticket_id,
                person_id=person_id,
                address=address,
                created_at=now,
                expires_at=now + LINK_LIVES[purpose],
            )
        )
    return secret


def find_link(purpose: str, secret: str) -> LinkToken:
    """Return a link that is still good; raise Unauthorized when it is unknown, used or too old. Alike for all three.

    One from the future was made while a clock was ahead: it would live for as much longer.
    """
    query = select(LinkToken).where(LinkToken.fingerprint == links.fingerprint(secret))
    token = store.session().scalars(query.with_for_update().execution_options(populate_existing=True)).first()
    if token is None or token.purpose != purpose or token.used_at:
        raise Unauthorized(LINK_IS_DEAD)
    if not token.created_at - CLOCKS_DIFFER_BY <= store.now() < token.expires_at:
        raise Unauthorized(LINK_IS_DEAD)
    return token


def redeem_link(purpose: str, secret: str) -> LinkToken:
    """Use a link up and return it; raise Unauthorized as find_link does."""
    with store.transaction():
        token = find_link(purpose, secret)
        token.used_at = store.now()
        return token


def choose_password(purpose: str, secret: str, password: str) -> Person:
    """Redeem a reset or invitation link for a new password, and say whose it is.

    Raises Invalid (the link stays good) or Unauthorized.
    """
    hash_password(password)
    with store.transaction() as session:
        person = session.get(Person, redeem_link(purpose, secret).person_id)
        if person is None or not person.active:
            raise Unauthorized(LINK_IS_DEAD)
        set_password(person, password)
        return person


def mint_api_token(person: Person, *, name: str, scopes: Iterable[str]) -> tuple[ApiToken, str]:
    """Return a new bearer token and its secret, which is shown once. Raises Invalid on an unknown scope."""
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(SCOPES):
        raise Invalid(fields={"scopes": f"Choose among: {', '.join(SCOPES)}."})
    secret = TOKEN_PREFIX + links.new_secret()
    with store.transaction() as session:
        token = ApiToken(
            person_id=person.id,
            name=name,
            fingerprint=links.fingerprint(secret),
            scopes=wanted,
            created_at=store.now(),
        )
        session.add(token)
        session.flush()
    return token, secret


def find_api_token(secret: str) -> ApiToken:
    """Return a live token by its secret and note its use (once a minute); raise Unauthorized."""
    query = select(ApiToken).where(ApiToken.fingerprint == links.fingerprint(secret))
    token = store.session().scalars(query).first()
    if token is None or token.revoked_at or not token.person.active:
        raise Unauthorized("This token is unknown or has been revoked.")
    if token.last_used_at is None or store.now() - token.last_used_at > timedelta(minutes=1):
        with store.transaction():
            token.last_used_at = store.now()
    return token


def api_tokens(person: Person | None = None) -> list[ApiToken]:
    """Return the tokens that still open something, of one person or of all, oldest first."""
    query = select(ApiToken).where(ApiToken.revoked_at.is_(None)).order_by(ApiToken.id)
    return list(store.session().scalars(query.where(ApiToken.person_id == person.id) if person else query))


def revoke_api_token(token: ApiToken) -> None:
    """Make a token open nothing any more."""
    with store.transaction():
        token.revoked_at = token.revoked_at or store.now()


def own_api_token(person: Person, name: str) -> ApiToken:
    """Return a live token of this person by its public name (ApiToken.public_id); raise NotFound."""
    for token in api_tokens(person):
        if token.public_id == name:
            return token
    raise NotFound()


def _least_busy(among: Iterable[Person]) -> Person | None:
    some = list(among)
    load = open_tickets(some)
    return min(some, key=lambda person: (load.get(person.id, 0), person.id), default=None)
