"""QUERIES: what a badge, a timeline and a wall say, as JSON for those who draw them; public facts alone."""

from sqlalchemy import select

from tracker import disclosure, embeds, links, store
from tracker.disclosure import Shown
from tracker.models import Embed, Event, Ticket
from tracker.timeline import find

RECENT = 5
"""Events that a timeline shows."""
ON_A_WALL = 12
UNTITLED = "Tickets I wait for"


def facts(embed: Embed) -> Shown:
    """Return what an embed says (CONTRACTS: badge.json): of its ticket, or of every ticket on a wall."""
    looks = {"variant": embed.variant, "theme": embed.theme}
    one = embed.only_ticket
    return disclosure.badge(one) | looks if one else _wall(embed, looks)


def timeline(embed: Embed) -> Shown:
    """Return the same with the ticket's last public events, oldest first; a wall has none of its own."""
    one = embed.only_ticket
    return facts(embed) | ({"recent": recent(one)} if one else {})


def recent(ticket: Ticket) -> list[Shown]:
    """Return the last public events of a ticket for other sites: {seq, kind, at, sentence, actor, html}."""
    return [_moment(entry) for entry in last_entries(ticket)]


def last_entries(ticket: Ticket) -> list[Shown]:
    """Return the last public events of a ticket as everyone sees them, oldest first."""
    query = select(Event).where(Event.ticket_id == ticket.id, Event.audience == "public")
    query = query.order_by(Event.seq.desc()).limit(RECENT).execution_options(populate_existing=True)
    return disclosure.entries(ticket, list(reversed(store.session().scalars(query).all())), "public")


def latest_is_standard(ticket: Ticket) -> bool:
    """Tell whether the latest words nearly copy earlier ones, and nobody corrected them since."""
    if not ticket.latest_word_html or ticket.latest_word_seq is None:
        return False
    event = find(ticket, [ticket.latest_word_seq]).get(ticket.latest_word_seq)
    return bool(event and disclosure.entries(ticket, [event], "public")[0].get("standard"))


def tickets(embed: Embed) -> tuple[list[Ticket], bool]:
    """Return the tickets on a wall, and whether there are more than it shows."""
    found = embeds.on_wall(embed, ON_A_WALL + 1)
    return found[:ON_A_WALL], len(found) > ON_A_WALL


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


def _wall(embed: Embed, looks: Shown) -> Shown:
    found, more = tickets(embed)
    return {
        "epoch": disclosure.epoch(),
        **looks,
        "url": links.absolute(page(embed)),
        "title": title(embed),
        "items": [disclosure.badge(one) | {"ref": one.ref} for one in found],
        "more": more,
    }


def _moment(entry: Shown) -> Shown:
    actor = entry["actor"]
    return {
        "seq": entry["seq"],
        "kind": entry["kind"],
        "at": entry["at"],
        "sentence": entry["sentence"],
        "actor": {"name": actor["name"], "role": actor["role"], "face": disclosure.absolute_face(actor["face"])},
        "html": entry["body_html"],
    }
