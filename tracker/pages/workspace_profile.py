"""What those who answer say about themselves: profile, face, duty, hours, password, tokens."""

from typing import Any

from flask import Blueprint, redirect, request, session, url_for
from werkzeug.wrappers import Response as Answer

from tracker import disclosure, files, forms, limits, people, profiles, staff, viewer
from tracker.errors import Conflict, Invalid
from tracker.models import Person
from tracker.pages.lists import DAYS
from tracker.pages.workspace import Page, back_to, person, show
from tracker.viewer import admits, current

blueprint = Blueprint("workspace_profile", __name__, url_prefix="/workspace/profile")
HERE = "workspace_profile.page"
SAID = ("name", "line", "languages", "backup", "shows_writing")


@blueprint.get("")
@admits("keep_profile")
def page() -> Page:
    """Your profile."""
    return _page(forms.Form(), 200)


@blueprint.get("/<path:part>")
@admits("keep_profile")
def part_of(part: str) -> Answer:
    """Where a form that came back was sent: the page, for those who reload."""
    return redirect(url_for(HERE), 303)


@blueprint.post("")
@admits("keep_profile")
def change() -> Answer | Page:
    """Change name, line, languages and backup."""
    typed = {name: request.form.get(name, "") for name in SAID}
    try:
        profiles.change(person(), {name: text for name, text in typed.items() if text.strip()}, by=current())
    except Invalid as error:
        return _page(forms.Form("profile", typed, error.fields), error.status)
    return back_to(HERE, "Kept.")


@blueprint.post("/face")
@admits("keep_profile")
def set_face() -> Answer | Page:
    """Show an uploaded picture instead of initials."""
    upload = request.files.get("face")
    raw = upload.stream.read(files.LARGEST_UPLOAD + 1) if upload else b""
    try:
        profiles.set_face(person(), raw, upload.mimetype if upload else "", by=current())
    except Invalid as error:
        return _page(forms.Form("face", {}, error.fields), error.status)
    return back_to(HERE, "That is your face now.")


@blueprint.post("/face/remove")
@admits("keep_profile")
def drop_face() -> Answer:
    """Show initials again."""
    profiles.drop_face(person(), by=current())
    return back_to(HERE, "Your initials are shown again.")


@blueprint.post("/duty")
@admits("keep_profile")
def duty() -> Answer | Page:
    """Come on duty, or go off it."""
    me, until = person(), request.form.get("until", "")
    if request.form.get("duty") == "on":
        staff.come_on_duty(me, by=current())
        return back_to(HERE, "You are on duty: new tickets may come to you.")
    try:
        moved = staff.go_off_duty(me, until=forms.at(until, me.desk.zone, field="until"), by=current())
    except (Invalid, Conflict) as error:
        return _page(forms.Form("duty", {"until": until}, error.fields or {"": error.message}), error.status)
    return back_to(HERE, off_duty_words(len(moved)))


@blueprint.post("/hours")
@admits("keep_profile")
def set_hours() -> Answer | Page:
    """Keep hours of your own, or the desk's."""
    try:
        own = request.form.get("whose") == "own"
        profiles.set_hours(person(), forms.opening(request.form) if own else None, by=current())
    except Invalid as error:
        return _page(forms.Form("hours", request.form.to_dict(), error.fields), error.status)
    return back_to(HERE, "Your hours are kept.")


@blueprint.post("/password")
@admits("keep_profile")
def change_password() -> Answer | Page:
    """Replace your password; you stay signed in here, and nowhere else."""
    limits.hit("signins", viewer.network())
    me = person()
    try:
        profiles.change_password(me, request.form.get("old", ""), request.form.get("password", ""), by=current())
    except Invalid as error:
        return _page(forms.Form("password", {}, error.fields), error.status)
    viewer.sign_in(me)
    return back_to(HERE, "Your new password holds. Every other browser was signed out.")


@blueprint.post("/tokens")
@admits("keep_profile")
def make_token() -> Answer | Page:
    """Make a token; its secret is shown once."""
    name, scopes = request.form.get("name", ""), request.form.getlist("scopes")
    try:
        secret = profiles.make_token(person(), name, scopes, by=current())
    except Invalid as error:
        return _page(forms.Form("tokens", {"name": name}, error.fields), error.status)
    session["token_shown_once"] = secret
    return redirect(url_for(HERE) + "#tokens", 303)


@blueprint.post("/tokens/<token_id>/revoke")
@admits("keep_profile")
def revoke_token(token_id: str) -> Answer:
    """Make a token open nothing any more."""
    profiles.revoke_token(person(), token_id, by=current())
    return back_to(HERE, "The token opens nothing any more.")


def off_duty_words(moved: int) -> str:
    """Say what going off duty did."""
    if not moved:
        return "Off duty. New tickets go to others."
    return f"Off duty. {moved} {'ticket' if moved == 1 else 'tickets'} with a word due meanwhile went to who is there."


def _page(form: forms.Form, status: int) -> Page:
    me = person()
    said = {"name": me.name, "line": me.line, "languages": ", ".join(me.languages)}
    said |= {"backup": me.backup.slug if me.backup else "", "shows_writing": "true" if me.shows_writing else ""}
    kept = {"whose": "desk" if me.hours is None else "own"}
    kept |= forms.typed_opening(me.desk.opening if me.hours is None else me.hours)
    back_at = staff.next_day(me)
    prefilled = {"profile": said, "hours": kept, "duty": {"until": forms.local(back_at, me.desk.zone)}}
    return show(
        "workspace/profile.html",
        status,
        person=disclosure.person(me),
        back_at=me.on_duty_next_at,
        zone=me.desk.zone,
        others=_others(me),
        tokens=[_token(one) for one in people.api_tokens(me)],
        scopes=people.SCOPES,
        secret=session.pop("token_shown_once", None),
        days=DAYS,
        form=form,
        prefilled=prefilled,
    )


def _others(me: Person) -> list[tuple[str, str]]:
    found = sorted(people.everyone(), key=lambda one: (one.desk_id != me.desk_id, one.desk.name, one.name))
    return [(one.slug, f"{one.name}, {one.desk.name}") for one in found if one.id != me.id]


def _token(one: Any) -> dict[str, Any]:
    return {
        "id": one.public_id,
        "name": one.name,
        "scopes": one.scopes,
        "created_at": one.created_at,
        "last_used_at": one.last_used_at,
    }
