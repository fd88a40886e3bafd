"""Mails as documents, in the languages that differ most: nothing for axe to find, nothing wider than a phone."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine as machine
from axe_playwright_python.sync_playwright import Axe

from tests import houses, make
from tests.browser.visitor import TAGS, Visitor, told
from tests.conftest import MONDAY
from tracker import attachments, links, recipients, store
from tracker.models import Subscription, Ticket

LANGUAGES = ("en", "de", "ar")
WCAG = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": [one for one in TAGS if "wcag" in one]}}
"""Without the good practice of pages: a mail has no landmarks, its program's window has."""
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
WORDS = f"Three things:\n\n1. the *pump*\n2. [the plan](https://example.org/{'plan/' * 12})\n\n> {LONG}\n\n    {LONG}"


@pytest.fixture(scope="module")
def letters(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """By language: the acknowledgement, a word with a file, a late word, the two questions, and a digest, as HTML."""
    folder = tmp_path_factory.mktemp("letters")
    url = houses.copied(sqlite_template, folder)
    with machine.travel(MONDAY, tick=False) as travel, houses.opened(url, folder, public_url="https://a.example"):
        make.agent(make.desk(name=f"{LONG} desk"), name="Maximiliane Featherstonehaugh-Cholmondeley")
        asked = [make.ticket(subject=f"{LONG[:70]} {one}", language=one, email=f"{one}@x.example") for one in LANGUAGES]
        for ticket in asked:
            plan = attachments.keep(b"the plan", "plan.txt").key
            make.post(ticket, "update", text=WORDS, files=[{"file": plan}])
        make.deliver()
        travel.shift(timedelta(days=2))
        make.deliver()
        for ticket in asked:
            make.post(ticket, "update", text="It is here now.")
        make.deliver()
        for ticket in asked:
            make.post(ticket, "resolved")
        make.deliver()
        for ticket in asked:
            with store.transaction():
                recipients.of_customer(ticket).frequency = "daily"
            gathered(ticket, about=f"{LONG[:40]} follows")
        travel.shift(timedelta(days=1))
        sent = make.deliver()
    found: dict[str, list[str]] = {one: [] for one in LANGUAGES}
    for mail in sent:
        if mail["To"].endswith("@x.example"):
            found[mail["Content-Language"]].append(str(mail.get_body(("html",)).get_content()))  # type: ignore[union-attr]
    return found


def gathered(ticket: Ticket, *, about: str) -> None:
    """Let a ticket's customer follow another ticket too, once a day, and let both have news."""
    other = make.ticket(ticket.desk, subject=about)
    facts = {"channel": "email", "target": ticket.email, "language": ticket.language, "frequency": "daily"}
    with store.transaction() as session:
        at = {"created_at": store.now(), "confirmed_at": store.now()}
        session.add(Subscription(sid=links.new_ref(), ticket_id=other.id, **facts, **at))
    make.post(other, "update", text=WORDS)
    make.post(ticket, "reopened", text="It drips again.")
    make.post(ticket, "update", text="The crew comes back today.")
    make.post(ticket, "resolved", text="It is tight now.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_is_accessible_and_fits_in_every_light_and_size(
    visitor: Visitor, letters: dict[str, list[str]], language: str
) -> None:
    wrong = []
    names = ("acknowledgement", "word", "missed", "late", "questions", "digest")
    for name, html in zip(names, letters[language], strict=True):
        visitor.page.set_content(html)
        for look, page in visitor.looks(f"mail-{name}-{language}"):
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            wrong += [f"{name}, {look}: {wider} px too wide"] if wider > 0 else []
            found = Axe().run(page, options=WCAG).response["violations"]
            wrong += [f"{name}, {look}: {told(one)}" for one in found]
        assert page.evaluate("document.documentElement.lang") == language
    assert not wrong, "\n".join(wrong)
