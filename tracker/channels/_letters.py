"""What a mail says: which template, with which facts, in whose language and zone."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from tracker import disclosure, handoffs, hooks, links, people, plainly, present, store, timeline
from tracker.disclosure import Shown
from tracker.kinds import AMENDING, KINDS
from tracker.models import Delivery, Event, Handoff, News, Person, Promise, Subscription, Ticket
from tracker.outbox import Dropped
from tracker.recipients import STILL_MAILED, told
from tracker.speech import Speech, pick

PURPOSES = ("signin", "reset", "invite")
SUBJECT_LENGTH = 80
LINK = re.compile(r"://|@|mailto:|\bwww\.|\w[.\u3002]\w*[^\W\d_]", re.IGNORECASE)
"""A word that some mail program would turn into a link."""
ACCENTS = (
    "#8f3734",
    "#8b3f03",
    "#7a4e00",
    "#5d5d00",
    "#226929",
    "#006c4e",
    "#006a72",
    "#00628d",
    "#225899",
    "#534b97",
    "#714085",
    "#873761",
)
GLOWS = (
    "#f8a49d",
    "#f2ab83",
    "#e0b771",
    "#c1c476",
    "#95cf96",
    "#76d3b4",
    "#64d1d7",
    "#75caf2",
    "#92c1fd",
    "#b7b5fc",
    "#d6aaea",
    "#efa3c7",
)
"""The accents of static/css/tokens.css by hue, on light and on dark: mail programs know no OKLCH."""


@dataclass(frozen=True)
class Letter:
    """A mail before it is addressed: template `email/<name>`, its facts, and its subject."""

    name: str
    subject: str
    facts: Mapping[str, Any]
    answers: bool = False
    """It answers what its reader has just done (RFC 3834: auto-replied)."""


def write(delivery: Delivery, news: News, *, manage_url: str = "", speech: Speech | None = None) -> Letter:
    """Return what one delivery says. Raises Dropped when its reader may no longer see any of it."""
    ticket = store.session().get(Ticket, news.ticket_id, populate_existing=True) if news.ticket_id else None
    speech = speech or speech_of(delivery, ticket)
    subject = short_subject(ticket) if ticket else ""
    facts = _frame(delivery, ticket, speech) | {"subject": subject, "manage_url": manage_url}
    if news.topic == "event" and ticket:
        return _news(delivery, news, ticket, speech, facts)
    if news.topic == "ended" and ticket:
        return _ended(ticket, speech, facts)
    person = store.session().get(Person, news.person_id) if news.person_id else None
    facts |= {"person": disclosure.person(person) if person else None, "place": _place(news)}
    if news.topic in PURPOSES:
        secret = people.mint_link(news.topic, person_id=news.person_id, address=news.address)
        facts["link"] = links.absolute(f"/link/{news.topic}/{secret}")
    if news.topic == "report":
        facts["url"] = links.absolute(links.reports())
    if news.topic == "offer" and ticket:
        facts |= _offer(delivery, ticket)
    key = f"{news.topic}_subject"
    spoken = speech.say(key, subject=subject, place=facts["place"]) if speech.knows(key) else ""
    return Letter(news.topic, spoken or present.render(f"email/{news.topic}.subject.txt", **facts), facts)


def reply_to(delivery: Delivery, ticket: Ticket) -> str:
    """Return where a reply lands on the ticket; "" for those who only follow, or where no mail comes in."""
    if delivery.channel != "email" or delivery.role not in ("customer", "staff"):
        return ""
    return links.reply_address(ticket.ref, delivery.role, delivery.address)


def manage_url(found: Subscription) -> str:
    """Return where a follower changes or ends what they hear; places of the two sides are kept on their own page."""
    return links.absolute(links.follow(links.follow_token(found.sid))) if found.role == "public" else ""


def short_subject(ticket: Ticket) -> str:
    """Return a ticket's subject as a stranger's mail may carry it: no links, 80 characters."""
    words = [word for word in ticket.subject.split() if not LINK.search(unicodedata.normalize("NFKC", word))]
    return " ".join(words)[:SUBJECT_LENGTH] or "your ticket"


def _place(news: News) -> str:
    found = store.session().get(Subscription, news.subscription_id) if news.subscription_id else None
    return hooks.name(found) if found else ""


def speech_of(delivery: Delivery, ticket: Ticket | None) -> Speech:
    """Return the language and zone of whom a delivery goes to."""
    zone = ticket.desk.zone if ticket else "UTC"
    if delivery.subscription_id:
        found = store.session().get(Subscription, delivery.subscription_id)
        return Speech(pick(found.language if found else ""), (found.zone if found else "") or zone)
    if delivery.role == "customer":
        newest = select(Ticket).where(Ticket.email == delivery.address).order_by(Ticket.id.desc()).limit(1)
        of = ticket or store.session().scalars(newest).first()
        return Speech(pick(of.language), of.zone or of.desk.zone) if of else Speech("en", zone)
    return Speech("en", zone)


def _frame(delivery: Delivery, ticket: Ticket | None, speech: Speech) -> dict[str, Any]:
    hue = ticket.desk.hue if ticket else 8
    facts: dict[str, Any] = {
        "say": speech.say,
        "speech": speech,
        "role": delivery.role,
        "why": "",
        "accent": ACCENTS[hue],
        "glow": GLOWS[hue],
        "ticket": None,
        "answer": "",
        "preview": "",
        "buttons": [],
        "note": "",
    }
    if ticket:
        path = links.workspace_ticket(ticket.ref) if delivery.role == "staff" else links.ticket(ticket.ref)
        face = disclosure.face(ticket.assignee)
        facts |= {
            "answer": speech.say(f"reply_{delivery.role}", name=ticket.assignee.name)
            if reply_to(delivery, ticket)
            else "",
            "ticket": disclosure.ticket(ticket, delivery.role),
            "url": links.absolute(path),
            "face_url": links.absolute(face["url"]) if face["url"] else "",
            "initials": face["initials"],
            "face_accent": ACCENTS[face["hue"]],
        }
    return facts


def _news(delivery: Delivery, news: News, ticket: Ticket, speech: Speech, facts: dict[str, Any]) -> Letter:
    events = _events(delivery, news, ticket)
    told_once = [
        one for one in disclosure.entries(ticket, events, delivery.role) if not _is_told_by_target(one, events)
    ]
    shown = _wanted(told_once, ticket, delivery)
    if not shown:
        raise Dropped
    subject = facts["subject"]
    is_own = delivery.role == "customer" and delivery.channel == "email"
    if shown[0]["kind"] == "opened" and is_own:
        secret = people.mint_link("confirm", ticket_id=ticket.id, address=ticket.email)
        facts |= {"confirm_url": links.absolute(f"/link/confirm/{secret}")}
        return Letter("acknowledgement", subject, facts | {"preview": _answers_by(facts, speech)}, answers=True)
    if shown[0]["kind"] == "handoff_offered" and delivery.role == "staff":
        asked = f"{ticket.assignee.name} asks you to take this: {subject}"
        return Letter("offer", asked, facts | _offer(delivery, ticket))
    facts["entries"] = [_said(entry, ticket, delivery.role, speech) for entry in shown]
    facts["preview"] = " · ".join(one["headline"] for one in facts["entries"])
    subject = subject if shown[0]["kind"] == "opened" else f"Re: {subject}"
    if is_own and ticket.status == "resolved" and shown[-1]["kind"] == "resolved":
        facts |= _questions(ticket, speech)
    return Letter("news", subject, facts, answers=shown[0]["kind"] == "reopened")


def _wanted(shown: list[Shown], ticket: Ticket, delivery: Delivery) -> list[Shown]:
    """Return all, or of a customer who wants no mail what is mailed all the same: the questions while they stand."""
    if delivery.subscription is None or delivery.subscription.hears:
        return shown
    still = STILL_MAILED if ticket.status == "resolved" else STILL_MAILED - {"resolved"}
    return [one for one in shown if one["kind"] in still][-1:]


def _ended(ticket: Ticket, speech: Speech, facts: dict[str, Any]) -> Letter:
    """Answer who wrote to a ticket that has ended: their mail opens nothing, the questions do."""
    if ticket.is_open:
        raise Dropped
    said = speech.say("ended", name=ticket.assignee.name)
    entry = {"headline": said, "body_html": "", "words": "", "more": [], "kind": "ended"}
    asked = {"entries": [entry], "preview": said} | _questions(ticket, speech)
    return Letter("news", f"Re: {facts['subject']}", facts | asked, answers=True)


def _questions(ticket: Ticket, speech: Speech) -> dict[str, Any]:
    secret = people.mint_link("feedback", ticket_id=ticket.id)
    buttons = [
        {"url": links.absolute(links.answer(secret, solved)), "words": speech.say(f"solved_{solved}"), "second": second}
        for solved, second in (("yes", False), ("no", True))
    ]
    return {"buttons": buttons, "note": speech.say("ask_hint", name=ticket.assignee.name)}


def _answers_by(facts: Mapping[str, Any], speech: Speech) -> str:
    promise, name = facts["ticket"]["promise"], facts["ticket"]["assignee"]["name"]
    if not promise:
        return speech.say("acknowledged", name=name)
    return f"{speech.say('answers_by', name=name)} {speech.when(promise['due_at'])}"


def _events(delivery: Delivery, news: News, ticket: Ticket) -> list[Event]:
    if delivery.upto_seq is None:
        event = store.session().get(Event, news.event_id, populate_existing=True)
        return [event] if event else []
    seqs = range(delivery.from_seq or delivery.upto_seq, delivery.upto_seq + 1)
    return [one for one in timeline.find(ticket, list(seqs)).values() if delivery.role in told(one)]


def _is_told_by_target(entry: Shown, events: list[Event]) -> bool:
    """Say whether an amendment changes words of this very mail: they are shown as amended, once."""
    return entry["kind"] in AMENDING and any(entry["seq"] in (one.corrected_by, one.redacted_by) for one in events)


def _said(entry: Shown, ticket: Ticket, role: str, speech: Speech) -> dict[str, Any]:
    """Return one entry in its reader's language: a headline, and what was said.

    What readers typed waits on the page: strangers' words do not leave by our mail.
    """
    body_html = entry["body_html"] if entry["actor"]["role"] != "public" else ""
    if entry["kind"] == "corrected":
        target = timeline.find(ticket, [entry["target"]])
        body_html = disclosure.entries(ticket, list(target.values()), role)[0]["body_html"] if target else ""
    return {
        "headline": entry["sentence"] if role == "staff" else _headline(entry, ticket, role, speech),
        "body_html": body_html,
        "words": plainly.lines(body_html),
        "more": (_more(entry, ticket, speech) if role != "staff" else []) + _files(entry, speech),
        "kind": entry["kind"],
    }


def _headline(entry: Shown, ticket: Ticket, role: str, speech: Speech) -> str:
    kind = entry["kind"]
    key = f"{kind}_{role}" if speech.knows(f"{kind}_{role}") else kind
    if not speech.knows(key):
        return str(entry["sentence"])
    facts = {"name": entry["actor"]["name"]}
    if kind in ("handoff_accepted", "reassigned"):
        facts = {"name": entry["to"]["name"], "giver": entry["came_from"]["name"]}
    elif kind == "promise_missed":
        facts = {"name": ticket.assignee.name, "when": speech.when(entry["due_at"])}
    elif kind == "promise_moved":
        key = "promise_later" if entry["due_at"] > entry["was_due_at"] else key
        facts |= {"when": speech.when(entry["due_at"]), "was": speech.when(entry["was_due_at"])}
    return speech.say(key, **facts)


def _more(entry: Shown, ticket: Ticket, speech: Speech) -> list[str]:
    """Return what stands below the words: reasons, late news' apology, that nothing need be told twice, a script."""
    found = []
    if entry.get("reason"):
        found.append(speech.say("reason", reason=speech.reason(entry["reason"])))
    if entry["kind"] == "handoff_accepted":
        reason = _handoff_reason(ticket, entry)
        found += [speech.say("reason", reason=reason)] if reason else []
        found.append(speech.say("briefed", name=entry["to"]["name"], giver=entry["came_from"]["name"]))
    if entry.get("standard"):
        found.append(speech.say("standard"))
    if KINDS[entry["kind"]].is_word:
        missed = select(Promise.due_at).where(Promise.ticket_id == ticket.id, Promise.state == "missed")
        due_at = store.session().scalar(missed.where(Promise.ended_seq == entry["seq"]))
        found += [speech.say("late", when=speech.when(due_at), name=entry["actor"]["name"])] if due_at else []
    return found


def _files(entry: Shown, speech: Speech) -> list[str]:
    """Say how many files go with the words; they stay on the page, where they can still be taken back."""
    count = len(entry.get("files", ()))
    return [speech.say("file" if count == 1 else "files", count=count)] if count else []


def _offer(delivery: Delivery, ticket: Ticket) -> dict[str, Any]:
    """Return what its reader is asked to take, and until when. Raises Dropped when that has been answered meanwhile."""
    offer = handoffs.pending(ticket)
    if offer is None or offer.taker.email != delivery.address:
        raise Dropped
    return {"taker": offer.taker.name, "reason": offer.reason, "until": offer.expires_at}


def _handoff_reason(ticket: Ticket, entry: Shown) -> str:
    query = select(Handoff.reason).where(
        Handoff.ticket_id == ticket.id, Handoff.state == "accepted", Handoff.answered_at <= entry["recorded_at"]
    )
    return store.session().scalar(query.order_by(Handoff.id.desc()).limit(1)) or ""
