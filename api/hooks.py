"""The programs and chats that hear of a ticket (its customer's) or of a desk's tickets (its lead's)."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from api.answers import reader, shown
from api.spec import PREFIX, REF, SLUG, fails, gives, needs
from api.strict import Blueprint
from tracker import browse, desks, following, hooks, limits, outward, permissions, viewer
from tracker.models import Desk, Ticket
from tracker.viewer import admits

blueprint = Blueprint("hooks_api", __name__, url_prefix=PREFIX, description="Places that hear of what happens")
TICKETS, DESKS = "/tickets/<ref>/hooks", "/desks/<slug>/hooks"
SID = {"name": "sid", "in": "path", "required": True, "description": "Its id", "schema": {"type": "string"}}
NAME = SID | {"name": "name", "description": "Which delivery"}


class HookWish(Schema):
    """Where it listens: an address of a webhook, or one of Apprise."""

    channel = fields.String(load_default="webhook", validate=validate.OneOf(hooks.CHANNELS))
    target = fields.String(required=True, validate=validate.Length(1, outward.LONGEST_URL))


class PaceWish(Schema):
    """How often the customer is mailed."""

    frequency = fields.String(required=True, validate=validate.OneOf((*following.FREQUENCIES, following.NEVER)))


@blueprint.route(TICKETS, methods=["GET"], parameters=[REF], tags=["Hooks"])
@admits("ticket")
@needs()
@gives(200, "Hooks", "Places, oldest first; those that were switched off too.")
@fails(401, 403, 404)
def of_ticket(ref: str) -> Response:
    """List a ticket's hooks

    For its customer. Each is shown by its host or service alone, for the rest of its address may be secret.
    """
    return _listed(_ticket(ref))


@blueprint.route(TICKETS, methods=["POST"], parameters=[REF], tags=["Hooks"])
@admits("ticket")
@blueprint.arguments(HookWish)
@needs()
@gives(201, "NewHook", "It hears from now on. A webhook's secret is shown this once.")
@fails(401, 403, 404, 409, 413, 415, 422)
def add_to_ticket(body: dict[str, str], ref: str) -> Response:
    """Let a place hear of a ticket"""
    return _added(_ticket(ref), body)


@blueprint.route(f"{TICKETS}/<sid>", methods=["GET"], parameters=[REF, SID], tags=["Hooks"])
@admits("ticket")
@needs()
@gives(200, "HookLog", "The place, and the last fifty that were sent there, newest first.")
@fails(401, 403, 404)
def log_of_ticket(ref: str, sid: str) -> Response:
    """Read what a ticket's hook was sent"""
    return _logged(_ticket(ref), sid)


@blueprint.route(f"{TICKETS}/<sid>", methods=["DELETE"], parameters=[REF, SID], tags=["Hooks"])
@admits("ticket")
@needs()
@gives(200, "Hook", "Removed: it hears nothing more.")
@fails(401, 403, 404)
def remove_from_ticket(ref: str, sid: str) -> Response:
    """Remove a ticket's hook"""
    return _removed(_ticket(ref), sid)


@blueprint.route(f"{TICKETS}/<sid>/deliveries/<name>", methods=["POST"], parameters=[REF, SID, NAME], tags=["Hooks"])
@admits("ticket")
@needs()
@gives(202, "HookLog", "It is sent once more, under the same id.")
@fails(401, 403, 404)
def replay_of_ticket(ref: str, sid: str, name: str) -> Response:
    """Send a delivery of a ticket's hook again"""
    return _replayed(_ticket(ref), sid, name)


@blueprint.route(DESKS, methods=["GET"], parameters=[SLUG], tags=["Hooks"])
@admits("run_desk")
@needs()
@gives(200, "Hooks", "Places, oldest first; those that were switched off too.")
@fails(401, 403, 404)
def of_desk(slug: str) -> Response:
    """List a desk's hooks

    For its lead; a token needs the scope `admin`.
    """
    return _listed(_desk(slug))


@blueprint.route(DESKS, methods=["POST"], parameters=[SLUG], tags=["Hooks"])
@admits("run_desk")
@blueprint.arguments(HookWish)
@needs()
@gives(201, "NewHook", "It hears from now on of every ticket of the desk. A webhook's secret is shown this once.")
@fails(401, 403, 404, 409, 413, 415, 422)
def add_to_desk(body: dict[str, str], slug: str) -> Response:
    """Let a place hear of a desk's tickets"""
    return _added(_desk(slug), body)


@blueprint.route(f"{DESKS}/<sid>", methods=["GET"], parameters=[SLUG, SID], tags=["Hooks"])
@admits("run_desk")
@needs()
@gives(200, "HookLog", "The place, and the last fifty that were sent there, newest first.")
@fails(401, 403, 404)
def log_of_desk(slug: str, sid: str) -> Response:
    """Read what a desk's hook was sent"""
    return _logged(_desk(slug), sid)


@blueprint.route(f"{DESKS}/<sid>", methods=["DELETE"], parameters=[SLUG, SID], tags=["Hooks"])
@admits("run_desk")
@needs()
@gives(200, "Hook", "Removed: it hears nothing more.")
@fails(401, 403, 404)
def remove_from_desk(slug: str, sid: str) -> Response:
    """Remove a desk's hook"""
    return _removed(_desk(slug), sid)


@blueprint.route(f"{DESKS}/<sid>/deliveries/<name>", methods=["POST"], parameters=[SLUG, SID, NAME], tags=["Hooks"])
@admits("run_desk")
@needs()
@gives(202, "HookLog", "It is sent once more, under the same id.")
@fails(401, 403, 404)
def replay_of_desk(slug: str, sid: str, name: str) -> Response:
    """Send a delivery of a desk's hook again"""
    return _replayed(_desk(slug), sid, name)


@blueprint.route("/tickets/<ref>/news", methods=["GET"], parameters=[REF], tags=["Hooks"])
@admits("ticket")
@needs()
@gives(200, "Pace", "How often.")
@fails(401, 403, 404)
def pace(ref: str) -> Response:
    """Read how often the customer is mailed"""
    return shown({"frequency": following.chosen(_ticket(ref))})


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
    one = _ticket(ref)
    following.choose(ref, body["frequency"], by=viewer.current())
    return shown({"frequency": following.chosen(one)})


def _ticket(ref: str) -> Ticket:
    who = reader()
    one, _audience = browse.find(ref, who)
    permissions.require(who, "hook", one)
    return one


def _desk(slug: str) -> Desk:
    one = desks.find(slug)
    permissions.require(reader(), "run_desk", one)
    return one


def _listed(on: Ticket | Desk) -> Response:
    return shown({"items": [hooks.shown(one) for one in hooks.of(on, by=reader())], "next": None})


def _added(on: Ticket | Desk, body: dict[str, str]) -> Response:
    limits.hit("writes", viewer.spender())
    hook, secret = hooks.create(on, body["channel"], body["target"], by=viewer.current())
    return shown(hooks.shown(hook) | {"secret": secret or None}, status=201)


def _logged(on: Ticket | Desk, sid: str, status: int = 200) -> Response:
    hook = hooks.find(on, sid, by=reader())
    log: list[dict[str, Any]] = [hooks.entry(*entry) for entry in hooks.log(hook)]
    return shown(hooks.shown(hook) | {"deliveries": log}, status=status)


def _removed(on: Ticket | Desk, sid: str) -> Response:
    limits.hit("writes", viewer.spender())
    hook = hooks.find(on, sid, by=viewer.current())
    hooks.remove(hook)
    return shown(hooks.shown(hook))


def _replayed(on: Ticket | Desk, sid: str, name: str) -> Response:
    limits.hit("writes", viewer.spender())
    hooks.replay(hooks.find(on, sid, by=viewer.current()), name)
    return _logged(on, sid, status=202)
