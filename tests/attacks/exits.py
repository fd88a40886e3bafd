"""Every way out by GET, taken from the map of addresses: a new one is visited too, or says here why it is not."""

from collections.abc import Iterator
from itertools import product

from flask import current_app
from sqlalchemy import select

from tests import make
from tests.houses import Visitor
from tracker import attachments, embeds, hooks, links, people, store, tickets
from tracker.models import Desk, File, Subscription, Ticket
from tracker.permissions import SYSTEM

ADDRESS = "203.0.113.77"
NOT_VISITED = {
    "/static/<path:filename>": "files of ours, alike for everyone",
    "/embed/<version>/<name>.js": "scripts of ours, alike for everyone",
    "/faces/<digest>.webp": "pictures that staff show everyone",
    "/dev/mailbox": "mails, in development alone: what they say is listened for where they arrive",
}
MOVES_ON = {
    "/follow/<token>/leave",
    "/t/<ref>/opened",
    "/workspace/desk",
    "/workspace/desk/<slug>/<path:part>",
    "/workspace/profile/<path:part>",
    "/workspace/t/<ref>/draft",
    "/workspace/t/<ref>/preview",
    "/workspace/t/<ref>/say/<kind>",
}
"""They answer nobody but by leading elsewhere."""
QUERIES = {
    "/": ("", "?q={subject}", "?desk={desk}", "?person={person}"),
    "/api/v1/tickets": ("", "?q={subject}"),
    "/api/v1/tickets/<ref>/events": ("?limit=200",),
    "/oembed": tuple(
        f"?url=http://localhost/{page}&format={form}" for page in ("t/{ref}", "e/{eid}") for form in ("json", "xml")
    ),
    "/t/<ref>": ("", "?after=0", "?after=abc"),
    "/t/<ref>/entries": ("?after=0",),
    "/answer/<secret>": ("?solved=yes",),
}
TOKENS = (links.follow_token, links.digest_token)


def rules() -> list[str]:
    """Return what can be asked for by GET, as the map spells it."""
    found = {rule.rule for rule in current_app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return sorted(found - NOT_VISITED.keys())


def ways_out(ticket: Ticket) -> list[tuple[str, str]]:
    """Return (rule, address) of every exit that a ticket, its people, embeds, files and links can leave by."""
    shown = [_embed(ticket, variant) for variant in ("badge", "card", "wall")]
    facts = {"ref": ticket.ref, "desk": ticket.desk.slug, "person": ticket.assignee.slug, "subject": ticket.subject}
    facts["eid"] = shown[0]
    return [
        (rule, address + query.format(**facts))
        for rule in rules()
        for address, query in product(_named(rule, ticket, shown), QUERIES.get(rule, ("",)))
    ]


def heard(browser: Visitor, address: str) -> str:
    """Return all that an exit says, its headers too."""
    answer = browser.get(address, buffered=True, environ_base={"REMOTE_ADDR": ADDRESS})
    return f"{answer.headers}\n{answer.get_data().decode(errors='replace')}"


def _named(rule: str, ticket: Ticket, shown: list[str]) -> Iterator[str]:
    """Give the addresses of one rule: one for each embed, file or link there is."""
    if rule.startswith("/f/"):
        files = store.session().scalars(select(File).where(File.ticket_id == ticket.id))
        yield from (attachments.address(one, "public", f"{one.kind}.txt") for one in files)
        return
    if "<token>" in rule:
        followers = (Subscription.ticket_id == ticket.id, Subscription.role == "public")
        sids = store.session().scalars(select(Subscription.sid).where(*followers))
        yield from (rule.replace("<token>", made(sid)) for sid in sids for made in TOKENS)
        return
    for eid in shown if "<eid>" in rule else shown[:1]:
        yield _filled(rule, ticket, eid)


def _filled(rule: str, ticket: Ticket, eid: str) -> str:
    named = {"<ref>": ticket.ref, "<eid>": eid, "<kind>": "note", "<path:part>": "part", "<purpose>": "confirm"}
    named["<form>"] = "frame"
    named["<slug>"] = ticket.assignee.slug if "/people/" in rule else ticket.desk.slug
    if "<sid>" in rule:
        named["<sid>"] = _hook(ticket.desk if "/desks/" in rule else ticket)
    if "<secret>" in rule:
        named["<secret>"] = _secret(rule, ticket)
    for name, value in named.items():
        rule = rule.replace(name, value)
    assert "<" not in rule, f"say what stands for the names in {rule}"
    return rule


def _secret(rule: str, ticket: Ticket) -> str:
    if rule.startswith("/k/"):
        return tickets.give_key(ticket)
    return people.mint_link("feedback" if rule.startswith("/answer/") else "confirm", ticket_id=ticket.id)


def _hook(on: Ticket | Desk) -> str:
    """Return a place that hears of it, made when there is none."""
    by = make.customer(on) if isinstance(on, Ticket) else SYSTEM
    there = [one for one in hooks.of(on, by=by) if one.ended_at is None]
    return (there[0] if there else hooks.create(on, "webhook", "https://programs.example/", by=by)[0]).sid


def _embed(ticket: Ticket, variant: str) -> str:
    return embeds.create(ticket, by=make.customer(ticket), theme="auto", sites=[], variant=variant).eid
