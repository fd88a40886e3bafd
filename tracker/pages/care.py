"""Reporting what should not be public, deciding on it, and erasing oneself."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import browse, disclosure, erasure, forms, links, permissions, reports
from tracker.errors import Conflict, Invalid
from tracker.pages import humans
from tracker.pages.workspace import PRIVATE, Page, decides_on, show
from tracker.viewer import admits, current

blueprint = Blueprint("care", __name__)
THANKS = "Whoever runs the desk looks at it and decides. Nobody is told who you are."
ERASED = "Your words, your name and your addresses are gone. That there was a ticket remains."


@blueprint.get("/t/<ref>/report")
@admits("ticket")
def report(ref: str) -> Page:
    """The form for what should not be public."""
    return _report(ref, forms.Form("report", {"entry": request.args.get("entry", "")}), 200)


@blueprint.post("/t/<ref>/report")
@admits("ticket")
def send_report(ref: str) -> Answer | Page:
    """Take a report; nobody learns who sent it."""
    typed = request.form.to_dict()
    ticket, _ = browse.find(ref, current())
    try:
        humans.require()
        reports.file(ticket, forms.number(typed.get("entry")) or None, typed.get("reason", ""), by=current())
    except Invalid as error:
        return _report(ref, forms.Form("report", typed, error.fields or {"": error.message}), error.status)
    action = {"url": links.ticket(ref), "words": "Back to the ticket"}
    return render_template("message.html", heading="Thank you", words=[THANKS], action=action), 200, PRIVATE


@blueprint.get("/workspace/reports")
@admits("work")
def reported() -> Page:
    """What readers reported on the desk's tickets."""
    return _reported(forms.Form(), 200)


@blueprint.post("/workspace/reports/<key>")
@admits("work")
def decide(key: str) -> Answer | Page:
    """Decide on a report."""
    try:
        reports.decide(key, request.form.get("decision", ""), request.form.get("reason", ""), by=current())
    except Invalid as error:
        form = forms.Form(key, request.form.to_dict(), error.fields or {"": error.message}, f"{key}-")
        return _reported(form, error.status)
    except Conflict as error:
        return _reported(forms.Form(key, request.form.to_dict(), {"": error.message}, f"{key}-"), error.status)
    flash("Decided, with your reason.", "good")
    return redirect(url_for("care.reported"), 303)


@blueprint.get("/t/<ref>/erase")
@admits("ticket")
def erase(ref: str) -> Page:
    """What erasing does, before it is done."""
    ticket, audience = browse.find(ref, current())
    permissions.require(current(), "erase", ticket)
    return render_template("erase.html", ticket=disclosure.ticket(ticket, audience)), 200, PRIVATE


@blueprint.post("/t/<ref>/erase")
@admits("ticket")
def erase_now(ref: str) -> Answer | Page:
    """Erase the customer of a ticket for good."""
    ticket, audience = browse.find(ref, current())
    permissions.require(current(), "erase", ticket)
    if request.form.get("sure") != "yes":
        page = render_template("erase.html", ticket=disclosure.ticket(ticket, audience), unsure=True)
        return page, Invalid.status, PRIVATE
    erasure.ticket(ref, by=current())
    return render_template("message.html", heading="Erased", words=[ERASED]), 200, PRIVATE


def _report(ref: str, form: forms.Form, status: int) -> Page:
    ticket, audience = browse.find(ref, current())
    shown = disclosure.ticket(ticket, audience)
    entries = reports.reportable(ticket, audience)
    context: dict[str, Any] = {"ticket": shown, "entries": entries, "form": form, "stamp": humans.stamp()}
    return render_template("report.html", **context), status, PRIVATE


def _reported(form: forms.Form, status: int) -> Page:
    desk = decides_on()
    return show("workspace/reports.html", status, form=form, cases=reports.waiting(desk), done=reports.decided(desk))
