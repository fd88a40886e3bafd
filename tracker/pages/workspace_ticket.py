"""The ticket desk: what it does to the customer, the head, the words to send with the next promise, every other act."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import (
    advice,
    browse,
    desks,
    disclosure,
    drafts,
    forms,
    handoffs,
    helping,
    kinds,
    limits,
    links,
    people,
    permissions,
    promises,
    sightings,
    store,
    tickets,
    told,
    viewer,
    words,
)
from tracker.disclosure import Shown
from tracker.errors import Conflict, Invalid, NotFound
from tracker.models import Person, Ticket
from tracker.pages import uploads
from tracker.pages.workspace import Page, person, show, urgent
from tracker.viewer import admits, current

blueprint = Blueprint("workspace_ticket", __name__, url_prefix="/workspace/t")
PAGE = 200
NEWS = 20
UNDO_WITHIN = timedelta(minutes=15)
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
    "handoff_declined": "Declined. It stays with whom it was.",
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
    known = advice.on(ticket, spoken, given, by=current(), heeded=typed.get("heeded", ""))
    if known:
        return desk_page(ticket, forms.Form(kind, typed), Invalid.status, advised=known)
    try:
        if "files" in kinds.find(spoken).fields:
            given["files"] = uploads.wanted(typed)
        ticket, event = tickets.post(ref, spoken, given, by=current(), version=version, personal=forms.wish(typed))
    except Invalid as error:
        return desk_page(at_desk(ref), forms.Form(kind, typed, error.fields or {"": error.message}), error.status)
    except Conflict as error:
        return desk_page(at_desk(ref), forms.Form(kind, typed, {"": error.message}), error.status)
    flash(DONE.get(spoken, "Done, and on the timeline."), "good")
    if typed.get("back") == "board":
        return redirect(url_for("workspace_board.page", desk=typed.get("desk")), 303)
    if permissions.may(current(), "see_as_staff", ticket):
        return redirect(url_for("workspace_ticket.page", ref=ref) + f"#e{event.seq}", 303)
    return redirect(url_for("workspace.queue"), 303)


def _spoken(kind: str, typed: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Read the keys below an update: a time, "date" with the date typed beside it, or "solved"."""
    chosen = typed.get("next", "")
    if kind == "update" and chosen == "solved":
        return "resolved", dict(typed)
    if kind == "update" and chosen != "date":
        return kind, {**typed, "next_word_at": chosen}
    return kind, dict(typed)


def at_desk(ref: str) -> Ticket:
    """Return a ticket at whose desk this viewer may stand; raise NotFound or Forbidden."""
    ticket, _ = browse.find(ref, current())
    permissions.require(current(), "see_as_staff", ticket)
    return ticket


def desk_page(
    ticket: Ticket, form: forms.Form, status: int, *, preview_html: str = "", advised: advice.Advice | None = None
) -> Page:
    """Return the ticket desk, with a form that came back, how its words will read and what speaks against them."""
    me = person()
    first = max(0, ticket.last_seq - PAGE)
    entries, _ = browse.entries(ticket, after=first, audience="staff", limit=PAGE)
    queue, amendable = browse.queue(me), _amendable(ticket, entries)
    return show(
        "workspace/ticket.html",
        status,
        ticket=disclosure.ticket(ticket, "staff"),
        seen_on=sightings.on_page(ticket),
        entries=entries,
        older_url=url_for("tickets.page", ref=ticket.ref) if first else None,
        is_mine=ticket.assignee_id == me.id,
        acts=tickets.possible(ticket, by=current()),
        unanswered=browse.unanswered(ticket),
        present=[{"name": one.name, "writing": busy} for one, busy in drafts.present(ticket, besides=me)],
        draft=drafts.typed(ticket, me),
        preview_html=preview_html,
        advice=_advice(advised, ticket, me),
        helpers=[disclosure.person_ref(one) | {"is_me": one.id == me.id} for one in helping.of(ticket)],
        asked=told.record(ticket).asked,
        **_next_words(ticket),
        **_others(ticket, me, form),
        amendable=amendable,
        filed=_filed(ticket),
        undo=_undo(amendable, me),
        amend=_amended(ticket, form),
        form=form,
        changed=_changed(ticket, form, status),
        queue=queue,
        urgent=urgent(queue),
        desk_shown=None,
    )


def _advice(known: advice.Advice | None, ticket: Ticket, me: Person) -> Shown | None:
    if known is None:
        return None
    shown: Shown = {"stamp": known.stamp, "answered": known.answered, "twin": None}
    if known.twin and known.twin.event.actor:
        event, of = known.twin.event, store.session().get_one(Ticket, known.twin.event.ticket_id)
        shown["twin"] = {
            "html": event.body_html,
            "at": event.at,
            "by": disclosure.person_ref(known.twin.event.actor),
            "is_mine": event.actor_id == me.id,
            "likeness": known.twin.likeness,
            "url": f"{links.workspace_ticket(of.ref)}#e{event.seq}" if of.desk_id == ticket.desk_id else None,
        }
    return shown


def _next_words(ticket: Ticket) -> dict[str, Any]:
    found = promises.choices(store.now(), desks.hours(ticket.desk))
    usual = next((one for one in found if one.key != "1" and one.works), None)
    return {"choices": found, "usual": disclosure.plain(usual.at) if usual else "date", "zone": ticket.desk.zone}


def _others(ticket: Ticket, me: Person, form: forms.Form) -> dict[str, Any]:
    offer = handoffs.pending(ticket)
    shown: Shown | None = None
    if offer:
        shown = {
            "giver": disclosure.person_ref(offer.giver),
            "taker": disclosure.person_ref(offer.taker),
            "reason": offer.reason,
            "briefing_html": offer.briefing_html,
            "expires_at": offer.expires_at,
            "is_mine": offer.to_id == me.id,
        }
    return {"offer": shown, "takers": [_taker(one) for one in people.takers(ticket)]}


def _taker(one: Person) -> tuple[str, str]:
    return one.slug, f"{one.name}, {one.desk.name}{'' if one.on_duty else ' (off duty)'}"


def _amendable(ticket: Ticket, entries: list[Shown]) -> list[Shown]:
    """Join what may be amended with how it reads; entries too old to be on this page are left out."""
    known = {entry["seq"]: entry for entry in entries}
    found = words.amendable(ticket, current())
    return [{"entry": known[one.event.seq], "acts": one.acts} for one in found if one.event.seq in known]


def _filed(ticket: Ticket) -> Shown | None:
    """Return who filed a ticket for its customer, and how they agreed to be read by others."""
    by = store.session().get(Person, ticket.filed_by_id) if ticket.filed_by_id else None
    return {"by": disclosure.person_ref(by), "consent": ticket.consent} if by else None


def _undo(amendable: list[Shown], me: Person) -> Shown | None:
    """Return what this person said a moment ago and may correct: the undo of words that others may have read."""
    since = store.now() - UNDO_WITHIN
    for one in amendable:
        entry: Shown = one["entry"]
        if "corrected" in one["acts"] and entry["actor"].get("slug") == me.slug and entry["at"] > since:
            return entry
    return None


def _amended(ticket: Ticket, form: forms.Form) -> Shown | None:
    """Return the entry that is being amended: picked by its link, or the target of a form that came back."""
    seq = forms.number(form.typed.get("target") or request.args.get("amend"))
    for one in words.amendable(ticket, current()) if seq else ():
        if one.event.seq == seq:
            return {"seq": seq, "source": one.source, "acts": one.acts}
    return None


def _changed(ticket: Ticket, form: forms.Form, status: int) -> list[Shown]:
    """Return what happened since the form was made, for somebody whose words came back."""
    if status != Conflict.status or "seen" not in form.typed:
        return []
    found, _ = browse.entries(ticket, after=forms.number(form.typed["seen"]), audience="staff", limit=NEWS)
    return found
