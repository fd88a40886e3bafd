"""What answers look like, as JSON Schema: the twin of what disclosure shows, compared by the tests."""

from typing import Any

from api import catalogue
from tracker import following, hooks, people, tickets
from tracker.kinds import KINDS
from tracker.kinds.opened import FEELINGS
from tracker.models import STATUSES

Shape = dict[str, Any]
VISIBILITIES = ("private", "unlisted", "public")


def ref(name: str) -> Shape:
    return {"$ref": f"#/components/schemas/{name}"}


def text(about: str = "", **more: Any) -> Shape:
    return {"type": "string", **({"description": about} if about else {}), **more}


def number(about: str = "") -> Shape:
    return {"type": "integer", **({"description": about} if about else {})}


def listed(of: Shape) -> Shape:
    return {"type": "array", "items": of}


def or_null(shape: Shape) -> Shape:
    return shape | {"type": [shape["type"], "null"]} if "type" in shape else {"anyOf": [shape, {"type": "null"}]}


def thing(about: str, properties: Shape, optional: Shape | None = None) -> Shape:
    """An object: `properties` are always there, `optional` ones only for some readers."""
    return {
        "type": "object",
        "description": about,
        "properties": properties | (optional or {}),
        "required": list(properties),
    }


def page_of(name: str, about: str) -> Shape:
    cursor = or_null(text("Cursor of the next page; null on the last."))
    return thing(about, {"items": listed(ref(name)), "next": cursor})


FLAG: Shape = {"type": "boolean"}
AT = text(format="date-time")
PEOPLE: dict[str, Shape] = {
    "Face": thing(
        "Initials on a colour, and the picture when there is one.",
        {"initials": text(), "hue": number("0 to 11"), "url": or_null(text("Path of a picture that never changes"))},
    ),
    "PersonRef": thing(
        "Somebody who answers.",
        {"name": text(), "slug": text(), "url": text("Path of their page"), "face": ref("Face")},
    ),
    "DeskRef": thing(
        "A team.", {"name": text(), "slug": text(), "url": text(), "hue": number("0 to 11"), "about": text()}
    ),
}
PEOPLE["Person"] = thing(
    "Somebody who answers, as everyone may know them.",
    PEOPLE["PersonRef"]["properties"]
    | {"line": text(), "languages": listed(text()), "on_duty": FLAG, "active": FLAG, "desk": ref("DeskRef")}
    | {"role": text(enum=list(people.ROLES))},
)
PEOPLE["PersonPage"] = thing(
    "A person, and what became of their promises.",
    PEOPLE["Person"]["properties"]
    | {"promises": or_null(ref("PromisesKept")), "written_for_the_case": or_null(ref("Written"))},
)
PEOPLE["Written"] = thing(
    "How much of the public words of the last twelve months was written for the case; null below five of them.",
    {"counted": number("How many words there were"), "percent": number()},
)
PEOPLE["PromisesKept"] = thing(
    "Promises of the last months, by what became of them; null below five of them.",
    {name: number() for name in ("kept", "missed", "moved", "months")},
)
PEOPLE["DeskPage"] = thing(
    "A desk with its hours.",
    PEOPLE["DeskRef"]["properties"]
    | {
        "zone": text("IANA time zone of its hours"),
        "opening": {"type": "object", "description": "Weekday 0 (Monday) to 6: spans"},
    }
    | {"holidays": text("Country, or country-subdivision"), "closed_on": listed(text(format="date"))}
    | {"open_now": FLAG, "first_word_at": AT | {"description": "When a word is due for what is opened now"}}
    | {"people": listed(ref("PersonRef")), "written_for_the_case": or_null(ref("Written"))},
)
STANDING = thing(
    "The promise that stands.", {"due_at": AT, "state": text(enum=["standing", "missed"]), "check_in": FLAG}
)
LATEST = thing("The assignee's newest public words.", {"at": AT, "html": text(), "by": or_null(ref("PersonRef"))})
ROW: Shape = {
    "ref": text("The ticket's public id"),
    "url": text("Path of its page"),
    "subject": text(),
    "status": text(enum=list(STATUSES)),
    "visibility": text(enum=list(VISIBILITIES)),
    "desk": ref("DeskRef"),
    "assignee": ref("PersonRef"),
    "opened_at": AT,
    "ended_at": or_null(AT),
    "elapsed_s": number("From opening to the end, or until now"),
    "elapsed": text("The same in words"),
    "elapsed_short": text(),
    "promise": or_null(ref("Standing")),
    "overdue": FLAG,
    "passed_on": number("Handoffs and reassignments together"),
    "waiting_too": number("Readers who said that they wait for it too"),
    "latest": or_null(ref("Latest")),
}
FEELING: Shape = {
    "impact": text(),
    "feeling": text(enum=list(FEELINGS)),
    "urgency_on": or_null(text(format="date")),
}
TWO_SIDES: Shape = {
    "contact": thing("How to reach the customer.", {"name": text(), "email": text(), "phone": text()}),
    "email_confirmed": FLAG,
    "wanted_visibility": or_null(text("Asked for; waits until the address is confirmed", enum=[*VISIBILITIES, None])),
    "name_shown": text(enum=["own", "pseudonym", "none"]),
    "pseudonym": text(),
    "shares_feelings": FLAG,
    "customer_zone": text("IANA time zone"),
    "source": text(),
}
TICKETS: dict[str, Shape] = {
    "Standing": STANDING,
    "Latest": LATEST,
    "TicketRow": thing("One line of a list.", ROW),
    "Ticket": thing(
        "The head of a ticket, as its reader may see it.",
        ROW
        | {
            "assignee": ref("Person"),
            "assigned_at": AT,
            "customer": thing(
                "Who asked; the name is empty when it is not shown.", {"name": text(), "face": ref("Face")}
            ),
            "promise": or_null(
                thing(
                    "The promise that stands, and the share of its span that has passed.",
                    STANDING["properties"] | {"made_at": AT, "part": number("Percent")},
                )
            ),
            "waiting_us_s": number("Of the elapsed time: waiting for the desk"),
            "waiting_us": text(),
            "waiting_customer_s": number("Of the elapsed time: waiting for the customer"),
            "waiting_customer": text(),
            "business_us_s": number("Waiting for the desk, in its hours only"),
            "business_us": text(),
            "zone": text("IANA time zone of the desk"),
            "last": number("seq of the newest event this reader may see"),
            "epoch": text("Changes when history was replaced: start afresh"),
            "audience": text("Who this reader is to the ticket", enum=["public", "customer", "staff"]),
            "imported": FLAG,
        },
        TWO_SIDES | FEELING | {"version": number("For If-Match; staff only")},
    ),
    "Opened": thing(
        "Who has it and when they answer. `secret` comes once, to the customer alone.",
        {name: ROW[name] for name in ("ref", "url", "subject", "status", "visibility", "desk", "assignee", "opened_at")}
        | {
            "promise": ROW["promise"],
            "hidden": listed(text("Personal data that readers will not see, such as: phone number")),
            "secret": or_null(text("Bearer secret of this ticket's customer. Null on a replay, and for staff.")),
            "secret_url": or_null(text("The same as a link for a browser")),
        },
    ),
    "Queued": thing(
        "A ticket in an agent's queue.",
        ROW
        | {"customer_name": text(), "feeling": FEELING["feeling"], "urgency_on": FEELING["urgency_on"]}
        | {"offered_by": or_null(ref("PersonRef")), "replied_at": or_null(AT), "status_since": AT}
        | {
            "asked": text("What the customer said last, when no word has followed: how it begins"),
            "is_help": FLAG,
            "is_new": FLAG,
            "is_waiting": FLAG,
            "is_urgent": FLAG,
            "work_url": text("Path of its desk in the workspace"),
        },
    ),
    "Promise": thing(
        "A promise and what became of it.",
        {"person": ref("PersonRef"), "made_at": AT, "due_at": AT, "check_in": FLAG}
        | {"state": text(enum=["standing", "kept", "missed", "moved", "dropped"]), "settled_at": or_null(AT)},
    ),
    "Handoff": thing(
        "A handoff and its answer.",
        {"from": ref("PersonRef"), "to": ref("PersonRef"), "reason": text()}
        | {"state": text(enum=["offered", "accepted", "declined", "overtaken"])}
        | {"offered_at": AT, "expires_at": AT, "answered_at": or_null(AT)},
        {"briefing_html": text("Staff only")},
    ),
    "Embed": thing(
        "A badge of a ticket, or a wall of the tickets its customer picked.",
        {"embed": text(), "variant": text(), "theme": text(), "sites": listed(text("Origins; none: anywhere"))}
        | {"title": text("What stands above a wall"), "picks": listed(text("Refs of the tickets on a wall"))}
        | {"created_at": AT, "revoked_at": or_null(AT), "svg_url": text(), "json_url": text()},
    ),
}
EVENT: Shape = {
    "ref": text(),
    "seq": number("1, 2, 3 … within the ticket"),
    "prev": number("seq of the event before that this reader may see"),
    "kind": text(),
    "at": AT | {"description": "When it happened"},
    "recorded_at": AT,
    "actor": ref("Actor"),
    "audience": text(enum=["public", "customer", "staff"]),
    "sentence": text("What happened, in plain words"),
    "body_html": text("What was written: safe HTML"),
    "correction": or_null(ref("Correction")),
    "redaction": or_null(ref("Amendment")),
    "hidden": listed(text("Personal data that readers do not see, such as: phone number")),
    "shown_because": text("Why its author lets everyone read personal data in it; empty when they do not"),
    "replaces": thing("How the target reads now.", {"seq": number(), "html": text()}),
}
AMENDMENT: Shape = {"seq": number(), "at": AT, "by": text(), "reason": text()}
MINE: dict[str, Shape] = {
    "Token": thing(
        "A bearer token.",
        {"token": text("Its public name"), "name": text(), "scopes": listed(text(enum=list(people.SCOPES)))}
        | {"created_at": AT, "last_used_at": or_null(AT)},
    ),
    "Me": thing(
        "Who is asking.",
        {"person": or_null(ref("Person")), "scopes": or_null(listed(text())), "tickets": listed(ref("TicketRow"))},
    ),
}
MINE["NewToken"] = thing("A new token; the secret is shown once.", MINE["Token"]["properties"] | {"secret": text()})
HOOKS: dict[str, Shape] = {
    "Hook": thing(
        "A place where a program or chat hears of what happens.",
        {"sid": text(), "channel": text(enum=list(hooks.CHANNELS)), "place": text("Scheme, and a webhook's host")}
        | {"made_at": AT, "ended_at": or_null(AT), "ended_why": text("left, gone or failed; empty while it hears")}
        | {"failures": number("Deliveries that failed in a row")},
    ),
    "Delivery": thing(
        "What was sent to a place, and what came of it.",
        {"name": text("To send it again by"), "kind": text("Of the event; or test")}
        | {"state": text(enum=["waiting", "sent", "dead", "dropped"]), "attempts": number()}
        | {"next_at": or_null(AT), "sent_at": or_null(AT), "problem": text()},
    ),
    "Pace": thing(
        "How often a customer is mailed of their ticket; `once` is at once.",
        {"frequency": text(enum=[*following.FREQUENCIES, following.NEVER])},
    ),
}
HOOK = HOOKS["Hook"]["properties"]
HOOKS["NewHook"] = thing("A new place.", HOOK | {"secret": or_null(text("What signs; webhooks only, shown once"))})
HOOKS["HookLog"] = thing("A place and what it was sent.", HOOK | {"deliveries": listed(ref("Delivery"))})
LISTS = {"Tickets": "TicketRow", "Queue": "Queued", "Promises": "Promise", "Handoffs": "Handoff"}
LISTS |= {"Embeds": "Embed", "Tokens": "Token", "Desks": "DeskRef", "Hooks": "Hook"}
ERROR = thing(
    "What went wrong.",
    {
        "error": thing(
            "A stable code, a plain sentence, and a sentence by field.",
            {"code": text(), "message": text(), "fields": {"type": "object", "additionalProperties": text()}},
            {"version": number("On a conflict: the current version"), "retry_after": number("Seconds to wait")}
            | {"findings": listed(ref("Finding"))},
        )
    },
)
WHO_SEES = {
    "name": "Shown to others as `name_shown` says.",
    "pseudonym": "Shown instead of the name, when `name_shown` says so.",
    "language": "For our mails; nobody else sees it.",
    "zone": "IANA time zone, for times in our mails. Only the customer and staff see it.",
}
"""Where a field's audience is not the whole story."""


PERSONAL: Shape = {
    "personal": text(
        "Personal data in public words: hide it, be asked (an error lists it), or show it", enum=["hide", "ask", "show"]
    ),
    "personal_reason": text("Why everyone may read it; with `show`", maxLength=500),
}


def everything() -> dict[str, Shape]:
    """Return every named shape, kinds of events included."""
    known = PEOPLE | TICKETS | MINE | HOOKS | {"Error": ERROR, "Opening": opening(), "PostEvent": posting()}
    known["Actor"] = thing(
        "Who did it.",
        {"name": text(), "role": text(), "face": ref("Face"), "url": or_null(text())},
        {"slug": text()},
    )
    known["Finding"] = thing(
        "Personal data in words that would be public. `parts` joined are the words; `what` is empty for the rest.",
        {"field": text(), "what": listed(text()), "parts": listed(thing("", {"text": text(), "what": text()}))},
        {"seq": number("Of the entry")},
    )
    about = {"kind": text(enum=["picture", "document", "text", "sound"]), "type": text("As it was found to be")}
    about |= {"size": number("Bytes"), "name": text()}
    known["File"] = thing("A file that waits for words to name it.", {"file": text("To name it by"), **about})
    known["AttachedFile"] = thing(
        "A file of an entry, under an address that serves it as long as this reader may see the entry.",
        about
        | {"alt": text("What it shows"), "url": text("Path"), "thumb_url": or_null(text("Path of a small picture"))}
        | {"width": or_null(number("Pixels")), "height": or_null(number("Pixels"))},
    )
    known["Amendment"] = thing("Why it reads differently now.", AMENDMENT)
    known["Correction"] = thing("Corrected; the old words stay.", AMENDMENT | {"old_html": text()})
    for name in KINDS:
        known[f"Event_{name}"] = catalogue.event_shape(name, EVENT)
    names = {name: f"#/components/schemas/Event_{name}" for name in KINDS}
    known["Event"] = {"oneOf": [{"$ref": one} for one in names.values()]}
    known["Event"]["discriminator"] = {"propertyName": "kind", "mapping": names}
    known["Events"] = thing(
        "What came after a seq. Append if prev ≤ last < seq.",
        {"epoch": text(), "events": listed(ref("Event")), "last": number(), "more": FLAG},
        {"version": number("For If-Match; staff only")},
    )
    for name, item in LISTS.items():
        known[name] = page_of(item, "A page of a list.")
    return known


def opening() -> Shape:
    """What opens a ticket."""
    shape = catalogue.payload_shape(tickets.Opening().fields) | {"description": str(tickets.Opening.__doc__)}
    shape["properties"] |= PERSONAL
    for name, about in WHO_SEES.items():
        shape["properties"][name]["description"] = about
    return shape


def posting() -> Shape:
    """What adds an event: one shape for each kind that somebody may post."""
    kinds = []
    for name, kind in KINDS.items():
        if kind.posted_by:
            payload = catalogue.payload_shape(kind.schema().fields)
            one = thing(catalogue.purpose(name), {"kind": {"const": name}, "payload": payload}, PERSONAL)
            kinds.append(one | {"title": name, "additionalProperties": False})
    return {"oneOf": kinds}
