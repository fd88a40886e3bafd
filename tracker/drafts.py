"""Words being written at a ticket's desk: kept for their author alone, and from the saving of them who is there."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import or_, select

from tracker import permissions, richtext, store
from tracker.errors import Forbidden, Invalid
from tracker.kinds._fields import TEXT
from tracker.models import Draft, Person, Ticket
from tracker.permissions import Viewer

PRESENT_FOR = timedelta(seconds=15)
"""How long after their page's last sign somebody counts as there, and after their last key as writing."""
TELL_EVERY = timedelta(seconds=8)
"""Viewers are told again this often while somebody writes: before what they show runs out."""
FORGOTTEN_AFTER = timedelta(days=30)
LONGEST_CHOICE = 40
NO_DRAFT: Mapping[str, str] = {}


def keep(ticket: Ticket, typed: Mapping[str, str], *, by: Viewer, seen: int = 0) -> Draft:
    """Keep what somebody has typed (text, next, next_word_at); without a text only that they are there.

    `writing` without a text: they write something else here, such as a note. Colleagues see it, those who watch do not.

    Words are kept as typed but for what can't be stored; an empty text is one that was taken back. `seen` is the last
    entry on the page they come from, 0 when it does not say.
    """
    permissions.require(by, "see_as_staff", ticket)
    if by.person is None:
        raise Forbidden()
    with store.transaction() as session:
        session.get(Person, by.person.id, with_for_update={"key_share": True, "of": Person})  # one row, two pages
        now, draft = store.now(), find(ticket, by.person)
        if draft is None:
            draft = Draft(ticket_id=ticket.id, person=by.person, kept_at=now, text="", next="", next_word_at="")
            session.add(draft)
        draft.seen_at = now
        if "text" in typed and not _was_said(ticket, seen, by.person):
            _write(draft, typed, ticket)
        elif "writing" in typed and not draft.text:
            draft.wrote_at = now
    return draft


def find(ticket: Ticket, person: Person) -> Draft | None:
    """Return what somebody is writing on a ticket."""
    query = select(Draft).where(Draft.ticket_id == ticket.id, Draft.person_id == person.id)
    return store.session().scalars(query.execution_options(populate_existing=True)).first()


def typed(ticket: Ticket, person: Person) -> Mapping[str, str]:
    """Return a draft as its form sends it; empty when nothing was kept."""
    draft = find(ticket, person)
    if draft is None or not draft.text:
        return NO_DRAFT
    return {"text": draft.text, "next": draft.next, "next_word_at": draft.next_word_at}


def present(ticket: Ticket, *, besides: Person) -> list[tuple[Person, bool]]:
    """Return who else has a ticket's desk open now, and whether they are writing."""
    now = store.now()
    query = select(Draft).where(Draft.ticket_id == ticket.id, Draft.person_id != besides.id)
    query = query.where(Draft.seen_at > now - PRESENT_FOR).order_by(Draft.person_id)
    found = store.session().scalars(query.execution_options(populate_existing=True))
    return [(one.person, _writes(one)) for one in found if one.person.active]


def writer(ticket: Ticket) -> Person | None:
    """Return who has the ticket while they are writing on it, as those who watch it may know."""
    if ticket.visibility == "private" or not ticket.assignee.shows_writing:
        return None
    draft = find(ticket, ticket.assignee)
    return draft.person if draft and draft.text.strip() and _writes(draft) else None


def drop(ticket: Ticket, by: Viewer) -> None:
    """Forget a draft inside a transaction: its words were said."""
    draft = find(ticket, by.person) if by.person and by.scopes is None else None
    if draft:
        _write(draft, NO_DRAFT, ticket)


def forget_old() -> int:
    """Delete drafts that nobody has looked at for a month, and empty ones after a day; due work of the worker."""
    now = store.now()
    empty = (Draft.text == "") & (Draft.seen_at < now - timedelta(days=1))
    return store.forget(Draft, or_(Draft.seen_at < now - FORGOTTEN_AFTER, empty))


def _was_said(ticket: Ticket, seen: int, person: Person) -> bool:
    """Say whether these come from a page older than the author's last words: then they are those, a moment late."""
    store.session().refresh(ticket)
    return ticket.latest_word_by_id == person.id and 0 < seen < (ticket.latest_word_seq or 0)


def _write(draft: Draft, typed: Mapping[str, str], ticket: Ticket) -> None:
    text = richtext.storable(typed.get("text", ""))
    if len(text) > TEXT:
        raise Invalid(fields={"text": f"Keep this to {TEXT:,} characters: it has {len(text):,}."})
    now, changed = store.now(), text != draft.text
    draft.text = text
    draft.next = richtext.storable(typed.get("next", ""))[:LONGEST_CHOICE] if text else ""
    draft.next_word_at = richtext.storable(typed.get("next_word_at", ""))[:LONGEST_CHOICE] if text else ""
    if changed:
        draft.kept_at, draft.wrote_at = now, now if text.strip() else None
        _tell(draft, ticket)


def _tell(draft: Draft, ticket: Ticket) -> None:
    """Let those who watch know that the assignee began to write, goes on, or has stopped."""
    if draft.person.id != ticket.assignee_id:
        return
    now, told = store.now(), draft.told_at
    if draft.wrote_at is None:
        draft.told_at = None
        if told is None:
            return
    elif told is not None and now - told < TELL_EVERY:
        return
    else:
        draft.told_at = now
    store.notice("writing", ticket.ref)


def _writes(draft: Draft) -> bool:
    return draft.wrote_at is not None and store.now() - draft.wrote_at < PRESENT_FOR
