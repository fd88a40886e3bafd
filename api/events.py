"""The timeline of a ticket: read on from a seq, and post what happened."""

from typing import Any

from flask import Response, url_for
from marshmallow import Schema, fields, validate

from api.answers import reader, shared, shown
from api.spec import KEY, MATCH, PREFIX, REF, event_examples, fails, gives, needs, takes
from api.strict import Blueprint, once, version, wish
from tracker import browse, limits, tickets, viewer
from tracker.viewer import admits

blueprint = Blueprint("events_api", __name__, url_prefix=f"{PREFIX}/tickets", description="The timeline of a ticket")
LAST_SEQ = 2**31 - 1


class Reading(Schema):
    """Where to read on."""

    after = fields.Integer(load_default=0, validate=validate.Range(0, LAST_SEQ))
    limit = fields.Integer(load_default=browse.DEFAULT, validate=validate.Range(1, browse.MOST))


class Posting(Schema):
    """What to add; the kind checks its payload."""

    kind = fields.String(required=True, validate=validate.Length(max=40))
    payload = fields.Dict(load_default=dict)
    personal = fields.String(load_default="hide")
    personal_reason = fields.String(load_default="")


@blueprint.route("/<ref>/events", methods=["GET"], parameters=[REF], tags=["Events"])
@shared
@admits("ticket")
@blueprint.arguments(Reading, location="query")
@needs(optional=True)
@gives(200, "Events", "What came after, oldest first.")
@fails(401, 404, 422)
def since(wanted: dict[str, int], ref: str) -> Response:
    """Read events

    Those after a seq that this reader may see. `more` says whether to ask again, after `last`.
    """
    one, audience = browse.find(ref, reader())
    return shown(browse.news(one, after=wanted["after"], audience=audience, limit=wanted["limit"]), audience=audience)


@blueprint.route("/<ref>/events", methods=["POST"], parameters=[REF], tags=["Events"])
@admits("ticket")
@blueprint.arguments(Posting)
@takes("PostEvent", KEY, MATCH, **event_examples())
@needs(optional=True)
@gives(201, "Events", "Recorded, with what the system recorded beside it.", Location="Where to read on from here")
@fails(401, 403, 404, 409, 413, 415, 422)
def post(body: dict[str, Any], ref: str) -> Response:
    """Post an event

    The one way to change a ticket: update, reply, hand off, resolve … Each kind says who may post it and when.
    Personal data in public words is masked for readers, and `hidden` in the answer names what was found; with
    `personal: ask` nothing is written and the error lists it, with `show` and a reason everyone may read it.
    """
    who = viewer.current()
    limits.hit("writes", viewer.spender())
    _same, personal = wish(body)
    ticket, event = tickets.post(
        ref, body["kind"], body["payload"], by=who, version=version(), once=once(who, body), personal=personal
    )
    answer = shown(browse.receipt(ticket, event, who), status=201)
    answer.headers["Location"] = url_for("events_api.since", ref=ref, after=event.seq - 1)
    return answer
