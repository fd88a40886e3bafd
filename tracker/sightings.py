"""Where embeds are seen: views per embed, site and day; of a reader nothing is kept but the host of the page."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from flask import Flask, current_app
from sqlalchemy import ColumnElement, func, select

from tracker import embeds, links, store
from tracker.disclosure import Shown
from tracker.errors import TrackerError
from tracker.models import Embed, Sighting, Ticket

FLUSH_S = 60
MOST_SITES = 50
"""Sites kept apart per embed and day, here and in the database: a flood of invented hosts ends in `others`."""
MOST_EMBEDS = 5_000
"""Embeds and days one process counts between two flushes."""
LONGEST_SITE = 100
OTHERS = "others"
UNSAID = ""
"""The site of a page that does not say where it is."""
SCRIPT, IMAGE = "script", "image"
DAYS = 30
"""How long views are kept, and shown."""
BY = (Sighting.way, Sighting.site, Sighting.on_day)
Seen = dict[tuple[str, date], Counter[tuple[str, str]]]


class Sightings:
    """The views of one process: counted in memory, written once a minute and when it stops."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._seen: Seen = {}
        self.after: Callable[[float, Callable[[], None]], None] = _after

    def note(self, eid: str, site: str, way: str, views: int = 1) -> None:
        """Count views of an embed, on the site with this host; what can be no embed's id is not even remembered."""
        if not links.REF.fullmatch(eid):
            return
        host = site.lower() if len(site) <= LONGEST_SITE and embeds.HOST.fullmatch(site.lower()) else UNSAID
        with self._lock:
            is_first = not self._seen
            self._count(eid, store.now().date(), (host, way), views)
        if is_first:
            self.after(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Write what was counted; when the database is away, keep it for later."""
        with self._lock:
            taken, self._seen = self._seen, {}
        if not taken:
            return
        with self._app.app_context():
            try:
                _write(taken)
                return
            except TrackerError:
                self._app.logger.warning("sightings: the database is away, trying again in a minute")
        with self._lock:
            for (eid, day), found in taken.items():
                for place, views in found.items():
                    self._count(eid, day, place, views)
        self.after(FLUSH_S, self.flush)

    def _count(self, eid: str, day: date, place: tuple[str, str], views: int) -> None:
        found = self._seen.get((eid, day))
        if found is None:
            if len(self._seen) >= MOST_EMBEDS:
                return
            found = self._seen[eid, day] = Counter()
        is_new_site = place not in found and len(found) >= MOST_SITES
        found[(OTHERS, place[1]) if is_new_site else place] += views


def note(eid: str, site: str, way: str) -> None:
    """Count one view in this process."""
    counter().note(eid, site, way)


def counter() -> Sightings:
    """Return what counts in this process."""
    found: Sightings = current_app.extensions["tracker_sightings"]
    return found


def of(those: Sequence[Embed]) -> dict[str, Shown]:
    """Return where embeds were seen in the last days, by eid: {days, views, images, sites, by_day}, the most first."""
    mine = Sighting.embed_id.in_([one.id for one in those])
    ways, sites, days = (_sums(mine, column) for column in BY)
    return {one.eid: _told(ways[one.id], sites[one.id], days[one.id]) for one in those}


def on_page(ticket: Ticket) -> Shown:
    """Return the same of everything kept on a ticket's page, taken together."""
    mine = Sighting.embed_id.in_(select(Embed.id).where(Embed.ticket_id == ticket.id))
    ways, sites, days = (sum(_sums(mine, column).values(), Counter()) for column in BY)
    return _told(ways, sites, days)


def forget_old() -> int:
    """Delete views of days that are shown no more; due work of the outbox worker."""
    return store.forget(Sighting, Sighting.on_day < _since())


def _since() -> date:
    return store.now().date() - timedelta(days=DAYS - 1)


def _sums(mine: ColumnElement[bool], column: Any) -> defaultdict[int, Counter[Any]]:
    """Return views by embed and by what a column says."""
    query = select(Sighting.embed_id, column, func.sum(Sighting.views)).where(mine, Sighting.on_day >= _since())
    found: defaultdict[int, Counter[Any]] = defaultdict(Counter)
    for embed, said, views in store.session().execute(query.group_by(Sighting.embed_id, column)):
        found[embed][said] = views
    return found


def _told(ways: Counter[str], sites: Counter[str], days: Counter[date]) -> Shown:
    return {
        "days": DAYS,
        "views": ways[SCRIPT],
        "images": ways[IMAGE],
        "sites": sorted(sites.items(), key=lambda one: (-one[1], one[0])),
        "by_day": sorted(days.items(), reverse=True),
    }


def _write(taken: Seen) -> None:
    eids = {eid for eid, _day in taken}
    with store.transaction() as session:
        known = {
            one.eid: one
            for one in session.scalars(select(Embed).where(Embed.eid.in_(eids), Embed.revoked_at.is_(None)))
        }
        for (eid, day), found in taken.items():
            if eid in known:
                _add(known[eid], day, found)


def _add(embed: Embed, day: date, found: Counter[tuple[str, str]]) -> None:
    session = store.session()
    kept = select(Sighting.site, Sighting.way).where(Sighting.embed_id == embed.id, Sighting.on_day == day)
    there = {(row[0], row[1]) for row in session.execute(kept)}
    hosts = {site.partition("//")[2].partition(":")[0] for site in embed.sites}
    for place, views in found.items():
        site, way = place
        if site and hosts and site not in hosts and way == SCRIPT:
            continue  # it was grey there
        if place not in there and len(there) >= MOST_SITES:
            site = OTHERS
        there.add((site, way))
        _upsert(embed_id=embed.id, on_day=day, site=site, way=way, views=views)


def _upsert(**row: Any) -> None:
    adding = store.inserting(Sighting).values(**row)
    keys = [column.name for column in Sighting.__table__.primary_key]
    store.session().execute(
        adding.on_conflict_do_update(index_elements=keys, set_={"views": Sighting.views + adding.excluded.views})
    )


def _after(seconds: float, work: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
