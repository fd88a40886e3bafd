"""The first page, desks and people: lists of public tickets, all plain links and GET forms."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request, url_for

from tracker import browse, desks, disclosure, links, listing, people, store
from tracker.listing import Filter
from tracker.models import STATUSES, Desk, Person
from tracker.pages import figures
from tracker.viewer import admits, current

blueprint = Blueprint("lists", __name__)
PAGE = 20
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@blueprint.get("/")
@admits("anyone")
def home() -> str:
    """What this is, the search, the newest public words, the public tickets."""
    desk_slug, person_slug = request.args.get("desk", ""), request.args.get("person", "")
    status = request.args.get("status", "")
    wanted = Filter(
        q=request.args.get("q", "")[:140],
        desk=desks.find(desk_slug) if desk_slug else None,
        person=people.find(person_slug) if person_slug else None,
        status=status if status in STATUSES else "",
    )
    narrowed = wanted != Filter()
    return render_template(
        "home.html",
        filters={"q": wanted.q, "desk": desk_slug, "person": person_slug, "status": wanted.status},
        desks=[disclosure.desk(one) for one in desks.everyone()],
        people=[disclosure.person_ref(one) for one in people.everyone()],
        words=[] if narrowed else browse.latest_words(),
        mine=[] if narrowed else [one | {"audience": "customer"} for one in browse.tickets_of(current())],
        **tickets(wanted, "lists.home"),
    )


@blueprint.get("/desks/<slug>")
@admits("anyone")
def desk(slug: str) -> str:
    """A desk's public page."""
    one = desks.find(slug)
    return render_template(
        "desk.html",
        desk=disclosure.desk(one)
        | {"line": one.about, "hours": opening_words(one), "zone": one.zone}
        | {"open_now": desks.is_open(one, store.now()), "first_word_at": desks.first_answer_due(one, store.now())},
        people=[disclosure.person(person) for person in people.of_desk(one)],
        told=figures.shown(one),
        feed_url=links.feed(links.desk(one.slug)),
        **tickets(Filter(desk=one), "lists.desk", slug=slug),
    )


@blueprint.get("/people/<slug>")
@admits("anyone")
def person(slug: str) -> str:
    """The public page of somebody who answers."""
    one: Person = people.find(slug)
    return render_template(
        "person.html",
        person=disclosure.person(one),
        told=figures.shown(one),
        feed_url=links.feed(links.person(one.slug)),
        **tickets(Filter(person=one), "lists.person", slug=slug),
    )


def tickets(wanted: Filter, endpoint: str, **place: str) -> dict[str, Any]:
    """Return one keyset page of public tickets, the link to the older ones, and how many it had to look through.

    That is said where it is why the page is short.
    """
    rows, cursor = listing.public_tickets(wanted, cursor=request.args.get("before") or None, limit=PAGE)
    kept = {name: request.args[name] for name in ("q", "desk", "person", "status") if request.args.get(name)}
    older = f"{url_for(endpoint, **place)}?{urlencode(kept | {'before': cursor})}" if cursor else None  # type: ignore[arg-type]
    looked_at = listing.LOOKED_AT if cursor and len(rows) < PAGE else None
    return {"tickets": rows, "older_url": older, "looked_at": looked_at}


def opening_words(one: Desk) -> list[tuple[str, str]]:
    """Return a desk's opening hours as rows of a table."""
    return [
        (day, ", ".join(f"{opens}–{closes}" for opens, closes in one.opening.get(str(number), ())) or "closed")
        for number, day in enumerate(DAYS)
    ]
