"""Whether who watches something may go on: asked at the door, after what takes rights away, and of all in turn."""

from collections.abc import Mapping
from typing import Any

from tracker import browse, copies, desks, embeds, permissions, viewer
from tracker.errors import NotFound
from tracker.live.rooms import Watch

ANY_SITE: frozenset[str] = frozenset()


def may_still(granted: Mapping[str, Any]) -> bool:
    """Say whether who stands behind a pass to a queue may hear of it now."""
    who, whose = viewer.behind_pass(granted), str(granted["queue"])
    if whose.startswith("desk-"):
        return permissions.may(who, "run_desk", desks.find(whose.removeprefix("desk-")))
    return who.person is not None and whose == str(who.person.id)


def ended(alike: list[tuple[str, Watch]]) -> list[tuple[str, Watch]]:
    """Return which of these watches, alike but for the sites of their pages, may not go on."""
    sites = _goes_on_for(alike[0][1])
    return [(sid, one) for sid, one in alike if sites is None or copies.is_foreign(one.origin or None, sites)]


def _goes_on_for(watch: Watch) -> frozenset[str] | None:
    """Return the sites for whose pages watches like this one go on, empty when for any; None when for none."""
    if watch.embed is not None:
        embed = embeds.shown(watch.embed)
        shows = None if embed is None or embed.only_ticket is None else embed.only_ticket.ref
        return None if embed is None or shows != watch.ref else embeds.allowed(embed)
    return ANY_SITE if _may_go_on(watch) else None


def _may_go_on(watch: Watch) -> bool:
    try:
        if watch.ref is None:
            return watch.granted is None or may_still(watch.granted)
        who = viewer.behind_pass(watch.granted) if watch.granted else permissions.ANYONE
        _ticket, audience = browse.find(watch.ref, who)
    except NotFound:
        return False
    return permissions.RANK[audience] >= permissions.RANK[watch.audience]
