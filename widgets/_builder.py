"""Put this on your site: customers make badges of their ticket, leads walls of their desk, and take them back."""

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import badges, browse, desks, disclosure, embeds, forms, limits, links, permissions, sightings, viewer
from tracker.errors import Invalid
from tracker.models import Desk, Embed, Ticket
from tracker.models.embeds import WALL
from tracker.viewer import admits, current
from widgets import _found, _svg, badge_svg, card

blueprint = Blueprint("embeds", __name__)
Page = tuple[str, int, dict[str, str]]
Owner = Ticket | Desk
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""As every page's, with frames of our own: the previews."""
HEADERS = {"Cache-Control": "private, no-store", "Content-Security-Policy": POLICY}
NEW = "new"
COLOURS = ("labelColor", "color")
NO_COLOUR = "Write it as # and three or six of 0-9 and a-f, such as #0b5c96."


@blueprint.get("/t/<ref>/embeds")
@admits("ticket")
def builder(ref: str) -> Page:
    """The ticket's badges as they look, with their snippets, and a form for another one."""
    return _builder(_ticket(ref), forms.Form(), 200)


@blueprint.post("/t/<ref>/embeds")
@admits("ticket")
def create(ref: str) -> Answer | Page:
    """Make another badge."""
    return _create(_ticket(ref))


@blueprint.post("/t/<ref>/embeds/<eid>")
@admits("ticket")
def change(ref: str, eid: str) -> Answer | Page:
    """Change a badge's look and sites, or take it back."""
    return _change(_ticket(ref), eid)


@blueprint.get("/workspace/desk/<slug>/embeds")
@admits("run_desk")
def walls(slug: str) -> Page:
    """The desk's walls."""
    return _builder(_desk(slug), forms.Form(), 200)


@blueprint.post("/workspace/desk/<slug>/embeds")
@admits("run_desk")
def create_wall(slug: str) -> Answer | Page:
    """Put up another wall."""
    return _create(_desk(slug))


@blueprint.post("/workspace/desk/<slug>/embeds/<eid>")
@admits("run_desk")
def change_wall(slug: str, eid: str) -> Answer | Page:
    """Change a wall's look and sites, or take it back."""
    return _change(_desk(slug), eid)


@blueprint.get("/t/<ref>/embeds/wall")
@admits("ticket")
def try_wall(ref: str) -> Page:
    """A wall of the tickets that are picked, as it would look."""
    owner = _ticket(ref)
    picked = [ref for ref in request.args.getlist("picks") if ref] or [owner.ref]
    found = [one for one in _pickable(owner) if one.ref in picked]
    return _tried(Embed(variant=WALL, title=_title()), found[: badges.ON_A_WALL], len(found) > badges.ON_A_WALL)


@blueprint.get("/workspace/desk/<slug>/embeds/wall")
@admits("run_desk")
def try_desk_wall(slug: str) -> Page:
    """A wall of the desk's public tickets, as it would look."""
    desk = _desk(slug)
    embed = Embed(variant=WALL, title=_title(), desk=desk, desk_id=desk.id)
    return _tried(embed, *badges.tickets(embed))


def _title() -> str:
    return badge_svg.one_line(request.args.get("title", ""))


def _tried(embed: Embed, tickets: list[Ticket], more: bool) -> Page:
    return card.wall(embed, tickets, more), 200, HEADERS | {"Content-Security-Policy": card.POLICY.format("'self'")}


def _create(owner: Owner) -> Answer | Page:
    limits.hit("writes", viewer.network())
    try:
        embed = embeds.create(owner, by=current(), **_given())
    except Invalid as error:
        return _builder(owner, forms.Form(NEW, _typed(), error.fields), error.status)
    return redirect(f"{_address(owner)}#embed-{embed.eid}", 303)


def _change(owner: Owner, eid: str) -> Answer | Page:
    limits.hit("writes", viewer.network())
    embeds.require_of(owner, eid)
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
        pickable=[{"ref": one.ref, "subject": one.subject} for one in _pickable(owner)],
        form=form,
        variants=embeds.VARIANTS,
        themes=embeds.THEMES,
        heights=card.HEIGHTS,
    )
    return html, status, HEADERS


def _shown(one: Embed) -> dict[str, Any]:
    drawn = _drawn(one)
    picture = {name: value for name, value in _picture(drawn.typed).items() if value}
    query = urlencode(picture)
    codes = [(each, _pictured(each.snippet(one), query)) for each in _found.modules()]
    return disclosure.embed(one) | {
        "path": links.embed(one.eid),
        "page": badges.page(one),
        "heading": badges.title(one) if one.is_wall else "",
        "snippets": [{"name": each.NAME, "about": each.ABOUT, "code": code} for each, code in codes],
        "drawn": drawn,
        "query": query,
    }


def _drawn(one: Embed) -> forms.Form:
    """Return what this page is asked to have the picture of an embed look like, and which colours we can't read."""
    asked = request.args if request.args.get("picture") == one.eid else {}
    typed = {name: asked[name].strip() for name in ("label", "style", *COLOURS) if name in asked}
    wrong = [name for name in COLOURS if typed.get(name) and not _svg.colour(typed[name])]
    return forms.Form("picture", typed, dict.fromkeys(wrong, NO_COLOUR), f"{one.eid}-picture-")


def _picture(typed: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a picture, "" for those that say nothing we know."""
    style = typed.get("style", "")
    return {
        "label": badge_svg.one_line(typed.get("label", "")),
        "style": style if style in badge_svg.STYLES else "",
        **{name: (_svg.colour(typed.get(name)) or "").lstrip("#") for name in COLOURS},
    }


def _pictured(code: str, query: str) -> str:
    """Return a snippet whose picture, where it has one, is asked for with these parameters."""
    asked = f"?{escape(query)}" if code.startswith("<") else f"?{query}"
    return code.replace("/badge.svg", f"/badge.svg{asked}") if query else code


def _pickable(owner: Owner) -> list[Ticket]:
    return embeds.pickable(owner, by=current()) if isinstance(owner, Ticket) else []


def _address(owner: Owner) -> str:
    if isinstance(owner, Ticket):
        return links.embeds(owner.ref)
    return url_for("embeds.walls", slug=owner.slug)


def _ticket(ref: str) -> Ticket:
    ticket, _ = browse.find(ref, current())
    permissions.require(current(), "embed", ticket)
    return ticket


def _desk(slug: str) -> Desk:
    desk = desks.find(slug)
    permissions.require(current(), "run_desk", desk)
    return desk
