"""Who is asking, what is waiting for them, and the tokens they keep."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from api.answers import reader, shown
from api.spec import PREFIX, fails, gives, needs
from api.strict import Blueprint
from tracker import browse, disclosure, limits, people, viewer
from tracker.kinds._fields import words
from tracker.viewer import admits

blueprint = Blueprint("mine_api", __name__, url_prefix=PREFIX, description="Who is asking")
TOKEN = {
    "name": "token",
    "in": "path",
    "required": True,
    "description": "Its public name",
    "schema": {"type": "string"},
}


class TokenWish(Schema):
    """What it is called, and what it may do. A token never may more than the person it belongs to."""

    name = words(80, multiline=False)
    scopes = fields.List(
        fields.String(validate=validate.OneOf(people.SCOPES)), required=True, validate=validate.Length(1, 10)
    )


@blueprint.route("/me", methods=["GET"], tags=["Mine"])
@admits("anyone")
@needs(optional=True)
@gives(200, "Me", "You.")
@fails(401)
def me() -> Response:
    """Who am I

    The person, the scopes of the token, the tickets one is the customer of.
    """
    who = reader()
    return shown(
        {
            "person": disclosure.person(who.person) if who.person else None,
            "scopes": None if who.scopes is None else sorted(who.scopes),
            "tickets": browse.tickets_of(who),
        }
    )


@blueprint.route("/queue", methods=["GET"], tags=["Mine"])
@admits("work")
@needs()
@gives(200, "Queue", "Open tickets, by who is owed a word next.")
@fails(401, 403)
def queue() -> Response:
    """Read my queue

    Overdue ones first, then by due time; offers to you among them; those without a promise last.
    """
    return shown({"items": browse.queue(viewer.person()), "next": None})


@blueprint.route("/tokens", methods=["GET"], tags=["Mine"])
@admits("keep_profile")
@needs("cookie")
@gives(200, "Tokens", "Your live tokens, oldest first.")
@fails(401, 403)
def tokens() -> Response:
    """List my tokens

    For signed-in people only: no token has to do with tokens.
    """
    return shown({"items": [disclosure.token(one) for one in people.api_tokens(viewer.person())], "next": None})


@blueprint.route("/tokens", methods=["POST"], tags=["Mine"])
@admits("keep_profile")
@blueprint.arguments(TokenWish)
@needs("cookie")
@gives(201, "NewToken", "Made. Its secret is shown this once.")
@fails(401, 403, 413, 415, 422)
def make_token(body: dict[str, Any]) -> Response:
    """Make a token

    For signed-in people only: a token must not make another.
    """
    limits.hit("writes", viewer.spender())
    token, secret = people.mint_api_token(viewer.person(), name=body["name"], scopes=body["scopes"])
    return shown(disclosure.token(token) | {"secret": secret}, status=201)


@blueprint.route("/tokens/<token>", methods=["DELETE"], parameters=[TOKEN], tags=["Mine"])
@admits("keep_profile")
@needs("cookie")
@gives(200, "Token", "Taken back: it opens nothing any more.")
@fails(401, 403, 404)
def revoke_token(token: str) -> Response:
    """Take a token back"""
    limits.hit("writes", viewer.spender())
    found = people.own_api_token(viewer.person(), token)
    people.revoke_api_token(found)
    return shown(disclosure.token(found))
