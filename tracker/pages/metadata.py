"""What a ticket's page tells programs that read it: search engines, and those who draw a preview of a link."""

from tracker import disclosure, links, richtext, store
from tracker.disclosure import Shown
from tracker.models import Ticket

SITE = "Nameplate"
SCHEMA = "https://schema.org"
LONGEST = 200
ACTION = {"resolved": "Completed", "closed": "Completed", "declined": "Failed"}
"""schema.org's ActionStatusType of what has ended; everything else is being worked on."""
STANDING = {"waiting": "waiting for the customer, {}", "resolved": "solved in {}", "declined": "declined after {}"}
STANDING |= {"closed": STANDING["resolved"]}


def of(ticket: Ticket) -> Shown | None:
    """Return {url, title, description, …_at, site, action, oembed, image}: public facts; None for a private one."""
    if ticket.visibility == "private":
        return None
    shown = disclosure.row(ticket, now=store.now())
    return {
        "url": links.absolute(shown["url"]),
        "title": ticket.subject,
        "description": _description(shown),
        "published_at": ticket.opened_at,
        "modified_at": ticket.last_public_at,
        "site": SITE,
        "image": links.absolute(links.picture(ticket.ref, ticket.last_public_seq)),
        "oembed": links.oembed(shown["url"]),
        "action": disclosure.plain(_action(shown)),
    }


def _description(shown: Shown) -> str:
    stands = STANDING.get(shown["status"], "open for {}").format(shown["elapsed"])
    return f"{shown['assignee']['name']} has this: {stands}. {_said(shown)}".strip()


def _said(shown: Shown) -> str:
    """Return the latest words, with the name of who said them where that is not who has it."""
    latest = shown["latest"]
    if not latest:
        return ""
    said, by = richtext.excerpt(latest["html"], LONGEST), disclosure.another(shown)
    return f"{by['name']}: {said}" if by else said


def _action(shown: Shown) -> Shown:
    """Return schema.org's Action (https://schema.org/Action)."""
    url, agent = links.absolute(shown["url"]), shown["assignee"]
    told = {
        "@context": SCHEMA,
        "@type": "Action",
        "@id": url,
        "name": shown["subject"],
        "url": url,
        "actionStatus": f"{SCHEMA}/{ACTION.get(shown['status'], 'Active')}ActionStatus",
        "agent": {"@type": "Person", "name": agent["name"], "url": links.absolute(agent["url"])},
        "provider": {"@type": "Organization", "name": shown["desk"]["name"]},
        "object": {"@type": "Thing", "name": shown["subject"], "url": url},
        "startTime": shown["opened_at"],
    }
    return told | {"endTime": shown["ended_at"]} if shown["ended_at"] else told
