"""The ticket desk: its page, and everything that is said or done from there."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response as Answer

from tracker import advice, forms, idempotency, kinds, limits, permissions, tickets, viewer
from tracker.errors import Conflict, Invalid, NotFound
from tracker.models import Event, Ticket
from tracker.pages import presses, uploads
from tracker.pages.workspace import Page
from tracker.pages.workspace_desk import at_desk, desk_page
from tracker.viewer import admits, current

blueprint = Blueprint("workspace_ticket", __name__, url_prefix="/workspace/t")
SAYABLE = frozenset(
    {"update", "note", "waiting", "resumed", "promise_moved", "resolved", "declined", "reassigned"}
    | {"handoff_offered", "handoff_accepted", "handoff_declined", "corrected", "redacted", "erased"}
    | {"helper_added", "helper_left"}
)
"""Kinds that are said here; what customers and readers say has its place on the ticket's public page."""
DONE = {
    "update": "Said. It is on the page now, and on its way by mail.",
    "note": "Noted, for staff only.",
    "waiting": "Asked. The ticket waits for the customer now.",
    "handoff_offered": "Offered. You answer here until they accept.",
    "handoff_accepted": "It is yours now, and the customer is told.",
    "handoff_declined": "The offer has ended. It stays with whom it was.",
    "resolved": "Solved. The customer is asked whether it is.",
}


@blueprint.get("/<ref>")
@admits("work")
def page(ref: str) -> Page:
    """The ticket desk."""
    return desk_page(at_desk(ref), forms.Form(), 200)


@blueprint.get("/<ref>/say/<kind>")
@admits("work")
def said(ref: str, kind: str) -> Answer:
    """Where a form that came back was sent: its page, for those who reload."""
    return redirect(url_for("workspace_ticket.page", ref=at_desk(ref).ref), 303)


@blueprint.post("/<ref>/say/<kind>")
@admits("work")
def say(ref: str, kind: str) -> Answer | Page:
    """Add what somebody who answers says or does; what was typed comes back when it can't be taken."""
    if kind not in SAYABLE:
        raise NotFound()
    limits.hit("writes", viewer.network())
    ticket, typed = at_desk(ref), uploads.typed()
    spoken, facts = _spoken(kind, typed)
    given = forms.payload(spoken, facts, zone=ticket.desk.zone)
    version = forms.number(typed["version"]) if "version" in typed else None
    once = presses.once(current())
    known = advice.on(ticket, spoken, given, by=current(), heeded=typed.get("heeded", ""))
    if known and not idempotency.is_done(once):
        return desk_page(ticket, forms.Form(kind, typed), Invalid.status, advised=known)
    try:
        if "files" in kinds.find(spoken).fields:
            given["files"] = uploads.wanted(typed)
        ticket, event = tickets.post(
            ref, spoken, given, by=current(), version=version, once=once, personal=forms.wish(typed)
        )
    except Invalid as error:
        return desk_page(at_desk(ref), forms.Form(kind, typed, error.fields or {"": error.message}), error.status)
    except Conflict as error:
        return desk_page(at_desk(ref), forms.Form(kind, typed, {"": error.message}), error.status)
    flash(DONE.get(spoken, "Done, and on the timeline."), "good")
    return redirect(_next_page(ticket, event, typed), 303)


def _next_page(ticket: Ticket, event: Event, typed: Mapping[str, str]) -> str:
    """Return where to go on: the board one came from, the desk, or the queue once one may not look."""
    if typed.get("back") == "board":
        return url_for("workspace_board.page", desk=typed.get("desk"))
    if permissions.may(current(), "see_as_staff", ticket):
        return url_for("workspace_ticket.page", ref=ticket.ref) + f"#e{event.seq}"
    return url_for("workspace.queue")


def _spoken(kind: str, typed: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Read the keys below an update: a time, "date" with the date typed beside it, or "solved"."""
    chosen = typed.get("next", "")
    if kind == "update" and chosen == "solved":
        return "resolved", dict(typed)
    if kind == "update" and chosen != "date":
        return kind, {**typed, "next_word_at": chosen}
    return kind, dict(typed)
