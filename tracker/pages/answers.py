"""The two questions of a mail: the link answers the first and shows the second, a button records both."""

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import disclosure, feedback, forms, limits, viewer
from tracker.errors import Invalid
from tracker.pages import presses
from tracker.pages.following import OWN
from tracker.viewer import admits

blueprint = Blueprint("answers", __name__)
Page = tuple[str, int, dict[str, str]]


@blueprint.get("/answer/<secret>")
@admits("link")
def show(secret: str) -> Page:
    """Show the second question; nothing is recorded by looking."""
    return _page(secret, forms.Form("feedback", {"solved": request.args.get("solved", "")}), 200)


@blueprint.post("/answer/<secret>")
@admits("link")
def send(secret: str) -> Answer | Page:
    """Record both answers, once; what was typed comes back when something is missing."""
    limits.hit("signins", viewer.network())
    typed = request.form.to_dict()
    try:
        given, once = forms.payload("feedback", typed), presses.once(viewer.anyone())
        ticket = feedback.answer(secret, given, once=once, personal=forms.wish(typed))
    except Invalid as error:
        return _page(secret, forms.Form("feedback", typed, error.fields), error.status)
    again = ticket.status == "open"
    words = (
        f"It is open again. {ticket.assignee.name} has been told, and answers anew."
        if again
        else f"{ticket.assignee.name} reads what you said."
    )
    action = {"url": url_for("tickets.page", ref=ticket.ref), "words": "To the ticket"}
    return render_template("message.html", heading="Thank you", words=[words], action=action), 200, OWN


def _page(secret: str, form: forms.Form, status: int) -> Page:
    ticket = disclosure.ticket(feedback.find(secret), "customer")
    url = url_for("answers.send", secret=secret)
    return render_template("answer.html", ticket=ticket, form=form, url=url, once=presses.mark()), status, OWN
