"""An entry or a head as HTML or plain words, for page, push, card and mail alike; needs no request."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from tracker import clock, disclosure, richtext, settings, store, timeline
from tracker.models import Event, Ticket

Shown = disclosure.Shown


def entry_html(entry: Shown, audience: str, zone: str = "") -> str:
    """Return one entry of a timeline as the `<li>` that page, push and card share, worded for who reads it."""
    macros: Any = environment().get_template("tickets/entry.html").module
    return str(macros.line(entry, audience, zone))


def head_html(shown: Shown) -> str:
    """Return the head of a ticket as the one root element that pages swap."""
    return environment().get_template("tickets/head.html").render(ticket=shown).strip()


def entries(ticket: Ticket, events: Sequence[Event], audience: str, *, html: bool) -> list[Shown]:
    """Return events as JSON-ready objects (CONTRACTS: Event); with `html`, each carries its rendering.

    An event that amends an earlier one brings that one's new rendering in `replaces: {seq, html}`; when it hides it,
    after it those that tell of the hidden words too.
    """
    amended = timeline.amended(ticket, events)
    around = {one.seq: one for those in amended.values() for one in those}
    anew = {one["seq"]: one for one in disclosure.entries(ticket, list(around.values()), audience)}
    answer, zone = [], (ticket.zone if audience == "customer" else "") or ticket.desk.zone
    for event, entry in zip(
        [event for event in events if disclosure.may_see(event, audience)],
        disclosure.entries(ticket, events, audience),
        strict=True,
    ):
        one: Shown = disclosure.plain(entry)
        if html:
            one["html"] = entry_html(entry, audience, zone)
        if told := [anew[each.seq] for each in amended.get(event.target_seq or 0, ()) if each.seq in anew]:
            anew_html = "".join(entry_html(each, audience, zone) for each in told)
            one["replaces"] = {"seq": event.target_seq, "html": anew_html}
        answer.append(one)
    return answer


def words(entry: Shown) -> str:
    """Return an entry as one paragraph of plain words, for mails and screen readers."""
    said = richtext.plain(entry["body_html"])
    return f"{entry['sentence']} {said}".strip()


def render(template: str, **facts: Any) -> str:
    """Render a template that needs no request, such as a mail."""
    return environment().get_template(template).render(**facts)


def filters() -> dict[str, Any]:
    """Return the Jinja filters and globals that templates share between pages and pushes."""
    return {
        "iso": disclosure.plain,
        "ago": lambda at: clock.relative(at, store.now()),
        "due": _due,
        "plain": richtext.plain,
        "excerpt": richtext.excerpt,
    }


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return our own Jinja environment: autoescaping, strict, no request in it."""
    found = Environment(
        loader=FileSystemLoader(settings.TEMPLATES),
        autoescape=select_autoescape(("html", "xml", "svg")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(filters())
    return found


def _due(at: datetime, zone: str = "", *, named: bool = False) -> str:
    """Say when something is due on the clock of `zone`, by its name if need be; without one in UTC, and say so."""
    said = clock.due_text(at, store.now(), zone or "UTC")
    return f"{said} {clock.zone_name(at, zone or 'UTC')}" if named or not zone else said
