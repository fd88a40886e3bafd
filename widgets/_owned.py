"""The ticket or desk on whose page embeds are kept, for those who may keep them there."""

from tracker import browse, desks, embeds, permissions
from tracker.models import Desk, Ticket
from tracker.viewer import current

Owner = Ticket | Desk


def ticket(ref: str) -> Ticket:
    """Return a ticket to who may put it on sites; raise NotFound, Unauthorized or Forbidden."""
    return browse.find_for("embed", ref, current())


def desk(slug: str) -> Desk:
    """Return a desk to who runs it; raise NotFound, Unauthorized or Forbidden."""
    found = desks.find(slug)
    permissions.require(current(), "run_desk", found)
    return found


def pickable(owner: Owner) -> list[Ticket]:
    """Return the tickets that a wall kept here may be made of."""
    return embeds.pickable(owner, by=current()) if isinstance(owner, Ticket) else []
