"""Put this on your site: the customer makes badges of their ticket, restricts them to sites, takes them back."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import browse, disclosure, embeds, forms, limits, permissions, viewer
from tracker.errors import Invalid
from tracker.models import Embed, Ticket
from tracker.viewer import admits, current
from widgets import _found

blueprint = Blueprint("embeds", __name__)
Page = tuple[str, int, dict[str, str]]


@blueprint.get("/t/<ref>/embeds")
@admits("ticket")
def builder(ref: str) -> Page:
    """The ticket's badges with their snippets, and a form for another one."""
    return _builder(_ticket(ref), forms.Form(), 200)


@blueprint.post("/t/<ref>/embeds")
@admits("ticket")
def create(ref: str) -> Answer | Page:
    """Make another badge."""
    ticket = _ticket(ref)
    limits.hit("writes", viewer.network())
    try:
        embed = embeds.create(ticket, by=current(), theme=request.form.get("theme", ""), sites=_sites())
    except Invalid as error:
        return _builder(ticket, forms.Form("new", dict(request.form), error.fields), error.status)
    return redirect(url_for("embeds.builder", ref=ref) + f"#embed-{embed.eid}", 303)


@blueprint.post("/t/<ref>/embeds/<eid>")
@admits("ticket")
def change(ref: str, eid: str) -> Answer | Page:
    """Change a badge's look and sites, or take it back."""
    ticket = _ticket(ref)
    embeds.require_of(ticket, eid)
    try:
        if request.form.get("do") == "revoke":
            embeds.revoke(eid, by=current())
        else:
            embeds.change(eid, by=current(), theme=request.form.get("theme", ""), sites=_sites())
    except Invalid as error:
        return _builder(ticket, forms.Form(eid, dict(request.form), error.fields), error.status)
    return redirect(url_for("embeds.builder", ref=ref) + f"#embed-{eid}", 303)


def _builder(ticket: Ticket, form: forms.Form, status: int) -> Page:
    shown = [
        {
            "eid": one.eid,
            "theme": one.theme,
            "sites": one.sites,
            "created_at": one.created_at,
            "revoked_at": one.revoked_at,
            "snippets": _snippets(one),
        }
        for one in embeds.of_ticket(ticket)
    ]
    view = disclosure.ticket(ticket, "customer")
    page = render_template("embeds.html", ticket=view, embeds=shown, form=form, themes=embeds.THEMES)
    return page, status, {"Cache-Control": "private, no-store"}


def _snippets(embed: Embed) -> list[dict[str, str]]:
    return [{"name": one.NAME, "about": one.ABOUT, "code": one.snippet(embed)} for one in _found.modules()]


def _ticket(ref: str) -> Ticket:
    ticket, _ = browse.find(ref, current())
    permissions.require(current(), "embed", ticket)
    return ticket


def _sites() -> list[str]:
    return request.form.get("sites", "").replace(",", "\n").splitlines()[:100]
