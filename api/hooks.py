"""The programs and chats that hear of a ticket (its customer's) or of a desk's tickets (its lead's)."""

from collections.abc import Callable
from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from api.answers import reader, shown
from api.spec import PREFIX, REF, SLUG, View, fails, gives, needs
from api.strict import Blueprint
from tracker import browse, desks, following, hooks, limits, outward, viewer
from tracker.models import Desk, Subscription, Ticket
from tracker.viewer import admits

blueprint = Blueprint("hooks_api", __name__, url_prefix=PREFIX, description="Places that hear of what happens")
OWNERS = (("ticket", "/tickets/<ref>/hooks", REF, "ticket"), ("desk", "/desks/<slug>/hooks", SLUG, "run_desk"))
"""Whose places there are, where they are kept, and what admits there."""
SID = {"name": "sid", "in": "path", "required": True, "description": "Its id", "schema": {"type": "string"}}
NAME = SID | {"name": "name", "description": "Which delivery"}


class HookWish(Schema):
    """Where it listens: an address of a webhook, or one of Apprise."""

    channel = fields.String(load_default="webhook", validate=validate.OneOf(hooks.CHANNELS))
    target = fields.String(required=True, validate=validate.Length(1, outward.LONGEST_URL))


class PaceWish(Schema):
    """How often the customer is mailed."""

    frequency = fields.String(required=True, validate=validate.OneOf((*following.FREQUENCIES, following.NEVER)))


def _at_each(method: str, below: str = "", *named: dict[str, Any]) -> Callable[[View], View]:
    """Serve a view for a ticket's hooks, to its customer, and for a desk's, to its lead."""

    def decorate(view: View) -> View:
        for whose, at, parameter, act in OWNERS:
            told = {"parameters": [parameter, *named], "tags": ["Hooks"], "endpoint": f"{view.__name__}_of_{whose}"}
            blueprint.route(at + below, methods=[method], **told)(admits(act)(view))
        return view

    return decorate


@_at_each("GET")
@needs()
@gives(200, "Hooks", "Places, oldest first; those that were switched off too.")
@fails(401, 403, 404)
def all_hooks(**of: str) -> Response:
    """List hooks

    A ticket's for its customer; a desk's for its lead, by a token with the scope `admin`. Each is shown by its host or
    service alone, for the rest of its address may be secret.
    """
    return shown({"items": [hooks.shown(one) for one in hooks.of(_owner(**of), by=reader())], "next": None})


@_at_each("POST")
@blueprint.arguments(HookWish)
@needs()
@gives(201, "NewHook", "It hears from now on, a desk's of every ticket there. A webhook's secret is shown this once.")
@fails(401, 403, 404, 409, 413, 415, 422)
def add(body: dict[str, str], **of: str) -> Response:
    """Add a hook"""
    limits.hit("writes", viewer.spender())
    hook, secret = hooks.create(_owner(**of), body["channel"], body["target"], by=reader())
    return shown(hooks.shown(hook) | {"secret": secret or None}, status=201)


@_at_each("GET", "/<sid>", SID)
@needs()
@gives(200, "HookLog", "The place, and the last fifty that were sent there, newest first.")
@fails(401, 403, 404)
def log(sid: str, **of: str) -> Response:
    """Read what a hook was sent"""
    return _logged(_find(sid, **of))


@_at_each("DELETE", "/<sid>", SID)
@needs()
@gives(200, "Hook", "Removed: it hears nothing more.")
@fails(401, 403, 404)
def remove(sid: str, **of: str) -> Response:
    """Remove a hook"""
    limits.hit("writes", viewer.spender())
    hook = _find(sid, **of)
    hooks.remove(hook)
    return shown(hooks.shown(hook))


@_at_each("POST", "/<sid>/deliveries/<name>", SID, NAME)
@needs()
@gives(202, "HookLog", "It is sent once more, under the same id.")
@fails(401, 403, 404)
def replay(sid: str, name: str, **of: str) -> Response:
    """Send a delivery of a hook again"""
    limits.hit("writes", viewer.spender())
    hook = _find(sid, **of)
    hooks.replay(hook, name)
    return _logged(hook, status=202)


@blueprint.route("/tickets/<ref>/news", methods=["GET"], parameters=[REF], tags=["Hooks"])
@admits("ticket")
@needs()
@gives(200, "Pace", "How often.")
@fails(401, 403, 404)
def pace(ref: str) -> Response:
    """Read how often the customer is mailed"""
    return shown({"frequency": following.chosen(browse.find_for("hook", ref, reader()))})


@blueprint.route("/tickets/<ref>/news", methods=["PUT"], parameters=[REF], tags=["Hooks"])
@admits("ticket")
@blueprint.arguments(PaceWish)
@needs()
@gives(200, "Pace", "Kept.")
@fails(401, 403, 404, 409, 413, 415, 422)
def choose(body: dict[str, str], ref: str) -> Response:
    """Choose how often the customer is mailed

    `once` is at once. After `never` the acknowledgement, ways back in and the two questions still come.
    """
    limits.hit("writes", viewer.spender())
    one = browse.find_for("hook", ref, reader())
    following.choose(ref, body["frequency"], by=viewer.current())
    return shown({"frequency": following.chosen(one)})


def _owner(ref: str = "", slug: str = "") -> Ticket | Desk:
    return browse.find(ref, reader())[0] if ref else desks.find(slug)


def _find(sid: str, **of: str) -> Subscription:
    return hooks.find(_owner(**of), sid, by=reader())


def _logged(hook: Subscription, status: int = 200) -> Response:
    log: list[dict[str, Any]] = [hooks.entry(*entry) for entry in hooks.log(hook)]
    return shown(hooks.shown(hook) | {"deliveries": log}, status=status)
