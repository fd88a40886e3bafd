"""Where a customer, for a ticket, and a lead, for a desk, say which programs and chats hear of it."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from tracker import browse, forms, hooks, limits, viewer
from tracker.errors import Conflict, Invalid, NotFound
from tracker.models import Desk, Person, Ticket
from tracker.pages.workspace import PRIVATE, person, run
from tracker.viewer import admits, current

blueprint = Blueprint("hooks", __name__)
Page = tuple[str, int, dict[str, str]]


@blueprint.get("/t/<ref>/hooks")
@admits("ticket")
def of_ticket(ref: str) -> Page:
    """The places that hear of a ticket."""
    return _page(_ticket(ref), forms.Form(), 200)


@blueprint.post("/t/<ref>/hooks")
@admits("ticket")
def add_to_ticket(ref: str) -> Answer | Page:
    """Let one more place hear of a ticket."""
    return _add(_ticket(ref))


@blueprint.post("/t/<ref>/hooks/<sid>")
@admits("ticket")
def change_of_ticket(ref: str, sid: str) -> Answer:
    """Test, renew, replay or remove a place of a ticket."""
    return _change(_ticket(ref), sid)


@blueprint.get("/workspace/desk/<slug>/hooks")
@admits("run_desk")
def of_desk(slug: str) -> Page:
    """The places that hear of all tickets of a desk."""
    return _page(run(slug), forms.Form(), 200)


@blueprint.post("/workspace/desk/<slug>/hooks")
@admits("run_desk")
def add_to_desk(slug: str) -> Answer | Page:
    """Let one more place hear of a desk."""
    return _add(run(slug))


@blueprint.post("/workspace/desk/<slug>/hooks/<sid>")
@admits("run_desk")
def change_of_desk(slug: str, sid: str) -> Answer:
    """Test, renew, replay or remove a place of a desk."""
    return _change(run(slug), sid)


@blueprint.get("/workspace/profile/chats")
@admits("keep_profile")
def of_person() -> Page:
    """The chats of one's own where one hears what one is mailed."""
    return _page(person(), forms.Form(), 200)


@blueprint.post("/workspace/profile/chats")
@admits("keep_profile")
def add_to_person() -> Answer | Page:
    """Let a chat of one's own hear it too."""
    return _add(person())


@blueprint.post("/workspace/profile/chats/<sid>")
@admits("keep_profile")
def change_of_person(sid: str) -> Answer:
    """Test or remove a chat of one's own."""
    return _change(person(), sid)


def _ticket(ref: str) -> Ticket:
    return browse.find_for("hook", ref, current())


def _add(on: Ticket | Desk | Person) -> Answer | Page:
    limits.hit("writes", viewer.network())
    typed = request.form.to_dict()
    try:
        hook, secret = hooks.create(on, typed.get("channel", ""), typed.get("target", ""), by=current())
    except Invalid as error:
        return _page(on, forms.Form("new", typed, error.fields), error.status)
    except Conflict as error:
        return _page(on, forms.Form("new", typed, {"target": error.message}), error.status)
    return _back(on, hook.sid, secret)


def _change(on: Ticket | Desk | Person, sid: str) -> Answer:
    limits.hit("writes", viewer.network())
    hook, act = hooks.find(on, sid, by=current()), request.form.get("do", "")
    if act == "renew":
        return _back(on, sid, hooks.turn(hook))
    if act == "replay":
        hooks.replay(hook, request.form.get("name", ""))
    elif act in ("test", "remove"):
        {"test": hooks.test, "remove": hooks.remove}[act](hook)
    else:
        raise NotFound()
    return _back(on, sid)


def _back(on: Ticket | Desk | Person, sid: str, secret: str = "") -> Answer:
    """Go back to the page; a new secret travels in the session to be shown there once."""
    if secret:
        session["hook_secret"] = [sid, secret]
    return redirect(f"{_address(on)}#hook-{sid}", 303)


def _address(on: Ticket | Desk | Person) -> str:
    if isinstance(on, Ticket):
        return url_for("hooks.of_ticket", ref=on.ref)
    return url_for("hooks.of_desk", slug=on.slug) if isinstance(on, Desk) else url_for("hooks.of_person")


def _page(on: Ticket | Desk | Person, form: forms.Form, status: int) -> Page:
    sid, secret = session.pop("hook_secret", ("", ""))
    those = hooks.of(on, by=current())
    logs = hooks.logs(those)
    places: list[dict[str, Any]] = [
        hooks.shown(one)
        | {"log": [hooks.entry(*entry) for entry in logs[one.id]], "secret": secret if one.sid == sid else ""}
        for one in those
    ]
    whose = "customer" if isinstance(on, Ticket) else "desk" if isinstance(on, Desk) else "me"
    name = on.subject if isinstance(on, Ticket) else on.name
    url = _address(on).rpartition("/")[0]
    html = render_template("hooks.html", places=places, form=form, here=_address(on), name=name, url=url, whose=whose)
    return html, status, PRIVATE
