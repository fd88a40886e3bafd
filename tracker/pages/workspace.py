"""Where agents and leads begin: the queue of whom they owe a word, a desk's queue, filing for somebody else."""

from typing import Any

from flask import Blueprint, flash, get_flashed_messages, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import (
    browse,
    desks,
    disclosure,
    forms,
    limits,
    links,
    lookup,
    people,
    permissions,
    reports,
    speech,
    tickets,
    viewer,
)
from tracker.errors import Forbidden, Invalid
from tracker.kinds.opened import SOURCES
from tracker.models import Desk, Person
from tracker.pages import presses, uploads
from tracker.pages.following import wanted_language
from tracker.viewer import admits, current

blueprint = Blueprint("workspace", __name__, url_prefix="/workspace")
Page = tuple[str, int, dict[str, str]]
PRIVATE = {"Cache-Control": "private, no-store"}
ON_BEHALF = tuple(source for source in SOURCES if source not in ("web", "import"))


@blueprint.get("/")
@admits("work")
def queue() -> Page:
    """Whom you owe a word, and by when."""
    mine = browse.queue(person())
    tour = [] if mine else _tour(person())
    return _queue(mine, tour=tour)


@blueprint.get("/desks/<slug>")
@admits("run_desk")
def desk_queue(slug: str) -> Page:
    """All open tickets of a desk, for those who run it."""
    one = run(slug)
    return _queue(browse.desk_queue(one), desk_shown=disclosure.desk(one))


@blueprint.get("/find")
@admits("work")
def find() -> Page:
    """The tickets at whose desk one may stand, ended ones too, narrowed by what is known of them."""
    wanted, cursor = request.args.get("q", "").strip()[: lookup.LONGEST], request.args.get("cursor")
    hits, after = lookup.found(wanted, by=current(), cursor=cursor)
    older = url_for(".find", q=wanted, cursor=after) if after else None
    return show("workspace/find.html", wanted=wanted, hits=hits, older_url=older, later=bool(cursor))


@blueprint.post("/pass")
@admits("work")
def give_pass() -> dict[str, str]:
    """A signed pass of five minutes, so that a socket may hear when this queue changes."""
    slug = request.args.get("desk")
    return viewer.give_pass(queue=f"desk-{run(slug).slug}" if slug else str(person().id))


@blueprint.get("/new")
@admits("file")
def new() -> Page:
    """The form for somebody who called, wrote or came in."""
    own = person().desk
    return _new(forms.Form("new", {"desk": own.slug, "language": wanted_language(), "zone": own.zone}))


@blueprint.post("/new")
@admits("file")
def file() -> Answer | Page:
    """Open the ticket for them; what was typed comes back when it can't be taken."""
    limits.hit("writes", viewer.network())
    typed = uploads.typed()
    given: dict[str, Any] = {name: typed[name] for name in tickets.Opening().fields if typed.get(name, "").strip()}
    if "received_at" in given:
        given["received_at"] = forms.moment(given["received_at"], person().desk.zone)
    try:
        given["files"] = uploads.wanted(typed)
        ticket, _secret = tickets.open(
            given, by=current(), once=presses.once(current()), personal=forms.wish(request.form)
        )
    except Invalid as error:
        return _new(forms.Form("new", typed, error.fields or {"": error.message}), error.status)
    flash(f"{ticket.assignee.name}, {ticket.desk.name}, has it. The customer gets a mail with the way to it.", "good")
    if permissions.may(current(), "see_as_staff", ticket):
        return redirect(links.workspace_ticket(ticket.ref), 303)
    return redirect(url_for("workspace.queue"), 303)


def person() -> Person:
    """Return who is signed in; raise Forbidden for a token, which has no workspace."""
    who = current()
    if who.person is None or who.scopes is not None:
        raise Forbidden("The workspace is for people who are signed in; a token uses the API.")
    return who.person


def run(slug: str) -> Desk:
    """Return a desk that this viewer runs; raise NotFound, Unauthorized or Forbidden."""
    desk = desks.find(slug)
    permissions.require(current(), "run_desk", desk)
    return desk


def decides_on() -> Desk | None:
    """Return the desk whose reports this viewer decides on; None: those of all desks. Raises Forbidden."""
    if permissions.may(current(), "administer"):
        return None
    permissions.require(current(), "run_desk", person().desk)
    return person().desk


def urgent(rows: list[disclosure.Shown]) -> int:
    """Count those who wait for a word now: new, overdue, with a reply unanswered, or offered."""
    return sum(row["is_urgent"] for row in rows)


def show(template: str, status: int = 200, **context: Any) -> Page:
    """Render a page of the workspace: never kept by caches, with what was flashed."""
    me, runs = person(), permissions.may(current(), "run_desk", person().desk)
    said: Any = get_flashed_messages(with_categories=True)
    frame: dict[str, Any] = {
        "notices": [{"text": words, "tone": tone} for tone, words in said],
        "on_duty": me.on_duty,
        "desk": disclosure.desk(me.desk),
        "runs": runs,
        "reported": reports.count(decides_on()) if runs else 0,
    }
    return render_template(template, **(frame | context)), status, dict(PRIVATE)


def _queue(rows: list[disclosure.Shown], *, desk_shown: disclosure.Shown | None = None, tour: Any = ()) -> Page:
    shown = {"queue": rows, "most": browse.MOST, "urgent": urgent(rows), "desk_shown": desk_shown, "tour": tour}
    return show("workspace/queue.html", **shown)


def _tour(me: Person) -> list[dict[str, Any]]:
    """Return the steps of a first day; nothing once all that can be seen to be done is."""
    about, duty = "/workspace/profile", "/workspace/profile#duty"
    steps = [
        (bool(me.face_digest), "Show your face", "People write to somebody, not to a desk.", about, "Upload a picture"),
        (bool(me.line), "Say a line about yourself", "What you look after, and how.", about, "Write it"),
        (me.backup_id is not None, "Choose who stands in", "They get what falls due meanwhile.", about, "Choose"),
        (me.on_duty, "Come on duty", "New tickets then come to you, here, by themselves.", duty, "Come on duty"),
    ]
    if permissions.may(current(), "run_desk", me.desk):
        steps = _lead_tour(me.desk) + steps
    if all(done for done, *_ in steps):
        return []
    how = "A word, a key for when the next one comes, Ctrl and Enter. Press ? for every key."
    steps.append((False, "Answer your first ticket", how, "", ""))
    return [dict(zip(("done", "words", "more", "url", "action"), step, strict=True)) for step in steps]


def _lead_tour(one: Desk) -> list[tuple[bool, str, str, str, str]]:
    """Return what comes first for who runs a desk: what it promises, and who keeps it."""
    here = url_for("desk_settings.page", slug=one.slug)
    soon = "Its hours, and how soon a first word comes: both are promised with every new ticket."
    who = "They get a mail with a link. Until then every ticket here comes to you."
    return [
        (bool(one.about), "Say what your desk looks after", soon, f"{here}#settings", "Set up the desk"),
        (len(people.of_desk(one)) > 1, "Invite who answers with you", who, f"{here}#people", "Invite somebody"),
    ]


def _new(filled: forms.Form, status: int = 200) -> Page:
    choices = [(one.slug, one.name) for one in desks.everyone()]
    spoken, zones = list(speech.NAMES.items()), [(zone, zone) for zone in desks.zones()]
    choices_of = {"desks": choices, "sources": ON_BEHALF, "languages": spoken, "zones": zones}
    return show("workspace/new.html", status, form=filled, once=presses.mark(), zone=person().desk.zone, **choices_of)


def back_to(endpoint: str, words: str, **place: Any) -> Answer:
    """Say what was done on the page that follows."""
    flash(words, "good")
    return redirect(url_for(endpoint, **place), 303)
