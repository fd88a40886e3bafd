"""Embeds: what customers and leads put on sites, which sites may show it, and taking it back."""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select
from sqlalchemy.orm import lazyload, selectinload

from tracker import copies, links, permissions, richtext, settings, store
from tracker.errors import Invalid, NotFound
from tracker.models import Desk, Embed, Pick, Ticket
from tracker.models.embeds import WALL, Sighting
from tracker.permissions import Viewer

VARIANTS = ("badge", "card", "timeline", WALL)
THEMES = ("auto", "light", "dark")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
DEFAULT_PORTS = {"http": 80, "https": 443}
"""Ports that browsers leave out of an Origin."""
MOST_SITES = 20
MOST_EMBEDS = 50
MOST_KEPT = 200
"""Embeds that are listed: all that stand, and as many of those taken back."""
MOST_PICKS = 20
LONGEST_TITLE = 80


def create(
    on: Ticket | Desk,
    *,
    by: Viewer,
    variant: str | None = None,
    theme: str = "auto",
    sites: Sequence[str] = (),
    title: str = "",
    picks: Sequence[str] = (),
) -> Embed:
    """Make an embed on a ticket's page, or a desk's wall. Raises Invalid by field, Forbidden unless it is the owner's.

    `variant`: of a ticket a badge, unless something else is asked for; a desk has walls only.
    `picks` are the refs a customer's wall shows; none: the ticket it is made on.
    """
    _require(by, on)
    if sum(not one.revoked_at for one in kept(on)) >= MOST_EMBEDS:
        raise Invalid(fields={"sites": f"{MOST_EMBEDS} badges are the most there can be here. Take one back."})
    with store.transaction() as session:
        embed = Embed(eid=links.new_ref(), created_at=store.now())
        if isinstance(on, Ticket):
            embed.ticket, embed.ticket_id, embed.variant = on, on.id, "badge"
        else:
            embed.desk, embed.desk_id, embed.variant = on, on.id, WALL
        _style(embed, variant=variant, theme=theme, sites=sites, title=title)
        session.add(embed)
        session.flush()
        if isinstance(on, Ticket) and embed.is_wall:
            _pick(embed, picks or [on.ref], by=by)
        store.notice("embed", embed.eid)
    return embed


def change(
    eid: str,
    *,
    by: Viewer,
    variant: str | None = None,
    theme: str | None = None,
    sites: Sequence[str] | None = None,
    title: str | None = None,
    picks: Sequence[str] | None = None,
) -> Embed:
    """Change the look of an embed or where it may stand; what is not given stays."""
    with store.transaction():
        embed = find(eid, by=by)
        _style(embed, variant=variant, theme=theme, sites=sites, title=title)
        if embed.ticket and embed.is_wall and (picks is not None or not embed.picks):
            _pick(embed, picks or [embed.ticket.ref], by=by)
        store.notice("embed", eid)
    return embed


def revoke(eid: str, *, by: Viewer) -> Embed:
    """Take an embed back: it turns grey wherever it stands."""
    with store.transaction():
        embed = find(eid, by=by)
        embed.revoked_at = embed.revoked_at or store.now()
        store.notice("embed", eid)
    return embed


def forget(ticket: Ticket) -> None:
    """Take back what a ticket's customer made, and remove what it says of them: its words, its sites, where it was
    seen. For use in a transaction."""
    for embed in store.session().scalars(select(Embed).where(Embed.ticket_id == ticket.id)):
        embed.title, embed.sites, embed.revoked_at = "", [], embed.revoked_at or store.now()
        store.session().execute(delete(Sighting).where(Sighting.embed_id == embed.id))
        store.notice("embed", embed.eid)


def find(eid: str, *, by: Viewer) -> Embed:
    """Return an embed to its owner; raise NotFound, Unauthorized or Forbidden."""
    embed = get(eid)
    owner = (embed.ticket or embed.desk) if embed else None
    if embed is None or owner is None:
        raise NotFound()
    _require(by, owner)
    return embed


def require_of(owner: Ticket | Desk, eid: str) -> None:
    """Raise NotFound unless the embed is one of this ticket's, or of this desk's."""
    found = get(eid)
    if found is None or owner.id != (found.ticket_id if isinstance(owner, Ticket) else found.desk_id):
        raise NotFound()


def get(eid: str) -> Embed | None:
    """Return an embed, or None."""
    query = select(Embed).where(Embed.eid == eid).execution_options(populate_existing=True)
    return store.session().scalars(query).first()


def shown(eid: str) -> Embed | None:
    """Return an embed that may be shown now: not revoked, its ticket not private; None otherwise, alike."""
    embed = get(eid)
    if embed is None or embed.revoked_at:
        return None
    one = embed.only_ticket
    return embed if embed.is_wall or (one and one.visibility != "private") else None


def standing(ticket: Ticket) -> Sequence[Embed]:
    """Return the embeds that show this ticket alone and were not taken back."""
    query = select(Embed).where(Embed.ticket_id == ticket.id, Embed.variant != WALL, Embed.revoked_at.is_(None))
    query = query.options(lazyload(Embed.ticket), lazyload(Embed.desk)).execution_options(populate_existing=True)
    return store.session().scalars(query).all()


def kept(owner: Ticket | Desk) -> list[Embed]:
    """Return the embeds on a ticket's page, or a desk's walls: the newest first, then those taken back last."""
    mine = Embed.ticket_id == owner.id if isinstance(owner, Ticket) else Embed.desk_id == owner.id
    query = select(Embed).where(mine).order_by(Embed.revoked_at.is_not(None), Embed.id.desc())
    return list(store.session().scalars(query.limit(MOST_KEPT)))


def on_wall(embed: Embed, limit: int) -> list[Ticket]:
    """Return up to `limit` tickets that a wall shows now: a desk's public ones, newest word first, or those picked."""
    query = _standing_on(embed).limit(limit).options(selectinload(Ticket.latest_word_by))
    return list(store.session().scalars(query.execution_options(populate_existing=True)))


def pulse(eid: str, limit: int) -> list[tuple[int, int]]:
    """Return which tickets a wall shows and how far each has come: it differs when the wall does."""
    embed = get(eid)
    query = _standing_on(embed).with_only_columns(Ticket.id, Ticket.last_public_seq) if embed else None
    return [] if query is None else [(row[0], row[1]) for row in store.session().execute(query.limit(limit))]


def open_count(embed: Embed) -> tuple[int, int]:
    """Return how many tickets of a wall are open, and how many of these are owed an overdue word."""
    query = _standing_on(embed).order_by(None).where(Ticket.is_open)
    found = store.session().execute(query.with_only_columns(func.count(), func.count().filter(Ticket.overdue))).one()
    return found[0], found[1]


def walls_with(ticket: Ticket, *, was_shown: bool = False) -> list[str]:
    """Return the ids of walls that show a ticket while it is not private; with `was_shown` those that may have."""
    stands: ColumnElement[bool] = Embed.id.in_(select(Pick.embed_id).where(Pick.ticket_id == ticket.id))
    if was_shown or ticket.visibility == "public":
        stands = or_(stands, Embed.desk_id == ticket.desk_id)
    query = select(Embed.eid).where(Embed.variant == WALL, Embed.revoked_at.is_(None), stands)
    return list(store.session().scalars(query))


def pickable(ticket: Ticket, *, by: Viewer) -> list[Ticket]:
    """Return what a wall kept on this ticket may show: tickets of the same confirmed address, none of them private.

    Unlisted ones only to a browser that holds their key: a secret link of one ticket must not list the others.
    """
    mine = and_(Ticket.visibility == "unlisted", Ticket.id.in_(by.tickets))
    same = and_(Ticket.email == ticket.email, Ticket.email != "", Ticket.email_confirmed_at.is_not(None))
    if ticket.email_confirmed_at is None:
        same = Ticket.id == ticket.id
    query = select(Ticket).where(same, or_(Ticket.visibility == "public", mine)).order_by(Ticket.id.desc())
    return list(store.session().scalars(query.limit(100)))


def allows(embed: Embed, origin: str | None) -> bool:
    """Say whether a page of this Origin may show the embed; ours may, and no Origin (a plain request) is answered."""
    return not copies.is_foreign(origin, allowed(embed))


def allowed(embed: Embed) -> frozenset[str]:
    """Return the Origins whose pages may show the embed; none: any may."""
    return frozenset((*embed.sites, settings.current().origin)) if embed.sites else frozenset()


def origins(sites: Sequence[str]) -> list[str]:
    """Return sites as browsers spell Origins (https://host[:port]); raise Invalid naming the one that is none."""
    found = list(dict.fromkeys(_origin(site.strip()) for site in sites if site.strip()))
    if len(found) > MOST_SITES:
        raise Invalid(fields={"sites": f"Name at most {MOST_SITES} sites, or none to allow any."})
    return found


def _standing_on(wall: Embed) -> Select[Ticket]:
    if wall.desk_id:
        query = select(Ticket).where(Ticket.desk_id == wall.desk_id, Ticket.visibility == "public")
        return query.order_by(Ticket.last_public_at.desc(), Ticket.id.desc())
    query = select(Ticket).join(Pick, Pick.ticket_id == Ticket.id)
    return query.where(Pick.embed_id == wall.id, Ticket.visibility != "private").order_by(Pick.place)


def _require(by: Viewer, owner: Ticket | Desk) -> None:
    permissions.require(by, "embed" if isinstance(owner, Ticket) else "run_desk", owner)


def _style(
    embed: Embed, *, variant: str | None, theme: str | None, sites: Sequence[str] | None, title: str | None
) -> None:
    for name, chosen, known in (("variant", variant, VARIANTS), ("theme", theme, THEMES)):
        if chosen is not None and chosen not in known:
            raise Invalid(fields={name: f"Choose one of: {', '.join(known)}."})
    if embed.desk and variant not in (None, WALL):
        raise Invalid(fields={"variant": "A desk has walls only."})
    embed.variant = embed.variant if variant is None else variant
    embed.theme = embed.theme if theme is None else theme
    if sites is not None:
        embed.sites = origins(sites)
    if title is not None:
        embed.title = richtext.normalise_text(title, field="title", max_length=LONGEST_TITLE, multiline=False)


def _pick(embed: Embed, refs: Iterable[str], *, by: Viewer) -> None:
    """Put tickets on a wall in this order; those it has may stay whoever asks."""
    assert embed.ticket
    allowed = {one.ref: one for one in (*pickable(embed.ticket, by=by), *(pick.ticket for pick in embed.picks))}
    allowed[embed.ticket.ref] = embed.ticket
    wanted = list(dict.fromkeys(refs))
    if len(wanted) > MOST_PICKS or not set(wanted) <= set(allowed):
        raise Invalid(fields={"picks": f"Pick up to {MOST_PICKS} tickets among those shown."})
    kept = {pick.ticket_id: pick for pick in embed.picks}
    embed.picks = [kept.get(allowed[ref].id) or Pick(ticket=allowed[ref]) for ref in wanted]
    for place, pick in enumerate(embed.picks):
        pick.place = place


def _origin(site: str) -> str:
    try:
        parts = urlsplit(site if "//" in site else f"https://{site}")
        host = (parts.hostname or "").encode("idna").decode()
        port = f":{parts.port}" if parts.port not in (None, DEFAULT_PORTS.get(parts.scheme)) else ""
    except ValueError:
        host = port = ""
    # It goes into a policy header as it is: nothing but a host name may pass.
    if not HOST.fullmatch(host) or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise Invalid(fields={"sites": f"{site[:80]} is no site. Write one such as https://blog.example.org."})
    return f"{parts.scheme}://{host}{port}"
