"""The lead's board: who waits, who was passed around, whose promises fall due, and giving a ticket to somebody else."""

from flask import Blueprint, request

from tracker import board, disclosure, people
from tracker.models import Desk
from tracker.pages.workspace import Page, person, run, show
from tracker.viewer import admits

blueprint = Blueprint("workspace_board", __name__, url_prefix="/workspace/board")


@blueprint.get("")
@admits("work")
def page() -> Page:
    """The board of one's own desk, or of the one an admin names; `give` picks a ticket to reassign."""
    desk = run(request.args.get("desk") or person().desk.slug)
    ref = request.args.get("give", "")
    given = board.one(desk, ref) if ref else None
    return show(
        "workspace/board.html",
        desk_shown=disclosure.desk(desk),
        given=given,
        takers=_takers(desk, given["assignee"]["slug"] if given else ""),
        **board.of(desk),
    )


def _takers(desk: Desk, besides: str) -> list[tuple[str, str]]:
    found = [one for one in people.of_desk(desk) if one.slug != besides]
    found.sort(key=lambda one: (not one.on_duty, one.name))
    return [(one.slug, f"{one.name}{'' if one.on_duty else ' (off duty)'}") for one in found]
