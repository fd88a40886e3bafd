"""Who hears of a ticket how often: the form to follow, the customer's choice, the page that one's own link opens."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import browse, disclosure, following, forms, limits, links, permissions, speech, viewer
from tracker.errors import Invalid
from tracker.models import Subscription
from tracker.pages import humans
from tracker.viewer import admits, current

blueprint = Blueprint("following", __name__)
Page = tuple[str, int, dict[str, str]]
OWN = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""A page whose address is a secret: kept nowhere, told to nobody."""
SENT = "We have sent a question there. Press the button behind its link, and news begins."
STILL = "Sign-in links and, when your ticket is solved, the two questions still come."
STOPPED = "No more news of this ticket by mail. Sign-in links and, when it is solved, the two questions still come."
GATHERED_NO_MORE = "Nothing comes to you gathered any more. What comes at once stops by the link in each of its mails."
ACTS = {"confirm": following.confirm, "leave": following.leave}


@blueprint.get("/t/<ref>/follow")
@admits("ticket")
def form(ref: str) -> Page:
    """The form by itself, for those who want more than the one on the ticket's page."""
    return _ask(ref, forms.Form("follow", {"language": wanted_language()}), 200)


@blueprint.post("/t/<ref>/follow")
@admits("ticket")
def ask(ref: str) -> Page:
    """Mail the address a question; the answer here is the same whether it follows already or not."""
    ticket, _audience = browse.find(ref, current())
    limits.hit("follows", viewer.network())
    typed = request.form.to_dict()
    try:
        humans.require_empty()
        channel, language = typed.get("channel", "email"), typed.get("language") or wanted_language()
        target = typed.get("email" if channel == "email" else "target", "")
        how = {"channel": channel, "language": language, "zone": typed.get("zone", "")}
        following.follow(ticket.ref, target, by=current(), **how)
    except Invalid as error:
        return _ask(ref, forms.Form("follow", typed, error.fields or {"": error.message}), error.status)
    action = {"url": url_for("tickets.page", ref=ref), "words": "Back to the ticket"}
    return render_template("message.html", heading="Look what we sent you", words=[SENT], action=action), 200, OWN


@blueprint.post("/t/<ref>/news")
@admits("ticket")
def choose(ref: str) -> Answer:
    """Let the customer say how often they are mailed of their ticket."""
    limits.hit("writes", viewer.network())
    following.choose(ref, request.form.get("frequency", ""), by=current())
    return redirect(f"{url_for('tickets.page', ref=ref)}#news", 303)


@blueprint.get("/follow/<token>")
@admits("link")
def page(token: str) -> Page:
    """What this follower hears of and how often; nothing changes by looking."""
    if links.digest_sid(token):
        return _page_of_digest(token)
    return _page(following.find(token), token, forms.Form(), 200)


@blueprint.post("/follow/<token>")
@admits("link")
def change(token: str) -> Answer | Page:
    """Say yes, choose how often, or leave."""
    limits.hit("writes", viewer.network())
    act, typed = request.form.get("do", ""), request.form.to_dict()
    if act in ACTS:
        ACTS[act](token)
    else:
        try:
            following.change(token, frequency=typed.get("frequency", ""), language=typed.get("language", ""))
        except Invalid as error:
            return _page(following.find(token), token, forms.Form("follow", typed, error.fields), error.status)
    return redirect(url_for("following.page", token=token, kept="1"), 303)


@blueprint.get("/follow/<token>/leave")
@admits("link")
def ask_to_leave(token: str) -> Answer:
    """Where mail programs lead people: the page with the button."""
    return redirect(url_for("following.page", token=token), 303)


@blueprint.post("/follow/<token>/leave")
@admits("link", from_any_site=True)
def leave_at_once(token: str) -> Page:
    """Leave by one click in a mail program (RFC 8058): no session, no question."""
    left = following.leave(token)
    if not left:
        return render_template("message.html", heading="Nothing was left to stop", words=[GATHERED_NO_MORE]), 200, OWN
    is_own = any(one.role == "customer" for one in left)
    words = [STOPPED if is_own else "No more mail of this ticket."]
    if links.digest_sid(token):
        words = ["No more mail of these tickets:", *(one["subject"] for one in map(_ticket, left) if one)]
        words += [STILL] if is_own else []
    return render_template("message.html", heading="You left", words=words), 200, OWN


def wanted_language() -> str:
    """Return which of our languages the browser asks for."""
    return request.accept_languages.best_match(list(speech.NAMES)) or "en"


def _ask(ref: str, form: forms.Form, status: int) -> Page:
    ticket, _audience = browse.find(ref, current())
    following.require_readable(ticket)
    languages = list(speech.NAMES.items())
    shown = disclosure.ticket(ticket, "public")
    return render_template("follow_ask.html", ticket=shown, form=form, languages=languages), status, OWN


def _ticket(of: Subscription) -> dict[str, Any] | None:
    """Return the head of the ticket a place hears of, unless it may not read it now."""
    if of.ticket is None or not permissions.is_shown(of.ticket, of.role):
        return None
    return disclosure.ticket(of.ticket, "public")


def _page_of_digest(token: str) -> Page:
    those = [
        following.shown(one) | {"ticket": ticket, "url": links.follow(links.follow_token(one.sid))}
        for one in following.together(token)
        if (ticket := _ticket(one))
    ]
    url = url_for("following.change", token=token)
    html = render_template("follow_digest.html", those=those, url=url, kept="kept" in request.args)
    return html, 200, OWN


def _page(found: Subscription, token: str, form: forms.Form, status: int) -> Page:
    html = render_template(
        "follow.html",
        follower=following.shown(found),
        ticket=_ticket(found),
        url=url_for("following.change", token=token),
        stopped=STOPPED,
        languages=list(speech.NAMES.items()),
        form=form if form.errors else forms.Form("follow", {"frequency": found.frequency, "language": found.language}),
        kept="kept" in request.args,
    )
    return html, status, OWN
