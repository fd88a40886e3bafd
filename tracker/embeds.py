"""Embeds: what a customer puts on their own sites, which sites may show it, and taking it back."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import select

from tracker import links, permissions, store
from tracker.errors import Invalid, NotFound
from tracker.models import Embed, Ticket
from tracker.permissions import Viewer

VARIANTS = ("badge", "card")
THEMES = ("auto", "light", "dark")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
MOST_SITES = 20
MOST_PER_TICKET = 50


def create(
    ticket: Ticket, *, by: Viewer, variant: str = "badge", theme: str = "auto", sites: Sequence[str] = ()
) -> Embed:
    """Make an embed of a ticket. Raises Invalid on a bad look or site, Forbidden unless this is the customer."""
    permissions.require(by, "embed", ticket)
    for name, chosen, known in (("variant", variant, VARIANTS), ("theme", theme, THEMES)):
        if chosen not in known:
            raise Invalid(fields={name: f"Choose one of: {', '.join(known)}."})
    if len(of_ticket(ticket)) >= MOST_PER_TICKET:
        raise Invalid(fields={"sites": f"{MOST_PER_TICKET} badges are the most one ticket can have. Take one back."})
    with store.transaction() as session:
        embed = Embed(
            eid=links.new_ref(),
            ticket_id=ticket.id,
            variant=variant,
            theme=theme,
            sites=origins(sites),
            created_at=store.now(),
        )
        embed.ticket = ticket
        session.add(embed)
        store.notice("embed", embed.eid)
    return embed


def change(eid: str, *, by: Viewer, theme: str | None = None, sites: Sequence[str] | None = None) -> Embed:
    """Change the look of an embed or where it may stand; what is not given stays."""
    with store.transaction():
        embed = find(eid, by=by)
        if theme is not None and theme not in THEMES:
            raise Invalid(fields={"theme": f"Choose one of: {', '.join(THEMES)}."})
        embed.theme = embed.theme if theme is None else theme
        embed.sites = embed.sites if sites is None else origins(sites)
        store.notice("embed", eid)
    return embed


def revoke(eid: str, *, by: Viewer) -> Embed:
    """Take an embed back: it turns grey wherever it stands."""
    with store.transaction():
        embed = find(eid, by=by)
        embed.revoked_at = embed.revoked_at or store.now()
        store.notice("embed", eid)
    return embed


def find(eid: str, *, by: Viewer) -> Embed:
    """Return an embed to its owner; raise NotFound, Unauthorized or Forbidden."""
    embed = get(eid)
    if embed is None or embed.ticket is None:
        raise NotFound()
    permissions.require(by, "embed", embed.ticket)
    return embed


def require_of(ticket: Ticket, eid: str) -> None:
    """Raise NotFound unless the embed is one of this ticket's."""
    found = get(eid)
    if found is None or found.ticket_id != ticket.id:
        raise NotFound()


def get(eid: str) -> Embed | None:
    """Return an embed, or None."""
    return store.session().scalars(select(Embed).where(Embed.eid == eid)).first()


def shown(eid: str) -> Embed | None:
    """Return an embed that may be shown now: not revoked, its ticket not private; None otherwise, alike."""
    embed = get(eid)
    if embed is None or embed.revoked_at or embed.ticket is None or embed.ticket.visibility == "private":
        return None
    return embed


def of_ticket(ticket: Ticket) -> list[Embed]:
    """Return a ticket's embeds, newest first."""
    query = select(Embed).where(Embed.ticket_id == ticket.id).order_by(Embed.id.desc())
    return list(store.session().scalars(query))


def allows(embed: Embed, origin: str | None) -> bool:
    """Say whether a page of this Origin may show the embed; no Origin (a plain request, an image) is answered."""
    return origin is None or not embed.sites or origin.lower() in embed.sites


def origins(sites: Sequence[str]) -> list[str]:
    """Return sites as browsers spell Origins (https://host[:port]); raise Invalid naming the one that is none."""
    found = list(dict.fromkeys(_origin(site.strip()) for site in sites if site.strip()))
    if len(found) > MOST_SITES:
        raise Invalid(fields={"sites": f"Name at most {MOST_SITES} sites, or none to allow any."})
    return found


def _origin(site: str) -> str:
    try:
        parts = urlsplit(site if "//" in site else f"https://{site}")
        host = (parts.hostname or "").encode("idna").decode()
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        host = port = ""
    # It goes into a policy header as it is: nothing but a host name may pass.
    if not HOST.fullmatch(host) or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise Invalid(fields={"sites": f"{site[:80]} is no site. Write one such as https://blog.example.org."})
    return f"{parts.scheme}://{host}{port}"
