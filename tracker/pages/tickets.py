"""A ticket's page, its entries as HTML, and what its customer and readers may say there."""

import hashlib

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import (
    browse,
    disclosure,
    following,
    forms,
    kinds,
    limits,
    links,
    permissions,
    sightings,
    statistics,
    tickets,
    viewer,
    waiting,
)
from tracker.errors import Invalid, NotFound
from tracker.models import Ticket
from tracker.pages import metadata, presses, uploads
from tracker.viewer import admits, current

blueprint = Blueprint("tickets", __name__)
PAGE = 200
SAYABLE = ("reply", "reply_published", "confirmed", "reopened", "feedback", "thanks", "visibility_changed")
"""Kinds that customers and readers say on this page; agents have their desk in the workspace."""


@blueprint.get("/t/<ref>")
@blueprint.get("/t/<ref>/<slug>")
@admits("ticket")
def page(ref: str, slug: str = "") -> Response:
    """The ticket, as this viewer may see it; the slug is decoration."""
    ticket, audience = browse.find(ref, current())
    asked = request.args.get("ask") == "understood"
    return _page(ticket, audience, forms.Form("feedback", {"solved": "true"}) if asked else forms.Form())


@blueprint.get("/t/<ref>/entries")
@admits("ticket")
def entries(ref: str) -> Response:
    """The head and the entries after a seq, as HTML: what a live page asks when it missed something."""
    ticket, audience = browse.find(ref, current())
    after = forms.number(request.args.get("after"))
    news = browse.news(ticket, after=after, audience=audience, limit=PAGE, html=True)
    head = disclosure.ticket(ticket, audience)
    return revalidated(render_template("tickets/entries.html", news=news, ticket=head), audience)


@blueprint.post("/t/<ref>/say/<kind>")
@admits("ticket")
def say(ref: str, kind: str) -> Answer | tuple[Response, int]:
    """Add what the customer or a reader says; what was typed comes back when it can't be taken."""
    if kind not in SAYABLE:
        raise NotFound()
    limits.hit("writes", viewer.network())
    typed = uploads.typed()
    given = forms.payload(kind, typed)
    try:
        if "files" in kinds.find(kind).fields:
            given["files"] = uploads.wanted(typed)
        who = current()
        ticket, event = tickets.post(ref, kind, given, by=who, once=presses.once(who), personal=forms.wish(typed))
    except Invalid as error:
        ticket, audience = browse.find(ref, current())
        return _page(ticket, audience, forms.Form(kind, typed, error.fields)), error.status
    if kind == "confirmed":  # the first of two questions is answered: the second one stands open
        return redirect(f"{url_for('tickets.page', ref=ref, ask='understood')}#feedback", 303)
    if permissions.audience(current(), ticket) == "public":  # thanks: whoever sent them does not see them yet
        return redirect(f"{url_for('tickets.page', ref=ref, said=kind)}#said", 303)
    return redirect(f"{url_for('tickets.page', ref=ref)}#e{event.seq}", 303)


@blueprint.post("/t/<ref>/waiting")
@admits("ticket")
def wait_too(ref: str) -> Answer:
    """Say that you wait for this too, or take it back; the browser's own cookie counts it once."""
    limits.hit("writes", viewer.network())
    change = waiting.leave if request.form.get("do") == "leave" else waiting.join
    browse.find(ref, current())
    change(ref, viewer.name_browser(), by=current())
    return redirect(f"{url_for('tickets.page', ref=ref)}#waiting-too", 303)


@blueprint.post("/t/<ref>/keys/revoke")
@admits("ticket")
def revoke_keys(ref: str) -> Answer:
    """Take back every other secret link, where one may have gone astray."""
    tickets.revoke_keys(ref, by=current(), keep=viewer.key_ids())
    return redirect(f"{url_for('tickets.page', ref=ref)}#keys", 303)


@blueprint.post("/t/<ref>/pass")
@admits("ticket")
def give_pass(ref: str) -> dict[str, str]:
    """A signed pass of five minutes, so that a socket may hear more than the public does."""
    ticket, _audience = browse.find(ref, current())
    return viewer.give_pass(ref=ticket.ref)


def _page(ticket: Ticket, audience: str, form: forms.Form) -> Response:
    shown, more = browse.entries(ticket, after=forms.number(request.args.get("after")), audience=audience, limit=PAGE)
    who = current()
    is_customer = permissions.may(who, "embed", ticket)
    html = render_template(
        "tickets/page.html",
        ticket=disclosure.ticket(ticket, audience),
        entries=shown,
        reader=audience,
        pass_url=url_for("tickets.give_pass", ref=ticket.ref) if audience != "public" else None,
        feed_url=links.feed(links.ticket(ticket.ref)) if ticket.visibility != "private" else None,
        metadata=metadata.of(ticket),
        embed_url=links.embeds(ticket.ref) if is_customer else None,
        seen_on=sightings.on_page(ticket) if audience != "public" else None,
        promises=statistics.promises(ticket.assignee),
        controls=is_customer,
        mailed=following.chosen(ticket) if is_customer else None,
        may_wait=waiting.may_join(ticket, by=who),
        waits=waiting.waits(ticket, viewer.browser()),
        has_thanked=request.args.get("said") == "thanks",
        may_thank=permissions.may(who, "thanks", ticket) and not is_customer and audience == "public",
        form=form,
        newer_url=url_for("tickets.page", ref=ticket.ref, after=shown[-1]["seq"]) if more else None,
    )
    return revalidated(html, audience)


def revalidated(html: str, audience: str) -> Response:
    """Return a page that caches may keep only if they ask first; private ones they may not keep at all."""
    response = make_response(html)
    if audience != "public" or current().person or current().tickets or viewer.browser():
        response.headers["Cache-Control"] = "private, no-store"
        return response
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(hashlib.sha256(html.encode()).hexdigest()[:32])
    response.make_conditional(request)
    return response
