"""COMMANDS of those who answer about themselves: name and line, face, hours, password, tokens. Never by a token."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import select

from tracker import desks, files, kinds, people, permissions, store
from tracker.errors import Forbidden, Invalid, Unauthorized
from tracker.kinds._fields import Payload, flag, words
from tracker.models import Face, Person
from tracker.permissions import Viewer
from tracker.richtext import normalise_name, normalise_text

MOST_LANGUAGES, LONGEST_LANGUAGE = 10, 30
MOST_TOKENS = 20


class Profile(Payload):
    """What people say about themselves; languages as a list with commas, the backup by slug."""

    name = words(80, multiline=False)
    line = words(200, low=0, multiline=False)
    languages = words(400, low=0, multiline=False)
    backup = words(80, low=0, multiline=False)
    shows_writing = flag()


def change(person: Person, given: Mapping[str, Any], *, by: Viewer) -> None:
    """Change name, line, languages, backup, and whether readers see them writing. Raises Invalid by field."""
    _require_self(person, by)
    try:
        loaded = Profile().load(given)
    except ValidationError as error:
        raise Invalid(fields=kinds.messages(error)) from None
    name = normalise_name(loaded["name"], field="name", reserved=people.RESERVED)
    languages, backup = _languages(loaded["languages"]), _backup(person, loaded["backup"])
    with store.transaction():
        person.name, person.line, person.languages = name, loaded["line"], languages
        person.backup, person.backup_id = backup, backup.id if backup else None
        person.shows_writing = loaded["shows_writing"]
        store.notice("profile", person.slug)


def set_face(person: Person, raw: bytes, declared_type: str, *, by: Viewer) -> None:
    """Show a picture, re-encoded, instead of initials. Raises Invalid when it is none we take."""
    _require_self(person, by)
    webp = files.reencode_face(raw, declared_type)
    digest = hashlib.sha256(webp).hexdigest()
    with store.transaction() as session:
        if session.get(Face, digest) is None:
            session.add(Face(digest=digest, webp=webp, created_at=store.now()))
            session.flush()
        person.face_digest = digest
        store.notice("profile", person.slug)


def drop_face(person: Person, *, by: Viewer) -> None:
    """Show initials again; a picture nobody else shows is removed for good."""
    _require_self(person, by)
    with store.transaction() as session:
        digest, person.face_digest = person.face_digest, None
        session.flush()
        if digest and session.scalar(select(Person.id).where(Person.face_digest == digest).limit(1)) is None:
            session.delete(session.get_one(Face, digest))
        store.notice("profile", person.slug)


def set_hours(person: Person, opening: Mapping[str, Any] | None, *, by: Viewer) -> None:
    """Keep hours of one's own, or the desk's (None). Raises Invalid by field."""
    _require_self(person, by)
    checked = None if opening is None else desks.checked_opening(opening)
    with store.transaction():
        person.hours = checked


def change_password(person: Person, old: str, new: str, *, by: Viewer) -> None:
    """Replace a password; every other session ends. Raises Invalid when the old one is wrong or the new too short."""
    _require_self(person, by)
    try:
        people.sign_in(person.email, old)
    except Unauthorized:
        raise Invalid(fields={"old": "That is not your password now."}) from None
    people.set_password(person, new)


def make_token(person: Person, name: str, scopes: Iterable[str], *, by: Viewer) -> str:
    """Return the secret of a new token of one's own; it is shown once. Raises Invalid by field."""
    _require_self(person, by)
    name = normalise_text(name, field="name", max_length=80, min_length=1, multiline=False)
    if len(people.api_tokens(person)) >= MOST_TOKENS:
        raise Invalid(fields={"name": f"You have {MOST_TOKENS} tokens. Revoke one first."})
    _token, secret = people.mint_api_token(person, name=name, scopes=scopes)
    return secret


def revoke_token(person: Person, name: str, *, by: Viewer) -> None:
    """Make a token of one's own (by its public id) open nothing any more. Raises NotFound for those of others."""
    _require_self(person, by)
    people.revoke_api_token(people.own_api_token(person, name))


def _require_self(person: Person, by: Viewer) -> None:
    permissions.require(by, "keep_profile")
    if by.person is None or by.person.id != person.id:
        raise Forbidden("This is for them to say.")


def _languages(text: str) -> list[str]:
    found = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if len(found) > MOST_LANGUAGES or any(len(one) > LONGEST_LANGUAGE for one in found):
        wrong = f"Name at most {MOST_LANGUAGES} languages, each in {LONGEST_LANGUAGE} characters, with commas between."
        raise Invalid(fields={"languages": wrong})
    return found


def _backup(person: Person, slug: str) -> Person | None:
    found = people.get_many([slug]).get(slug) if slug else None
    if slug and (found is None or not found.active or found.id == person.id):
        raise Invalid(fields={"backup": "Choose somebody else who works here."})
    return found
