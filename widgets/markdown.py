"""The picture as Markdown, for READMEs and forums."""

from flask import Blueprint

from tracker import badges, links
from tracker.models import Embed

blueprint = Blueprint("markdown", __name__)
NAME = "Markdown"
ABOUT = "For READMEs and forums that take Markdown."
PLACE = 3


def snippet(embed: Embed) -> str:
    """Return one line of Markdown."""
    page = links.absolute(badges.page(embed))
    return f"[![{badges.words(embed)}]({links.absolute(links.embed(embed.eid, 'badge.svg'))})]({page})"
