"""What readers do not see of a ticket's words: personal data is masked when written, the original kept for both sides.

Rows hold what everyone may read, so that no way out can forget to mask; disclosure alone gives out the originals.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import select

from tracker import people, personal, richtext, store
from tracker.errors import Forbidden, Invalid, PersonalData
from tracker.kinds import KINDS, Kind, _targets
from tracker.kinds._fields import ALT, REASON, Words
from tracker.models import Event, File, Handoff, Person, Report, Ticket
from tracker.personal import Whose

Original = dict[str, Any]
"""{words: {field: as typed}, found: {field: [[start, end, what], …]}, html: of the body}; only fields with findings."""
PUBLISHED = frozenset({"impact"})
"""Fields of the customer's that they may publish."""
SHORTEST_REASON: Final = 3
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&:.-])")


@dataclass(frozen=True)
class Wish:
    """What an author wants with personal data in public words: hide it, be asked, or show it for a reason."""

    how: Literal["hide", "ask", "show"] = "hide"
    reason: str = ""


HIDE = Wish()


def wish(how: str, reason: str) -> Wish:
    """Return a wish as a door was told it; raise Invalid when it is none, or shows without a reason."""
    if how not in ("hide", "ask", "show"):
        raise Invalid(fields={"personal": "Choose one of: hide, ask, show."})
    text = richtext.normalise_text(reason, field="personal_reason", max_length=REASON, multiline=False)
    if how == "show" and len(text) < SHORTEST_REASON:
        raise Invalid(fields={"personal_reason": "Say why everyone may read this."})
    return Wish(how, text)  # type: ignore[arg-type]


def cover(
    ticket: Ticket, kind: Kind, loaded: Mapping[str, Any], audience: str
) -> tuple[Mapping[str, Any], Original | None]:
    """Return a payload with personal data masked in what readers may come to see, and the original; None: nothing."""
    if audience == "staff":
        return loaded, None
    covered, original = dict(loaded), Original(words={}, found={})
    for name in _public_words(kind):
        text = loaded.get(name) or ""
        found = personal.find(text, whose(ticket)) if text else []
        masked = personal.mask(text, found)
        if name == kind.body:
            masked, found = _watertight(text, masked, found, ticket)
        if found:
            covered[name] = masked
            original["words"][name], original["found"][name] = text, [list(one) for one in found]
    if not original["words"]:
        return loaded, None
    if kind.body in original["words"]:
        original["html"] = richtext.render(original["words"][kind.body])
    return covered, original


def as_read(ticket: Ticket, kind: Kind, text: str) -> tuple[str, list[str]]:
    """Return a body as those besides its two sides will read it, where any do, and what is hidden from them."""
    covered, original = cover(ticket, kind, {kind.body: text}, "public" if _goes_public(ticket) else "staff")
    return richtext.render(str(covered[kind.body])), hidden(original)


def cover_subject(ticket: Ticket) -> None:
    """Mask personal data in the subject; call it whenever the subject or the name shown changes."""
    kept = dict(ticket.original or {})
    subject = str(kept.pop("subject", ticket.subject))
    found = personal.find(subject, whose(ticket))
    ticket.subject = personal.mask(subject, found)[: richtext.LONGEST_SUBJECT]
    ticket.original = kept | {"subject": subject, "found": [list(one) for one in found]} if found else None


def settle(ticket: Ticket, event: Event, wanted: Wish, *, by_public: bool, was_private: bool = False) -> None:
    """Do as the author wishes with what an event of theirs makes public.

    Raises PersonalData with what was found when they want to be asked, Forbidden when it is not theirs to show.
    """
    if wanted.how == "hide":
        return
    told = [one for one in _made_public(ticket, event, was_private) if one.original]
    subject = event.kind in ("opened", "visibility_changed") and ticket.original and _goes_public(ticket)
    if not told and not subject:
        return
    if wanted.how == "ask":
        raise PersonalData(findings=[*(_subject_findings(ticket) if subject else ()), *_findings(told, besides=event)])
    if by_public:
        raise Forbidden("Only the customer and the desk decide that.")
    for one in told:
        if one.actor_role == event.actor_role:
            uncover(ticket, one, wanted.reason)
    if subject and event.actor_role == "customer":
        ticket.subject, ticket.original = str((ticket.original or {})["subject"]), None


def uncover(ticket: Ticket, event: Event, reason: str) -> None:
    """Let everyone read an event's words as they were typed; the reason stays with it."""
    original = event.original or {}
    _write(ticket, event, original.get("words", {}), original.get("html", ""))
    event.original, event.shown_because = None, reason


def review(ticket: Ticket) -> None:
    """Mask anew all that was said: what is personal depends on the name the customer shows."""
    cover_subject(ticket)
    for file in _files(ticket):
        file.alt = covered_alt(ticket, file.alt)
    for event in _all(ticket):
        if event.shown_because or event.redacted_by or event.audience == "staff":
            continue
        kind, before = KINDS[event.kind], event.original
        covered, event.original = cover(ticket, kind, _typed(event, kind), event.audience)
        if before or event.original:
            words = {name: covered[name] for name in _public_words(kind) if name in covered}
            _write(ticket, event, words, richtext.render(words[kind.body]) if kind.body in words else "")


def covered_alt(ticket: Ticket, alt: str) -> str:
    """Return what a file is said to show, masked for good: it keeps no original for the two sides."""
    return personal.mask(alt, personal.find(alt, whose(ticket)))[:ALT]


def scrub(ticket: Ticket, who: Whose) -> None:
    """Mask for good what is personal in all words that remain, those for staff too; no original is kept."""
    ticket.original = None
    _scrub_words(ticket, who)
    for handoff in store.session().scalars(select(Handoff).where(Handoff.ticket_id == ticket.id)):
        briefing = richtext.plain(handoff.briefing_html)
        if found := personal.find(briefing, who):
            handoff.briefing_html = richtext.render(_escaped(personal.mask(briefing, found)))
    for file in _files(ticket):
        file.alt = personal.mask(file.alt, personal.find(file.alt, who))[:ALT]
        file.name = file.kind  # names of files are spelt in ways that no search finds for sure
    for report in store.session().scalars(select(Report).where(Report.ticket_id == ticket.id)):
        report.reason = personal.mask(report.reason, personal.find(report.reason, who))[:REASON]
        because = report.decided_because
        report.decided_because = personal.mask(because, personal.find(because, who))[:REASON]


def _scrub_words(ticket: Ticket, who: Whose) -> None:
    for event in _all(ticket):
        kind = KINDS[event.kind]
        names = [name for name, one in kind.fields.items() if isinstance(one, Words)]
        typed = {name: text for name, text in _typed(event, kind).items() if name in names and text}
        masked = {name: personal.mask(text, personal.find(text, who)) for name, text in typed.items()}
        body = masked.get(kind.body, "")
        _write(ticket, event, masked, richtext.render(body) if body else "")
        event.original, event.shown_because = None, ""


def source(event: Event) -> str:
    """Return the body of an event as it was typed, for those who may amend it."""
    kind = KINDS[event.kind]
    return str((event.original or {}).get("words", {}).get(kind.body, event.body_source))


def hidden(original: Original | None) -> list[str]:
    """Name what readers do not see, each once."""
    found = (original or {}).get("found", {})
    spans = found if isinstance(found, list) else [span for one in found.values() for span in one]
    return list(dict.fromkeys(str(span[2]) for span in spans))


def whose(ticket: Ticket) -> Whose:
    """Return what of a customer readers are not to know."""
    shows_own = ticket.name_shown == "own"

    def spoken_of() -> Collection[str]:
        shown = ticket.customer_name if shows_own else ticket.pseudonym
        return [*store.session().scalars(select(Person.name)), *people.RESERVED, *([shown] if shown else ())]

    return Whose("" if shows_own else ticket.customer_name or "", ticket.email or "", ticket.phone or "", spoken_of)


def _public_words(kind: Kind) -> Iterator[str]:
    for name, one in kind.fields.items():
        if isinstance(one, Words) and (one.metadata["audience"] == "public" or name in PUBLISHED):
            yield name


def _watertight(
    text: str, masked: str, found: list[personal.Finding], ticket: Ticket
) -> tuple[str, list[personal.Finding]]:
    """Look again at the words as they will be read: markup may have hidden what it spells out."""
    read = richtext.plain(richtext.render(masked))
    if left := personal.find(read, whose(ticket)):
        whole = [*found, *(personal.Finding(0, len(text), one.what) for one in left)]
        return _escaped(personal.mask(read, left))[: richtext.LONGEST_SOURCE], whole
    return masked, found


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)


def _typed(event: Event, kind: Kind) -> dict[str, Any]:
    known = dict(event.payload) | ({kind.body: event.body_source} if kind.body else {})
    known |= (event.original or {}).get("words", {})
    return known


def _write(ticket: Ticket, event: Event, words: Mapping[str, str], html: str) -> None:
    """Put words of an event in their places, and in those they were copied to."""
    kind = KINDS[event.kind]
    event.payload = event.payload | {name: text for name, text in words.items() if name != kind.body}
    if kind.body in words:
        event.body_source, event.body_html = words[kind.body], html
    if event.redacted_by is None:
        _copy(ticket, event, words)


def _copy(ticket: Ticket, event: Event, words: Mapping[str, str]) -> None:
    word = ticket.latest_word_seq
    is_about_it = word in (event.seq, event.target_seq)
    if word and is_about_it and (_targets.find(ticket, word).corrected_by or word) == event.seq:
        ticket.latest_word_html = event.body_html
    if event.kind == "opened" and "impact" in words:
        ticket.impact = words["impact"]
    if event.kind == "handoff_offered" and "reason" in words:
        query = select(Handoff).where(Handoff.ticket_id == ticket.id, Handoff.offered_seq == event.seq)
        for handoff in store.session().scalars(query):
            handoff.reason = words["reason"]


def _made_public(ticket: Ticket, event: Event, was_private: bool) -> list[Event]:
    if not _goes_public(ticket):
        return []
    if event.kind == "visibility_changed":
        return [one for one in _all(ticket) if one.audience == "public" and not one.redacted_by] if was_private else []
    if event.kind == "reply_published":
        return [one for one in _all(ticket) if one.seq == event.target_seq]
    return [one for one in _said_with(ticket, event) if one.audience == "public"]


def _said_with(ticket: Ticket, event: Event) -> list[Event]:
    """Return an event and those that its author's command appended with it: "not solved" opens the ticket again."""
    query = select(Event).where(Event.ticket_id == ticket.id, Event.seq >= event.seq)
    return list(store.session().scalars(query.where(Event.actor_role == event.actor_role).order_by(Event.seq)))


def _goes_public(ticket: Ticket) -> bool:
    return ticket.visibility != "private" or ticket.wanted_visibility is not None


def _all(ticket: Ticket) -> list[Event]:
    return list(store.session().scalars(select(Event).where(Event.ticket_id == ticket.id).order_by(Event.seq)))


def _files(ticket: Ticket) -> list[File]:
    return list(store.session().scalars(select(File).where(File.ticket_id == ticket.id)))


def _subject_findings(ticket: Ticket) -> Iterator[dict[str, Any]]:
    original = ticket.original or {}
    yield {"field": "subject", "what": hidden(original), "parts": _parts(original["subject"], original["found"])}


def _findings(events: Collection[Event], *, besides: Event) -> Iterator[dict[str, Any]]:
    for event in events:
        original = event.original or {}
        earlier = {"seq": event.seq} if event.seq < besides.seq else {}
        for name, text in original["words"].items():
            found = original["found"][name]
            what = list(dict.fromkeys(span[2] for span in found))
            yield {"field": name, "what": what, "parts": _parts(text, found)} | earlier


def _parts(text: str, found: list[list[Any]]) -> list[dict[str, str]]:
    """Cut a text at what was found: [{text, what}], `what` empty for the rest."""
    parts, last = [], 0
    for start, end, what in found:
        parts += [{"text": text[last:start], "what": ""}, {"text": text[max(start, last) : end], "what": what}]
        last = max(end, last)
    return [part for part in [*parts, {"text": text[last:], "what": ""}] if part["text"]]
