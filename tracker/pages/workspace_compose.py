"""What helps to write at the ticket desk: drafts kept on the server, who else is there, how the words will read."""

from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import advice, drafts, forms, masks, richtext
from tracker.errors import Invalid
from tracker.kinds import KINDS
from tracker.kinds._fields import TEXT
from tracker.models import Ticket
from tracker.pages import uploads
from tracker.pages.workspace import Page, back_to, person
from tracker.pages.workspace_desk import at_desk, desk_page
from tracker.viewer import admits, current

blueprint = Blueprint("workspace_compose", __name__, url_prefix="/workspace/t")


@blueprint.put("/<ref>/draft")
@admits("work")
def save(ref: str) -> dict[str, Any]:
    """Keep what is being written, as scripts do while one types; answer who else is there."""
    ticket = at_desk(ref)
    _keep(ticket)
    return {"present": [{"name": one.name, "writing": busy} for one, busy in drafts.present(ticket, besides=person())]}


@blueprint.post("/<ref>/draft")
@admits("work")
def keep(ref: str) -> Answer:
    """Keep what was written for later, by the form alone; files it names are on their author's device only."""
    _keep(at_desk(ref))
    files = request.form.get("files") or request.form.get(uploads.UPLOADED)
    without = " Their files are not: choose them again." if files else ""
    return back_to("workspace_ticket.page", f"Your words are kept. Nobody has read them.{without}", ref=ref)


@blueprint.post("/<ref>/preview")
@admits("work")
def preview(ref: str) -> Page:
    """Show how readers will read the words; they and their files are kept on the way."""
    ticket, typed = at_desk(ref), uploads.typed()
    try:
        _keep(ticket)
        uploads.wanted(typed)
        text = richtext.normalise_text(typed.get("text", ""), field="text", max_length=TEXT)
    except Invalid as error:
        return desk_page(ticket, forms.Form("update", typed, error.fields), error.status)
    known = advice.on(ticket, "update", typed, by=current())
    html, hidden = masks.as_read(ticket, KINDS["update"], text)
    preview = {"html": html, "hidden": hidden}
    return desk_page(ticket, forms.Form("update", typed), 200, preview=preview, advised=known)


@blueprint.get("/<ref>/draft")
@blueprint.get("/<ref>/preview")
@admits("work")
def desk(ref: str) -> Answer:
    """Where the form was sent: the ticket desk, for those who reload."""
    return redirect(url_for("workspace_ticket.page", ref=at_desk(ref).ref), 303)


def _keep(ticket: Ticket) -> None:
    drafts.keep(ticket, request.form, by=current(), seen=forms.number(request.form.get("seen")))
