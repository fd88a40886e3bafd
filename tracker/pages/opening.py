"""Opening a ticket: the form, and the page that shows the secret link once."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from tracker import browse, desks, disclosure, forms, limits, links, speech, store, tickets, viewer
from tracker.errors import Invalid
from tracker.pages import humans, presses, uploads
from tracker.pages.following import wanted_language
from tracker.viewer import admits, current

blueprint = Blueprint("opening", __name__)
FIELDS = tuple(name for name in tickets.Opening().fields if name not in ("files", "source", "received_at", "consent"))


@blueprint.get("/new")
@admits("open")
def form() -> str:
    """The form; each field says who will see it."""
    return _form(forms.Form("new", {"desk": request.args.get("desk", ""), "language": wanted_language()}))


@blueprint.post("/new")
@admits("open")
def send() -> Answer | tuple[str, int]:
    """Open the ticket and go to it; what was typed comes back when it can't be taken."""
    typed = {name: request.form.get(name, "") for name in FIELDS}
    try:
        humans.require()
        limits.hit("opens", viewer.network())
        sent = uploads.typed()
        typed |= {name: sent[name] for name in ("uploaded", "alt") if name in sent}
        given: dict[str, Any] = {name: typed[name] for name in FIELDS if typed[name].strip()}
        given["files"] = uploads.wanted(sent)
        who = viewer.anyone()
        ticket, secret = tickets.open(given, by=who, once=presses.once(who), personal=forms.wish(request.form))
    except Invalid as error:
        return _form(forms.Form("new", typed, error.fields or {"": error.message})), error.status
    secret = secret or tickets.give_key(ticket)  # pressed twice: the first answer, and its key, went past the browser
    viewer.remember_ticket(secret)
    session["shown_once"] = [ticket.ref, secret]
    return redirect(url_for("opening.opened", ref=ticket.ref), 303)


@blueprint.get("/t/<ref>/opened")
@admits("link")
def opened(ref: str) -> Answer | tuple[str, int, dict[str, str]]:
    """Say who has it and when they answer; show the secret link, once."""
    kept = session.pop("shown_once", None)
    if not kept or kept[0] != ref:
        return redirect(url_for("tickets.page", ref=ref), 303)
    ticket, audience = browse.find(ref, current())
    page = render_template(
        "opened.html",
        ticket=disclosure.ticket(ticket, audience),
        secret=links.absolute(links.customer_key(kept[1])),
    )
    return page, 200, {"Cache-Control": "no-store"}


def _form(filled: forms.Form) -> str:
    everyone = desks.everyone()
    only = everyone[0] if len(everyone) == 1 else None
    context: dict[str, Any] = {
        "form": filled,
        "desks": [(one.slug, one.name) for one in everyone],
        "stamp": humans.stamp(),
        "once": presses.mark(),
        "languages": list(speech.NAMES.items()),
        "first_word_at": desks.first_answer_due(only, store.now()) if only else None,
        "zone": only.zone if only else "",
    }
    return render_template("new.html", **context)
