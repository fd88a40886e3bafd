"""Where those who run a desk set its face, hours and limits, and say who works there."""

from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import desks, disclosure, forms, people, staff
from tracker.errors import Conflict, Invalid, NotFound
from tracker.models import Desk, Person
from tracker.pages.lists import DAYS
from tracker.pages.workspace import Page, back_to, person, run, show
from tracker.pages.workspace_profile import off_duty_words
from tracker.viewer import admits, current

blueprint = Blueprint("desk_settings", __name__, url_prefix="/workspace/desk")
HERE = "desk_settings.page"
SAID = ("name", "about", "hue", "zone", "holidays", "closed_on", "first_answer_h", "handoff_h")


@blueprint.get("")
@admits("work")
def mine() -> Answer:
    """The settings of your own desk."""
    return redirect(url_for(HERE, slug=person().desk.slug), 303)


@blueprint.get("/<slug>")
@admits("run_desk")
def page(slug: str) -> Page:
    """A desk's settings and people."""
    return _page(run(slug), forms.Form(), 200)


@blueprint.get("/<slug>/<path:part>")
@admits("run_desk")
def part_of(slug: str, part: str) -> Answer:
    """Where a form that came back was sent: the page, for those who reload."""
    return redirect(url_for(HERE, slug=run(slug).slug), 303)


@blueprint.post("/<slug>")
@admits("run_desk")
def change(slug: str) -> Answer | Page:
    """Change face, hours and limits."""
    desk, typed = run(slug), request.form.to_dict()
    given = {name: typed[name] for name in SAID if typed.get(name, "").strip()}
    try:
        desks.change(desk, given, forms.opening(typed), by=current())
    except Invalid as error:
        return _page(desk, forms.Form("desk", typed, error.fields or {"": error.message}), error.status)
    return back_to(HERE, "Kept. New promises follow it.", slug=slug)


@blueprint.post("/<slug>/people")
@admits("run_desk")
def take_in(slug: str) -> Answer | Page:
    """Add somebody and mail them an invitation."""
    desk, typed = run(slug), request.form.to_dict()
    given = {name: typed.get(name, "") for name in ("name", "email", "role")}
    try:
        one = staff.take_in(desk, **given, by=current())
    except Invalid as error:
        return _page(desk, forms.Form("invite", typed, error.fields), error.status)
    except Conflict as error:
        return _page(desk, forms.Form("invite", typed, {"email": error.message}), error.status)
    return back_to(HERE, f"An invitation to {one.name} is on its way. It works for 3 days.", slug=slug)


@blueprint.post("/<slug>/people/<who>/invite")
@admits("run_desk")
def invite_again(slug: str, who: str) -> Answer:
    """Mail the invitation once more."""
    one = _colleague(run(slug), who)
    staff.invite(one, by=current())
    return back_to(HERE, f"Another invitation to {one.name} is on its way.", slug=slug)


@blueprint.post("/<slug>/people/<who>/duty")
@admits("run_desk")
def duty(slug: str, who: str) -> Answer | Page:
    """Put somebody on duty, or take them off it."""
    desk = run(slug)
    one = _colleague(desk, who)
    if request.form.get("duty") == "on":
        staff.come_on_duty(one, by=current())
        return back_to(HERE, f"{one.name} is on duty.", slug=slug)
    try:
        moved = staff.go_off_duty(one, until=staff.next_day(one), by=current())
    except (Conflict, Invalid) as error:
        return _page(desk, forms.Form("people", {}, {"": error.message}), error.status)
    return back_to(HERE, f"{one.name}: {off_duty_words(len(moved))}", slug=slug)


@blueprint.post("/<slug>/people/<who>/leave")
@admits("run_desk")
def leave(slug: str, who: str) -> Answer | Page:
    """Let somebody go; their tickets move on."""
    desk = run(slug)
    one = _colleague(desk, who)
    try:
        moved = staff.deactivate(one, by=current())
    except Conflict as error:
        return _page(desk, forms.Form("people", {}, {"": error.message}), error.status)
    passed = f" {len(moved)} {'ticket' if len(moved) == 1 else 'tickets'} moved on." if moved else ""
    return back_to(HERE, f"{one.name} no longer works here.{passed}", slug=slug)


def _colleague(desk: Desk, slug: str) -> Person:
    found = people.find(slug)
    if found.desk_id != desk.id or not found.active:
        raise NotFound()
    return found


def _page(desk: Desk, form: forms.Form, status: int) -> Page:
    kept = {name: str(getattr(desk, name)) for name in ("name", "about", "hue", "zone", "holidays")}
    kept |= {"closed_on": "\n".join(desk.closed_on), **forms.typed_opening(desk.opening)}
    kept |= {"first_answer_h": f"{desk.first_answer_minutes / 60:g}", "handoff_h": f"{desk.handoff_minutes / 60:g}"}
    load = people.open_tickets(people.of_desk(desk))
    return show(
        "workspace/desk.html",
        status,
        desk_shown=disclosure.desk(desk),
        kept=kept,
        staff=[_shown(one, load.get(one.id, 0)) for one in people.of_desk(desk)],
        days=DAYS,
        hues=range(people.HUES),
        zones=desks.zones(),
        form=form,
    )


def _shown(one: Person, load: int) -> dict[str, Any]:
    return disclosure.person(one) | {
        "email": one.email,
        "invited": not one.password_hash,
        "back_at": one.on_duty_next_at,
        "open": load,
        "is_me": one.id == person().id,
    }
