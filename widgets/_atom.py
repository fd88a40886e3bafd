"""Atom feeds (RFC 4287) of a ticket, a person and a desk: one entry per public event, newest first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response

from tracker import browse, desks, links, people, present, settings
from tracker.disclosure import Shown
from tracker.permissions import ANYONE
from tracker.viewer import admits
from widgets._answers import IMAGE_LASTS, cached, sayable

blueprint = Blueprint("atom", __name__)
KIND = "application/atom+xml; charset=utf-8"
TAGGED = "2026"
"""The year in every tag: URI (RFC 4151). Change it and readers take all entries for new ones."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
Words = Sequence[tuple[Shown, Shown]]
"""Pairs of a ticket's row and an entry, as browse gives them."""


@blueprint.get("/t/<ref>/feed.atom")
@admits("anyone")
def ticket(ref: str) -> Response:
    """What everybody with the address may read of a ticket; not found when that is nothing."""
    one, _audience = browse.find(ref, ANYONE)
    words = browse.newest_words(one)
    return _feed(one.subject, links.ticket(one.ref), one.assignee.name, words, names_ticket=False)


@blueprint.get("/people/<slug>/feed.atom")
@admits("anyone")
def person(slug: str) -> Response:
    """What a person said on public tickets, whoever has these now."""
    one = people.find(slug)
    return _feed(one.name, links.person(one.slug), one.name, browse.words_of(one))


@blueprint.get("/desks/<slug>/feed.atom")
@admits("anyone")
def desk(slug: str) -> Response:
    """What a desk's people said on its public tickets."""
    one = desks.find(slug)
    return _feed(one.name, links.desk(one.slug), one.name, browse.public_words(one))


def _feed(title: str, page: str, author: str, words: Words, *, names_ticket: bool = True) -> Response:
    entries = [_entry(row, entry, names_ticket=names_ticket) for row, entry in words]
    xml = present.render(
        "widgets/feed.xml",
        id=_tag(page),
        title=title,
        author=author,
        updated=max((one["updated"] for one in entries), default=NEVER),
        page_url=links.absolute(page),
        self_url=links.absolute(links.feed(page)),
        entries=entries,
    )
    return cached(sayable(xml), KIND, IMAGE_LASTS)


def _entry(row: Shown, entry: Shown, *, names_ticket: bool) -> dict[str, Any]:
    amended = [one["at"] for one in (entry["correction"], entry["redaction"]) if one]
    actor = entry["actor"]
    return {
        "id": _tag(f"{row['url']}/{entry['seq']}"),
        "title": f"{row['subject']}: {entry['sentence']}" if names_ticket else entry["sentence"],
        "url": f"{links.absolute(row['url'])}#e{entry['seq']}",
        "published": entry["at"],
        "updated": max([entry["recorded_at"], *amended]),
        "author": {"name": actor["name"], "url": links.absolute(actor["url"]) if actor["url"] else None},
        "html": present.render("widgets/feed_entry.html", entry=entry, files=_files(entry)),
    }


def _files(entry: Shown) -> list[dict[str, str]]:
    return [{"url": links.absolute(one["url"]), "words": one["alt"] or one["name"]} for one in entry.get("files", ())]


def _tag(path: str) -> str:
    host = urlsplit(settings.current().origin).hostname or "localhost"
    return f"tag:{host},{TAGGED}:{path.lstrip('/')}"
