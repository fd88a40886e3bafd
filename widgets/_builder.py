"""Put this on your site: customers make badges of their ticket, leads walls of their desk, and take them back."""

from collections.abc import Collection, Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import badges, disclosure, embeds, forms, limits, links, sightings, viewer
from tracker.errors import Invalid
from tracker.models import Desk, Embed, Ticket
from tracker.viewer import admits, current
from widgets import _found, _owned, _svg, badge_svg, card, live_badge
from widgets._owned import Owner

blueprint = Blueprint("embeds", __name__)
Page = tuple[str, int, dict[str, str]]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""As every page's, with frames of our own: the previews."""
HEADERS = {"Cache-Control": "private, no-store", "Content-Security-Policy": POLICY}
NEW = "new"
COLOURS = ("labelColor", "color")
NO_COLOUR = "Write it as # and three or six of 0-9 and a-f, such as #0b5c96."
SCRIPTED = ("size", "lang")
LINES = ("label", "style", *COLOURS, *SCRIPTED)
"""What lines to copy can be asked for: parameters of the picture, and attributes of the live badge."""
PREVIEW = "preview"
"""What the button says that shows what was chosen without keeping it, where no script does."""
TRIED = ("variant", "title", "label", "style", *COLOURS)
"""Fields that a preview depends on, beside the tickets picked and its theme."""


@blueprint.get("/t/<ref>/embeds")
@admits("ticket")
def builder(ref: str) -> Page:
    """The ticket's badges as they look, with their snippets, and a form for another one."""
    return _builder(_owned.ticket(ref), forms.Form(), 200)


@blueprint.post("/t/<ref>/embeds")
@admits("ticket")
def create(ref: str) -> Answer | Page:
    """Make another badge."""
    return _create(_owned.ticket(ref))


@blueprint.post("/t/<ref>/embeds/<eid>")
@admits("ticket")
def change(ref: str, eid: str) -> Answer | Page:
    """Change a badge's look and sites, or take it back."""
    return _change(_owned.ticket(ref), eid)


@blueprint.get("/workspace/desk/<slug>/embeds")
@admits("run_desk")
def walls(slug: str) -> Page:
    """The desk's walls."""
    return _builder(_owned.desk(slug), forms.Form(), 200)


@blueprint.post("/workspace/desk/<slug>/embeds")
@admits("run_desk")
def create_wall(slug: str) -> Answer | Page:
    """Put up another wall."""
    return _create(_owned.desk(slug))


@blueprint.post("/workspace/desk/<slug>/embeds/<eid>")
@admits("run_desk")
def change_wall(slug: str, eid: str) -> Answer | Page:
    """Change a wall's look and sites, or take it back."""
    return _change(_owned.desk(slug), eid)


def _create(owner: Owner) -> Answer | Page:
    if request.form.get("do") == PREVIEW:
        return _builder(owner, forms.Form(NEW, _typed()), 200)
    limits.hit("writes", viewer.network())
    try:
        embed = embeds.create(owner, by=current(), **_given())
    except Invalid as error:
        return _builder(owner, forms.Form(NEW, _typed(), error.fields), error.status)
    lines = {name: request.form[name] for name in LINES if request.form.get(name)}
    query = f"?{urlencode({'picture': embed.eid} | lines)}" if lines else ""
    return redirect(f"{_address(owner)}{query}#embed-{embed.eid}", 303)


def _change(owner: Owner, eid: str) -> Answer | Page:
    embeds.require_of(owner, eid)
    if request.form.get("do") == PREVIEW:
        return _builder(owner, forms.Form(eid, _typed(), {}, f"{eid}-"), 200)
    limits.hit("writes", viewer.network())
    try:
        if request.form.get("do") == "revoke":
            embeds.revoke(eid, by=current())
            return redirect(_address(owner), 303)
        embeds.change(eid, by=current(), **_given())
    except Invalid as error:
        return _builder(owner, forms.Form(eid, _typed(), error.fields, f"{eid}-"), error.status)
    return redirect(f"{_address(owner)}#embed-{eid}", 303)


def _given() -> dict[str, Any]:
    """Return what the form says of an embed; what it did not ask stays."""
    asked = request.form
    given: dict[str, Any] = {name: asked[name] for name in ("variant", "theme", "title") if name in asked}
    if "sites" in asked:
        given["sites"] = asked["sites"].replace(",", "\n").splitlines()[:100]
    if "picks" in asked:
        given["picks"] = [ref for ref in asked.getlist("picks") if ref][:100]
    return given


def _typed() -> dict[str, str]:
    return {**request.form.to_dict(), "picks": " ".join(request.form.getlist("picks"))}


def _builder(owner: Owner, form: forms.Form, status: int) -> Page:
    live = [one for one in embeds.kept(owner) if not one.revoked_at]
    seen = sightings.of(live)
    html = render_template(
        "embeds.html",
        ticket=disclosure.ticket(owner, "customer") if isinstance(owner, Ticket) else None,
        desk_shown=disclosure.desk(owner) if isinstance(owner, Desk) else None,
        here=_address(owner),
        embeds=[_shown(one) | {"seen": seen[one.eid]} for one in live],
        styles=badge_svg.STYLES,
        pickable=[{"ref": one.ref, "subject": one.subject} for one in _owned.pickable(owner)],
        form=form,
        variants=embeds.VARIANTS,
        themes=embeds.THEMES,
        heights=card.HEIGHTS,
        languages=live_badge.LANGUAGES,
        script=live_badge.address(),
        tried=_tried,
    )
    return html, status, HEADERS


def _shown(one: Embed) -> dict[str, Any]:
    written = _written(one)
    lines = _lines(written.typed)
    query = urlencode({name: value for name, value in lines.items() if name not in SCRIPTED})
    codes = [(each, each.snippet(one)) for each in _found.modules() if each is not live_badge]
    script = live_badge.snippet(one, **{name: lines[name] for name in SCRIPTED if name in lines})
    snippets = [(live_badge, script), *((each, _pictured(code, query)) for each, code in codes)]
    return disclosure.embed(one) | {
        "path": links.embed(one.eid),
        "page": badges.page(one),
        "heading": badges.title(one) if one.is_wall else "",
        "snippets": [{"name": each.NAME, "about": each.ABOUT, "code": code} for each, code in snippets],
        "written": written,
        "lines": lines,
        "query": query,
    }


def _written(one: Embed) -> forms.Form:
    """Return what this page is asked to have the lines of an embed look like, and which colours we can't read."""
    asked = request.args if request.args.get("picture") == one.eid else {}
    typed = {name: asked[name].strip() for name in LINES if name in asked}
    wrong = [name for name in COLOURS if typed.get(name) and not _svg.colour(typed[name])]
    return forms.Form("lines", typed, dict.fromkeys(wrong, NO_COLOUR), f"{one.eid}-lines-")


def _lines(typed: Mapping[str, str]) -> dict[str, str]:
    """Return those of LINES that say something we know."""
    known: dict[str, Collection[str]] = {
        "style": badge_svg.STYLES,
        "size": live_badge.SIZES,
        "lang": live_badge.LANGUAGES,
    }
    found = {name: typed[name] for name, values in known.items() if typed.get(name) in values}
    found["label"] = badge_svg.one_line(typed.get("label", ""))
    found |= {name: (_svg.colour(typed.get(name)) or "").lstrip("#") for name in COLOURS}
    return {name: found[name] for name in LINES if found.get(name)}


def _pictured(code: str, query: str) -> str:
    """Return a snippet whose picture, where it has one, is asked for with these parameters."""
    asked = f"?{escape(query)}" if code.startswith("<") else f"?{query}"
    return code.replace("/badge.svg", f"/badge.svg{asked}") if query else code


def _tried(typed: Mapping[str, str], theme: str) -> str:
    """Return the query by which a form's choices are shown before they are kept."""
    picks = [("picks", ref) for ref in typed.get("picks", "").split()]
    return urlencode([("theme", theme), *((name, typed[name]) for name in TRIED if typed.get(name)), *picks])


def _address(owner: Owner) -> str:
    if isinstance(owner, Ticket):
        return links.embeds(owner.ref)
    return url_for("embeds.walls", slug=owner.slug)
