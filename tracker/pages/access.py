"""Getting in and out: by password, by mail, by secret link. Links are shown on GET and redeemed on POST only."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from tracker import addresses, forms, limits, outbox, people, store, tickets, viewer
from tracker.errors import Invalid, NotFound, Unauthorized
from tracker.pages.following import OWN
from tracker.viewer import admits

blueprint = Blueprint("access", __name__)
Page = tuple[str, int, dict[str, str]]
PURPOSES = {
    "signin": ("Your tickets", "Press the button to open your tickets in this browser.", "Open my tickets"),
    "confirm": (
        "Your ticket",
        "Press the button to open your ticket in this browser and to confirm that this mail address is yours.",
        "Open my ticket",
    ),
    "reset": ("A new password", "Choose the password you will sign in with from now on.", "Keep this password"),
    "invite": ("Welcome", "Choose the password you will sign in with.", "Keep this password"),
}
SENT = "If we know this address, a mail with a link is on its way. The link works once, for 15 minutes."


@blueprint.get("/signin")
@admits("anyone")
def signin() -> str:
    """Two ways in: a password for those who answer, a mail for those who asked."""
    return render_template("signin.html", form=forms.Form())


@blueprint.post("/signin")
@admits("anyone")
def sign_in() -> Answer | Page:
    """Begin a session for somebody who answers."""
    limits.hit("signins", viewer.network())
    address = request.form.get("email", "")
    try:
        person = people.sign_in(address, request.form.get("password", ""))
    except Unauthorized as error:
        form = forms.Form("password", {"email": address}, {"password": error.message})
        return _secret_page(render_template("signin.html", form=form), error.status)
    wanted = session.get("wanted", "/workspace/")
    viewer.sign_in(person)
    return redirect(wanted, 303)


@blueprint.post("/signin/link")
@admits("anyone")
def mail_link() -> Answer | Page:
    """Mail a way back to their tickets, or to a new password; the answer is the same for unknown addresses."""
    limits.hit("signins", viewer.network())
    topic = "reset" if request.form.get("what") == "password" else "signin"
    try:
        address = addresses.checked(request.form.get("email", ""))
    except Invalid as error:
        form = forms.Form(topic, {"email": request.form.get("email", "")}, error.fields)
        return _secret_page(render_template("signin.html", form=form), error.status)
    with store.transaction():
        outbox.letter(topic, address=address.lower() if topic == "reset" else address)
    return _message("Look into your mail", SENT)


@blueprint.post("/signout")
@admits("anyone")
def sign_out() -> Answer:
    """End the session, here and on its sockets."""
    viewer.sign_out()
    return redirect("/", 303)


@blueprint.get("/link/<purpose>/<secret>")
@admits("link")
def show_link(purpose: str, secret: str) -> Page:
    """Show what the link does, and a button; mail scanners follow links, so nothing happens yet."""
    return _link_page(purpose, secret, {}, 200)


@blueprint.post("/link/<purpose>/<secret>")
@admits("link")
def redeem_link(purpose: str, secret: str) -> Answer | Page:
    """Use the link up, once, and do what it is for."""
    limits.hit("signins", viewer.network())
    if purpose == "confirm":
        ticket = tickets.confirm(secret, zone=request.form.get("zone", ""))
        viewer.remember_ticket(tickets.give_key(ticket))
        return redirect(url_for("tickets.page", ref=ticket.ref), 303)
    if purpose == "signin":
        for ticket in tickets.come_back(secret):
            viewer.remember_ticket(tickets.give_key(ticket))
        return redirect("/", 303)
    if purpose not in PURPOSES:
        raise NotFound()
    try:
        person = people.choose_password(purpose, secret, request.form.get("password", ""))
    except Invalid as error:
        return _link_page(purpose, secret, error.fields, error.status)
    viewer.sign_in(person)
    flash(f"Your password is kept. You sign in with it and {person.email} from now on.", "good")
    return redirect("/workspace/", 303)


@blueprint.get("/k/<secret>")
@admits("link")
def show_key(secret: str) -> Page:
    """The customer's secret link: a button that opens the ticket in this browser."""
    heading, words, button = PURPOSES["confirm"]
    words = words.split(" and to confirm")[0] + "."
    return _message(
        heading, words, {"url": url_for("access.use_key", secret=secret), "words": button, "method": "post"}
    )


@blueprint.post("/k/<secret>")
@admits("link")
def use_key(secret: str) -> Answer:
    """Remember in this browser that the ticket is theirs."""
    limits.hit("signins", viewer.network())
    return redirect(url_for("tickets.page", ref=viewer.remember_ticket(secret).ref), 303)


def _link_page(purpose: str, secret: str, errors: dict[str, str], status: int) -> Page:
    if purpose not in PURPOSES:
        raise NotFound()
    heading, words, button = PURPOSES[purpose]
    form = forms.Form(purpose, {}, errors)
    page = render_template(
        "link.html",
        heading=heading,
        words=words,
        button=button,
        form=form,
        asks_zone=purpose == "confirm",
        asks_password=purpose in ("reset", "invite"),
        url=url_for("access.redeem_link", purpose=purpose, secret=secret),
    )
    return _secret_page(page, status)


def _message(heading: str, words: str, action: dict[str, str] | None = None) -> Page:
    return _secret_page(render_template("message.html", heading=heading, words=[words], action=action), 200)


def _secret_page(page: str, status: int) -> Page:
    return page, status, OWN
