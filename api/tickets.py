"""Tickets: open one, read the public ones, read one with its promises and handoffs."""

from typing import Any

from flask import Response, url_for
from marshmallow import Schema, fields, validate

from api.answers import reader, shared, shown
from api.spec import KEY, PREFIX, REF, fails, gives, needs, takes
from api.strict import Anything, Blueprint, once, wish
from tracker import browse, desks, disclosure, limits, listing, people, tickets, viewer
from tracker.kinds._fields import words
from tracker.models import STATUSES
from tracker.viewer import admits

blueprint = Blueprint("tickets_api", __name__, url_prefix=f"{PREFIX}/tickets", description="Tickets")
EXAMPLE = {
    "subject": "No running water on the third floor",
    "text": "Nothing comes out of the tap since Friday evening.",
    "name": "M. Adler",
    "email": "m.adler@example.org",
    "visibility": "public",
    "desk": "buildings",
}


class Wanted(Schema):
    """What a list is narrowed to, and which page of it."""

    q = words(140, low=0, multiline=False)
    desk = words(80, low=0, multiline=False)
    person = words(80, low=0, multiline=False)
    status = fields.String(load_default="", validate=validate.OneOf(("", *STATUSES)))
    cursor = words(200, low=0, multiline=False)
    limit = fields.Integer(load_default=browse.DEFAULT, validate=validate.Range(1, browse.MOST))


@blueprint.route("", methods=["POST"], tags=["Tickets"])
@admits("open")
@blueprint.arguments(Anything)
@takes("Opening", KEY, opening=EXAMPLE)
@needs(optional=True)
@gives(201, "Opened", "Opened; somebody has it.", Location="Where to read it")
@fails(401, 403, 404, 409, 413, 415, 422)
def open_ticket(body: dict[str, Any]) -> Response:
    """Open a ticket

    Anybody may, for themselves: the answer brings their secret, once. Staff file on behalf of somebody, with the
    true `source` and `received_at`, and with `consent` when it may be public; the secret then stays the customer's.
    Personal data is masked for readers; `hidden` in the answer names what was, `personal` may decide otherwise.
    """
    who = viewer.current()
    limits.hit("writes", viewer.spender())
    if who.person is None:
        limits.hit("opens", viewer.network())
    opening, personal = wish(body)
    ticket, secret = tickets.open(opening, by=who, once=once(who, body), personal=personal)
    answer = shown(disclosure.receipt(ticket, secret), status=201)
    answer.headers["Location"] = url_for("tickets_api.ticket", ref=ticket.ref)
    return answer


@blueprint.route("", methods=["GET"], tags=["Tickets"])
@shared
@admits("anyone")
@blueprint.arguments(Wanted, location="query")
@gives(200, "Tickets", "A page of public tickets.")
@fails(404, 422)
def public(wanted: dict[str, Any]) -> Response:
    """List public tickets

    Newest public word first. Unlisted and private tickets are in no list.
    """
    reader()
    narrowed = listing.Filter(
        q=wanted["q"],
        desk=desks.find(wanted["desk"]) if wanted["desk"] else None,
        person=people.find(wanted["person"]) if wanted["person"] else None,
        status=wanted["status"],
    )
    rows, following = listing.public_tickets(narrowed, cursor=wanted["cursor"] or None, limit=wanted["limit"])
    return shown({"items": rows, "next": following}, audience="public")


@blueprint.route("/<ref>", methods=["GET"], parameters=[REF], tags=["Tickets"])
@shared
@admits("ticket")
@needs(optional=True)
@gives(200, "Ticket", "The head of the ticket.")
@fails(401, 404)
def ticket(ref: str) -> Response:
    """Read a ticket

    Who has it, where it stands, how long it takes, when the next word comes. Customers and staff see more.
    """
    one, audience = browse.find(ref, reader())
    return shown(disclosure.ticket(one, audience), audience=audience)


@blueprint.route("/<ref>/promises", methods=["GET"], parameters=[REF], tags=["Tickets"])
@shared
@admits("ticket")
@needs(optional=True)
@gives(200, "Promises", "All promises, oldest first.")
@fails(401, 404)
def promises(ref: str) -> Response:
    """List a ticket's promises

    Made by posting updates; kept and missed ones are recorded by the system.
    """
    one, audience = browse.find(ref, reader())
    return shown({"items": browse.promises(one), "next": None}, audience=audience)


@blueprint.route("/<ref>/handoffs", methods=["GET"], parameters=[REF], tags=["Tickets"])
@shared
@admits("ticket")
@needs(optional=True)
@gives(200, "Handoffs", "All handoffs, oldest first.")
@fails(401, 404)
def handoffs(ref: str) -> Response:
    """List a ticket's handoffs

    Offered, accepted and declined by posting events. Staff see the briefings.
    """
    one, audience = browse.find(ref, reader())
    return shown({"items": browse.handoffs(one, audience), "next": None}, audience=audience)
