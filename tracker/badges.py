"""QUERIES: what a badge, a timeline and a wall say, as JSON for those who draw them; public facts alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select

from tracker import browse, copies, disclosure, embeds, links, permissions, store
from tracker.disclosure import Shown
from tracker.errors import NotFound
from tracker.models import Embed, Event, Ticket
from tracker.permissions import ANYONE
from tracker.timeline import find

RECENT = 5
"""Events that a timeline shows."""
ON_A_WALL = 12
UNTITLED = "Tickets I wait for"


class Look(NamedTuple):
    """How an embed looks, and the sites it may stand on: as its owner named them, and as Origins; none: on any."""

    variant: str
    theme: str
    sites: tuple[str, ...]
    allowed: frozenset[str]


@dataclass(frozen=True)
class Glance(copies.Reading):
    """All that other sites may show of a ticket, read at one moment, and the looks of its embeds by eid."""

    facts: Shown
    head: Shown
    entries: list[Shown]
    latest_is_standard: bool
    looks: Mapping[str, Look]


@dataclass(frozen=True)
class Wall(copies.Reading):
    """All that a wall shows, read at one moment; `is_open` and `late` count all of its tickets."""

    look: Look
    facts: Shown
    rows: list[Shown]
    hue: int | None
    page: str
    is_open: int
    late: int


class Worn(NamedTuple):
    """An embed that may be shown: how it looks, and what it shows."""

    look: Look
    shows: Glance | Wall


def of_ticket(ref: str) -> Glance:
    """Return a glance at a ticket that its customer lets everyone with the address read; else raise NotFound."""
    return _glance(browse.find(ref, ANYONE)[0])


def of_embed(eid: str) -> Glance | Wall:
    """Return what an embed shows, if it may be shown now.

    Raises NotFound for unknown and revoked ones, and while its ticket is private.
    """
    embed = embeds.shown(eid)
    if embed is None:
        raise NotFound()
    return _glance(embed.only_ticket) if embed.only_ticket else kept_wall(embed)


def worn(eid: str, shows: Glance | Wall) -> Worn:
    """Return an embed with what was read for it; raise NotFound when it was taken back while that was read."""
    if isinstance(shows, Wall):
        return Worn(shows.look, shows)
    if eid not in shows.looks:
        raise NotFound()
    return Worn(shows.looks[eid], shows)


def facts(one: Worn) -> Shown:
    """Return what an embed says (CONTRACTS: badge.json): of its ticket, or of every ticket on a wall."""
    return one.shows.facts | {"variant": one.look.variant, "theme": one.look.theme}


def timeline(one: Worn) -> Shown:
    """Return the same with the ticket's last public events, oldest first; a wall has none of its own."""
    recent = {"recent": [_moment(entry) for entry in one.shows.entries]} if isinstance(one.shows, Glance) else {}
    return facts(one) | recent


def kept_wall(embed: Embed) -> Wall:
    """Return a wall with the tickets that stand on it now."""
    found = embeds.on_wall(embed, ON_A_WALL + 1)
    return wall(embed, found, page=page(embed), counts=embeds.open_count(embed))


def wall(embed: Embed, found: list[Ticket], *, page: str, counts: tuple[int, int]) -> Wall:
    """Return a wall with the first of these tickets; `page` is where it leads, `counts` how many are open and late."""
    shown, epoch, now = found[:ON_A_WALL], disclosure.epoch(), store.now()
    facts = {
        "epoch": epoch,
        "url": links.absolute(page),
        "title": title(embed),
        "items": [disclosure.badge(one, epoch=epoch) | {"ref": one.ref} for one in shown],
        "more": len(found) > ON_A_WALL,
    }
    rows = [disclosure.row(one, now=now) for one in shown]
    about = frozenset((embed.eid, copies.LISTS))
    hue = embed.desk.hue if embed.desk else None
    return Wall(about, _look(embed), facts, rows, hue, page, *counts)


def title(embed: Embed) -> str:
    """Return what stands above a wall."""
    return embed.title or (embed.desk.name if embed.desk else UNTITLED)


def words(embed: Embed) -> str:
    """Return what is left of an embed where it can't be drawn."""
    return "Tickets, and who has them" if embed.is_wall else "Who has my ticket, and since when"


def page(embed: Embed) -> str:
    """Return the address an embed leads to: its ticket, its desk, or the wall as a page of its own."""
    if embed.only_ticket:
        return links.ticket(embed.only_ticket.ref)
    return links.desk(embed.desk.slug) if embed.desk else links.embed(embed.eid)


def glance(ticket: Ticket) -> Glance:
    """Return what everybody would see of a ticket, were it private too: for who decides whether they do."""
    events = _last_events(ticket)
    entries = disclosure.entries(ticket, events, "public")
    is_standard = _latest_is_standard(ticket, entries)
    looks = {one.eid: _look(one) for one in embeds.standing(ticket)}
    head = disclosure.ticket(ticket, "public")
    return Glance(
        about=frozenset((ticket.ref, *looks)),
        facts=_facts(ticket, epoch=head["epoch"], is_standard=is_standard),
        head=head,
        entries=entries,
        latest_is_standard=is_standard,
        looks=looks,
    )


def _glance(ticket: Ticket) -> Glance:
    permissions.require(ANYONE, "see", ticket)
    return glance(ticket)


def _facts(ticket: Ticket, *, epoch: str, is_standard: bool) -> Shown:
    found = disclosure.badge(ticket, epoch=epoch)
    return found | ({"latest": found["latest"] | {"standard": is_standard}} if found["latest"] else {})


def _look(one: Embed) -> Look:
    return Look(one.variant, one.theme, tuple(one.sites), embeds.allowed(one))


def _last_events(ticket: Ticket) -> list[Event]:
    query = select(Event).where(Event.ticket_id == ticket.id, Event.audience == "public")
    query = query.order_by(Event.seq.desc()).limit(RECENT).execution_options(populate_existing=True)
    return list(reversed(store.session().scalars(query).all()))


def _latest_is_standard(ticket: Ticket, entries: list[Shown]) -> bool:
    """Tell whether the latest words nearly copy earlier ones, and nobody corrected them since."""
    if not ticket.latest_word_html or ticket.latest_word_seq is None:
        return False
    known = [entry for entry in entries if entry["seq"] == ticket.latest_word_seq]
    if not known:
        found = find(ticket, [ticket.latest_word_seq])
        known = disclosure.entries(ticket, list(found.values()), "public")
    return any(entry.get("standard") for entry in known)


def _moment(entry: Shown) -> Shown:
    actor = entry["actor"]
    return {
        "seq": entry["seq"],
        "kind": entry["kind"],
        "at": entry["at"],
        "sentence": entry["sentence"],
        "actor": {"name": actor["name"], "role": actor["role"], "face": disclosure.absolute_face(actor["face"])},
        "html": entry["body_html"],
        "standard": bool(entry["body_html"] and entry.get("standard")),
    }
