"""The OpenGraph picture of a ticket: what previews of its link show."""

from flask import Blueprint, Response

from tracker import browse, disclosure, store
from tracker.errors import NotFound
from tracker.models import Face, Ticket
from tracker.permissions import ANYONE
from tracker.viewer import admits
from widgets import _picture, _svg
from widgets._answers import IMAGE_LASTS, cached
from widgets.badge_svg import tone

blueprint = Blueprint("og", __name__)
STANDS = {
    "open": "Open",
    "late": "Open, a word is overdue",
    "waiting": "Waiting for the customer",
    "done": "Solved",
    "declined": "Declined, not solved",
}
UNKNOWN = _picture.Facts(
    name="Ticket status unknown",
    has="",
    subject="There is nothing to show here.",
    clock="",
    stands="",
    colour=_picture.QUIET,
    initials="?",
    hue=8,
)


@blueprint.get("/t/<ref>/og.png")
@admits("anyone")
def picture(ref: str) -> Response:
    """The picture of a ticket that is not private; the others' is grey, with status 200."""
    try:
        facts = _facts(browse.find(ref, ANYONE)[0])
    except NotFound:
        facts = UNKNOWN
    return cached(_picture.draw(facts), "image/png", IMAGE_LASTS)


def _facts(ticket: Ticket) -> _picture.Facts:
    row = disclosure.row(ticket, now=store.now())
    mood = tone(row)
    who = row["assignee"]
    digest = ticket.assignee.face_digest
    face = store.session().get(Face, digest) if digest else None
    return _picture.Facts(
        name=who["name"],
        has="had this to the end" if row["ended_at"] else "has this",
        subject=row["subject"],
        clock=row["elapsed"],
        stands=STANDS[mood],
        colour=_svg.LIGHT[mood],
        initials=who["face"]["initials"],
        hue=who["face"]["hue"],
        face=face.webp if face else b"",
    )
