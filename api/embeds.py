"""The badges of a ticket, kept by its customer."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from api.answers import reader, shown
from api.spec import PREFIX, REF, fails, gives, needs
from api.strict import Blueprint
from tracker import browse, disclosure, embeds, limits, viewer
from tracker.models import Ticket
from tracker.viewer import admits

blueprint = Blueprint("embeds_api", __name__, url_prefix=f"{PREFIX}/tickets/<ref>/embeds", description="Badges")
EMBED = {"name": "embed", "in": "path", "required": True, "description": "Its id", "schema": {"type": "string"}}


class NewEmbed(Schema):
    """How it looks, and where it may stand."""

    variant = fields.String(load_default="badge", validate=validate.OneOf(embeds.VARIANTS))
    theme = fields.String(load_default="auto", validate=validate.OneOf(embeds.THEMES))
    sites = fields.List(fields.String(validate=validate.Length(max=300)), load_default=list)
    title = fields.String(load_default="", validate=validate.Length(max=embeds.LONGEST_TITLE))
    picks = fields.List(fields.String(validate=validate.Length(max=12)), load_default=list)


class ChangedEmbed(Schema):
    """What changes; the rest stays."""

    variant = fields.String(validate=validate.OneOf(embeds.VARIANTS))
    theme = fields.String(validate=validate.OneOf(embeds.THEMES))
    sites = fields.List(fields.String(validate=validate.Length(max=300)))
    title = fields.String(validate=validate.Length(max=embeds.LONGEST_TITLE))
    picks = fields.List(fields.String(validate=validate.Length(max=12)))


@blueprint.route("", methods=["GET"], parameters=[REF], tags=["Badges"])
@admits("ticket")
@needs()
@gives(200, "Embeds", "Badges, newest first, then those taken back, the last two hundred in all.")
@fails(401, 403, 404)
def all_of(ref: str) -> Response:
    """List badges"""
    return shown({"items": [disclosure.embed(one) for one in embeds.kept(_own(ref))], "next": None})


@blueprint.route("", methods=["POST"], parameters=[REF], tags=["Badges"])
@admits("ticket")
@blueprint.arguments(NewEmbed)
@needs()
@gives(201, "Embed", "Made.")
@fails(401, 403, 404, 413, 415, 422)
def create(body: dict[str, Any], ref: str) -> Response:
    """Make a badge"""
    limits.hit("writes", viewer.spender())
    return shown(disclosure.embed(embeds.create(_own(ref), by=viewer.current(), **body)), status=201)


@blueprint.route("/<embed>", methods=["PATCH"], parameters=[REF, EMBED], tags=["Badges"])
@admits("ticket")
@blueprint.arguments(ChangedEmbed)
@needs()
@gives(200, "Embed", "Changed, wherever it stands.")
@fails(401, 403, 404, 413, 415, 422)
def change(body: dict[str, Any], ref: str, embed: str) -> Response:
    """Change a badge"""
    limits.hit("writes", viewer.spender())
    embeds.require_of(_own(ref), embed)
    return shown(disclosure.embed(embeds.change(embed, by=viewer.current(), **body)))


@blueprint.route("/<embed>", methods=["DELETE"], parameters=[REF, EMBED], tags=["Badges"])
@admits("ticket")
@needs()
@gives(200, "Embed", "Taken back: it turns grey wherever it stands.")
@fails(401, 403, 404)
def revoke(ref: str, embed: str) -> Response:
    """Take a badge back"""
    limits.hit("writes", viewer.spender())
    embeds.require_of(_own(ref), embed)
    return shown(disclosure.embed(embeds.revoke(embed, by=viewer.current())))


def _own(ref: str) -> Ticket:
    return browse.find_for("embed", ref, reader())
