"""Put this on your site: the customer makes badges of their ticket, restricts them to sites, takes them back."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from tracker import browse, disclosure, embeds, links, permissions
from tracker.errors import Invalid, NotFound
from tracker.models import Embed, Ticket
from tracker.pages import forms
from tracker.viewer import admits, current

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
    _require_of(ticket, eid)
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
            "snippets": snippets(one),
        }
        for one in embeds.of_ticket(ticket)
    ]
    view = disclosure.ticket(ticket, "customer")
    page = render_template("embeds.html", ticket=view, embeds=shown, form=form, themes=embeds.THEMES)
    return page, status, {"Cache-Control": "private, no-store"}


def snippets(embed: Embed) -> list[dict[str, str]]:
    """Return what a customer copies: script, picture, Markdown, link for endpoint badges."""
    page = links.absolute(links.ticket(embed.ticket.ref)) if embed.ticket else links.absolute("/")
    picture = links.absolute(links.embed(embed.eid, "badge.svg"))
    script = links.absolute("/embed.js")
    who = "Who has my ticket, and since when"
    return [
        {
            "name": "Live badge",
            "about": "For pages that may run scripts. Changes by itself.",
            "code": f'<a class="ticket-badge" href="{page}" data-embed="{embed.eid}">{who}</a>\n'
            f'<script async src="{script}"></script>',
        },
        {
            "name": "Picture",
            "about": "For pages without scripts. New on every load, at most a minute old.",
            "code": f'<a href="{page}"><img src="{picture}" alt="{who}" height="20"></a>',
        },
        {
            "name": "Markdown",
            "about": "For READMEs and forums.",
            "code": f"[![{who}]({picture})]({page})",
        },
    ]


def _ticket(ref: str) -> Ticket:
    ticket, _ = browse.find(ref, current())
    permissions.require(current(), "embed", ticket)
    return ticket


def _require_of(ticket: Ticket, eid: str) -> None:
    found = embeds.get(eid)
    if found is None or found.ticket_id != ticket.id:
        raise NotFound()


def _sites() -> list[str]:
    return request.form.get("sites", "").replace(",", "\n").splitlines()[:100]
