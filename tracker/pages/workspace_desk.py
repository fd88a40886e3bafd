"""What the ticket desk shows: the customer's side, the head, the words being written, everything else to be done."""

from datetime import timedelta
from typing import Any

from flask import request, url_for

from tracker import (
    advice,
    browse,
    desks,
    disclosure,
    drafts,
    forms,
    handoffs,
    helping,
    links,
    people,
    promises,
    sightings,
    store,
    tickets,
    told,
    words,
)
from tracker.disclosure import Shown
from tracker.errors import Conflict
from tracker.models import Person, Ticket
from tracker.pages.workspace import Page, person, show, urgent
from tracker.viewer import current

PAGE = 200
NEWS = 20
UNDO_WITHIN = timedelta(minutes=15)


def at_desk(ref: str) -> Ticket:
    """Return a ticket at whose desk this viewer may stand; raise NotFound or Forbidden."""
    return browse.find_for("see_as_staff", ref, current())


def desk_page(
    ticket: Ticket, form: forms.Form, status: int, *, preview: Shown | None = None, advised: advice.Advice | None = None
) -> Page:
    """Return the ticket desk, with a form that came back, how its words will read and what speaks against them."""
    me, first = person(), max(0, ticket.last_seq - PAGE)
    entries, _ = browse.entries(ticket, after=first, audience="staff", limit=PAGE)
    queue = browse.queue(me)
    return show(
        "workspace/ticket.html",
        status,
        ticket=disclosure.ticket(ticket, "staff"),
        entries=entries,
        older_url=url_for("tickets.page", ref=ticket.ref) if first else None,
        acts=tickets.possible(ticket, by=current()),
        seen_on=sightings.on_page(ticket),
        **_customers_side(ticket),
        **_writing(ticket, me),
        **_others(ticket, me),
        **_amending(ticket, entries, me, form),
        preview=preview,
        advice=_advice(advised, ticket, me),
        form=form,
        changed=_changed(ticket, form, status),
        queue=queue,
        urgent=urgent(queue),
        desk_shown=None,
    )


def _customers_side(ticket: Ticket) -> dict[str, Any]:
    """What they said that nothing followed, what they were asked and answered, and who filed it for them."""
    by = store.session().get(Person, ticket.filed_by_id) if ticket.filed_by_id else None
    return {
        "unanswered": browse.unanswered(ticket),
        "asked": told.record(ticket).asked,
        "yet_to_speak": handoffs.has_yet_to_speak(ticket),
        "filed": {"by": disclosure.person_ref(by), "consent": ticket.consent} if by else None,
    }


def _writing(ticket: Ticket, me: Person) -> dict[str, Any]:
    """The draft, the times that keys promise, and who else is here."""
    found = promises.choices(store.now(), desks.hours(ticket.desk))
    usual = next((one for one in found if one.key != "1" and one.works), None)
    return {
        "draft": drafts.typed(ticket, me),
        "choices": found,
        "usual": disclosure.plain(usual.at) if usual else "date",
        "zone": ticket.desk.zone,
        "present": [{"name": one.name, "writing": busy} for one, busy in drafts.present(ticket, besides=me)],
    }


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


def _others(ticket: Ticket, me: Person) -> dict[str, Any]:
    """Who helps, who could take it, and the offer that waits for an answer."""
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
    helpers = [disclosure.person_ref(one) | {"is_me": one.id == me.id} for one in helping.of(ticket)]
    return {"offer": shown, "takers": [_taker(one) for one in people.takers(ticket)], "helpers": helpers}


def _taker(one: Person) -> tuple[str, str]:
    return one.slug, f"{one.name}, {one.desk.name}{'' if one.on_duty else ' (off duty)'}"


def _amending(ticket: Ticket, entries: list[Shown], me: Person, form: forms.Form) -> dict[str, Any]:
    found = _amendable(ticket, entries)
    return {"amendable": found, "amend": _amended(ticket, form), "undo": _undo(found, me)}


def _amendable(ticket: Ticket, entries: list[Shown]) -> list[Shown]:
    """Join what may be amended with how it reads; entries too old to be on this page are left out."""
    known = {entry["seq"]: entry for entry in entries}
    found = words.amendable(ticket, current())
    return [{"entry": known[one.event.seq], "acts": one.acts} for one in found if one.event.seq in known]


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
