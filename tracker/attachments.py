"""Files of what people said: kept when they arrive, bound to the event that sends them, gone with its words."""

import hmac
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, tuple_

from tracker import files, links, masks, permissions, richtext, store
from tracker.errors import Invalid, NotFound
from tracker.models import Event, File, Ticket
from tracker.timeline import SEES

WAITS = timedelta(hours=2)
"""How long a file waits for the words it goes with."""
MOST_OF_EVENT = 5
MOST_OF_TICKET = 60
LONGEST_NAME = 120
SUFFIXES = {
    "image/webp": "webp",
    "application/pdf": "pdf",
    "text/plain": "txt",
    "audio/ogg": "ogg",
    "audio/webm": "weba",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
}
THUMB = "thumb.webp"
AUDIENCES = ("public", "customer", "staff")


def keep(raw: bytes, name: str) -> File:
    """Keep an uploaded file until the words it goes with are sent. Raises Invalid when it is none we take."""
    taken = files.accept(raw)
    spelt = richtext.storable(name).replace("\ufffd", "").replace("/", "-").replace("\\", "-")
    with store.transaction() as session:
        found = File(
            key=links.new_ref() + links.new_ref(),
            kind=taken.kind,
            type=taken.type,
            name=" ".join(spelt.split())[:LONGEST_NAME] or taken.kind,
            width=taken.width,
            height=taken.height,
            size=len(taken.content),
            content=taken.content,
            thumb=taken.thumb,
            created_at=store.now(),
        )
        session.add(found)
    return found


def bind(ticket: Ticket, event: Event, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Give waiting files to an event; each once. Raises Invalid when one is unknown, or there are too many."""
    if not wanted:
        return
    keys = [one["file"] for one in wanted]
    if len(keys) > MOST_OF_EVENT or len(set(keys)) < len(keys):
        raise _invalid(f"Send at most {MOST_OF_EVENT} files at once, each of them once.")
    session = store.session()
    query = select(File).where(File.key.in_(keys), File.ticket_id.is_(None), File.created_at > store.now() - WAITS)
    waiting = {one.key: one for one in session.scalars(query.with_for_update())}
    if len(waiting) < len(keys):
        raise _invalid("One of the files has gone. Choose it again.")
    count = session.scalar(select(func.count()).where(File.ticket_id == ticket.id)) or 0
    if count + len(keys) > MOST_OF_TICKET:
        raise _invalid(f"A ticket takes {MOST_OF_TICKET} files.")
    for one in wanted:
        file = waiting[one["file"]]
        file.ticket_id, file.seq = ticket.id, event.seq
        file.alt = masks.covered_alt(ticket, one.get("alt", ""))
    event.payload = event.payload | {"files": [{"file": key} for key in keys]}


def of(ticket: Ticket, seqs: Collection[int]) -> dict[int, list[File]]:
    """Return the files of events, by seq, without their bytes."""
    if not seqs:
        return {}
    query = select(File).where(File.ticket_id == ticket.id, File.seq.in_(seqs)).order_by(File.id)
    found: dict[int, list[File]] = {}
    for one in store.session().scalars(query):
        found.setdefault(one.seq or 0, []).append(one)
    return found


def address(file: File, audience: str, name: str) -> str:
    """Return where an audience finds a file: whoever has the address may read it as long as that audience may."""
    return f"/f/{file.key}/{_stamp(file.key, audience)}/{name}"


def shown(file: File, audience: str) -> dict[str, Any]:
    """Return a file as disclosure gives it out: under an address of this audience, its own name for the two sides."""
    name = f"{file.kind}.{SUFFIXES[file.type]}"
    return {
        "kind": file.kind,
        "type": file.type,
        "size": file.size,
        "name": file.name if audience != "public" else name,
        "alt": file.alt,
        "width": file.width,
        "height": file.height,
        "url": address(file, audience, name),
        "thumb_url": address(file, audience, THUMB) if file.kind == "picture" else None,
    }


def open(key: str, stamp: str) -> File:
    """Return a file by its address; raise NotFound unless the audience it was made for may still see its event."""
    query = select(File, Ticket, Event).join(Ticket, Ticket.id == File.ticket_id)
    query = query.join(Event, tuple_(Event.ticket_id, Event.seq) == tuple_(File.ticket_id, File.seq))
    row = store.session().execute(query.where(File.key == key).execution_options(populate_existing=True)).first()
    if row is None:
        raise NotFound()
    file, ticket, event = row
    audience = next((one for one in AUDIENCES if hmac.compare_digest(_stamp(key, one).encode(), stamp.encode())), None)
    if audience is None or event.redacted_by or event.audience not in SEES[audience]:
        raise NotFound()
    if not permissions.is_shown(ticket, audience):
        raise NotFound()
    found: File = file
    return found


def drop(ticket: Ticket, seqs: Collection[int]) -> None:
    """Remove the files of events for good."""
    store.session().execute(delete(File).where(File.ticket_id == ticket.id, File.seq.in_(seqs)))


def forget_waiting() -> int:
    """Delete files whose words never came; due work of the outbox worker."""
    over = File.seq.is_(None) & (File.created_at < store.now() - WAITS)
    return store.forget(File, over)


def _stamp(key: str, audience: str) -> str:
    return links.stamp(f"file.{key}.{audience}")


def _invalid(words: str) -> Invalid:
    return Invalid(words, fields={"files": words})
