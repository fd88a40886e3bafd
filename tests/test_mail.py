"""What people read in their mail: every word once, in their language, on their clock, in one thread."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from io import BytesIO
from string import Formatter

import pytest
from flask import Flask
from PIL import Image
from time_machine import Traveller

from tests import make
from tests.servers.smtp import Mailserver
from tracker import attachments, handoffs, incoming, outbox, profiles, store
from tracker.kinds import KINDS
from tracker.models import Ticket
from tracker.speech import NAMES, WORDS, Speech, pick

CUSTOMER = "cara@home.example"


@pytest.fixture
def bundling(house: Flask) -> Flask:
    """A house whose news of one minute leaves as one mail."""
    house.extensions["tracker_settings"] = replace(house.extensions["tracker_settings"], mail_bundle_s=60)
    return house


def ticket(**given: str) -> Ticket:
    one = make.ticket(email=CUSTOMER, **given)
    make.deliver()
    return one


def news(to: str = CUSTOMER) -> list[EmailMessage]:
    """Let all leave that is due; return what this address was sent after the acknowledgement."""
    return [mail for mail in make.deliver() if mail["To"] == to][1:]


def plain(mail: EmailMessage) -> str:
    return " ".join(str(mail.get_body(("plain",)).get_content()).split())  # type: ignore[union-attr]


def html(mail: EmailMessage) -> str:
    return str(mail.get_body(("html",)).get_content())  # type: ignore[union-attr]


def test_a_burst_leaves_as_one_mail(bundling: Flask, travel: Traveller) -> None:
    one = ticket()
    make.post(one, "update", text="The plumber is here.")
    assert not news()
    travel.shift(timedelta(seconds=30))
    make.post(one, "update", text="It is the riser.")
    make.post(one, "promise_moved", due_at=make.ahead(hours=5), reason="The part comes by van.")
    assert not news()
    travel.shift(timedelta(seconds=30))
    (mail,) = news()
    said = plain(mail)
    assert said.index("plumber is here") < said.index("It is the riser") < said.index("comes by van")
    travel.shift(timedelta(minutes=2))
    make.post(one, "update", text="Done by noon.")
    travel.shift(timedelta(minutes=1))
    assert ["Done by noon" in plain(mail) for mail in news()] == [False, True]
    assert "plumber" not in plain(news()[1])


def test_a_burst_that_may_have_left_with_a_worker_that_died_takes_nothing_more_along(
    bundling: Flask, travel: Traveller
) -> None:
    """A mail that says more under the same id would be thrown away as a copy, and the later words with it."""
    one = ticket()
    make.post(one, "update", text="The plumber is here.")
    outbox._expand()
    travel.shift(timedelta(minutes=1))
    assert outbox._claim("email")
    travel.shift(outbox.CLAIM_LASTS + timedelta(seconds=1))
    make.post(one, "update", text="It is the riser.")
    (again,) = news()
    assert "plumber" in plain(again)
    assert "riser" not in plain(again)
    travel.shift(timedelta(minutes=1))
    assert "It is the riser." in plain(news()[1])


def test_what_is_corrected_within_the_minute_leaves_corrected(bundling: Flask, travel: Traveller) -> None:
    one = ticket()
    event = make.post(one, "update", text="It comes on Mondya.")
    make.post(one, "corrected", target=event.seq, text="It comes on Monday.", reason="A slip.")
    travel.shift(timedelta(minutes=1))
    (mail,) = news()
    assert "It comes on Monday." in plain(mail)
    assert "Mondya" not in mail.as_string()


def test_the_acknowledgement_waits_for_nothing(bundling: Flask) -> None:
    make.ticket(email=CUSTOMER, confirmed=False)
    (mail,) = [mail for mail in make.deliver() if mail["To"] == CUSTOMER]
    assert mail["Auto-Submitted"] == "auto-replied"
    assert "What happens next" in plain(mail)


def test_the_acknowledgement_shows_the_face_of_who_has_it(house: Flask) -> None:
    rosa = make.agent(name="Rosa Ortega")
    make.ticket(rosa.desk, email=CUSTOMER)
    assert ">RO</div>" in html(make.deliver()[-1])
    picture = BytesIO()
    Image.new("RGB", (300, 300), "teal").save(picture, "PNG")
    profiles.set_face(rosa, picture.getvalue(), "image/png", by=make.viewer(rosa))
    make.ticket(rosa.desk, email=CUSTOMER)
    assert f'/faces/{rosa.face_digest}.webp" alt=""' in html(make.deliver()[-1])


def test_all_mails_of_a_ticket_are_one_thread(house: Flask) -> None:
    one = ticket()
    make.post(one, "update")
    make.post(one, "resolved")
    mails = [mail for mail in make.deliver() if mail["To"] == CUSTOMER]
    assert len(mails) == 3
    assert len({mail["References"] for mail in mails}) == 1
    assert {re.sub("^Re: ", "", mail["Subject"]) for mail in mails} == {one.subject}
    assert len({mail["Message-ID"] for mail in mails}) == 3


def test_a_missed_promise_is_apologised_for_in_the_persons_name(house: Flask, travel: Traveller) -> None:
    one = ticket(zone="Europe/Berlin")
    travel.shift(timedelta(hours=5))
    (mail,) = news()
    assert "I am sorry. I promised a word by Monday, 2 March, 15:00" in plain(mail)
    assert f"– {one.assignee.name}" in plain(mail)
    make.post(one, "update", text="Here it is.", next_word_at=datetime.fromisoformat("2026-03-03T11:00Z"))
    late = plain(news()[1])
    assert "I am sorry that this comes late. I had promised it by Monday, 2 March, 15:00" in late
    assert "by Tuesday, 3 March, 12:00 (Central European Standard Time)" in late


def test_a_promise_moved_back_is_apologised_for_with_both_times_and_one_brought_forward_is_not(
    house: Flask, travel: Traveller
) -> None:
    one = ticket(zone="Europe/Berlin")
    for day, hour in ((3, 11), (2, 16)):
        due = datetime.fromisoformat(f"2026-03-0{day}T{hour}:00Z")
        make.post(one, "promise_moved", due_at=due, reason="The part comes by van.")
    later, sooner = map(plain, news())
    times = "by Tuesday, 3 March, 12:00 and not by Monday, 2 March, 15:00"
    assert f"I am sorry: my next word comes later than I promised, {times}. – {one.assignee.name}" in later
    assert "The reason: The part comes by van." in later
    assert "sorry" not in sooner
    assert "at another time: Monday, 2 March, 17:00" in sooner


def test_a_word_in_time_apologises_for_nothing(house: Flask) -> None:
    make.post(ticket(), "update")
    assert "sorry" not in plain(news()[0])


def test_a_handoff_is_one_message_that_names_both(house: Flask) -> None:
    one = ticket()
    giver, taker = one.assignee.name, make.agent(one.desk)
    make.post(one, "handoff_offered", to=taker, reason="It is the riser.", briefing="Canary briefing")
    make.post(one, "handoff_accepted", by=taker)
    (mail,) = news()
    assert f"{taker.name} has this now; {giver} has handed it over" in plain(mail)
    assert "The reason: It is the riser." in plain(mail)
    assert "You need not tell it twice" in plain(mail)
    assert "Canary" not in mail.as_string()


@pytest.mark.parametrize("language", sorted(NAMES))
def test_files_are_mentioned_by_number_alone(house: Flask, language: str) -> None:
    one = ticket(language=language)
    for names in (["canary-report.pdf"], ["canary-1.txt", "canary-2.txt"]):
        kept = [attachments.keep(f"canary of {name}".encode(), name).key for name in names]
        make.post(one, "update", text="Here it is.", files=[{"file": key, "alt": "canary"} for key in kept])
    first, second = news()
    say = Speech(language, "UTC").say
    assert say("file") in plain(first)
    assert say("files", count=2) in plain(second)
    assert say("file") in html(first)
    assert "canary" not in first.as_string() + second.as_string()


def test_reopening_is_acknowledged_with_the_new_promise(house: Flask) -> None:
    one = ticket()
    make.post(one, "resolved")
    make.post(one, "reopened", text="It drips.")
    mail = news()[1]
    assert mail["Auto-Submitted"] == "auto-replied"
    assert "not solved" in plain(mail)
    assert "Next word from" in plain(mail)


@pytest.mark.parametrize("language", sorted(NAMES))
def test_every_kind_of_news_reads_in_every_language(house: Flask, language: str) -> None:
    one = ticket(language=language, zone="Asia/Tokyo")
    giver = one.assignee.name
    make.post(one, "update", text="Words")
    make.post(one, "promise_moved", due_at=make.ahead(days=2), reason="Because.")
    make.post(one, "waiting")
    make.post(one, "resumed")
    taker = make.agent(one.desk)
    make.post(one, "handoff_offered", to=taker)
    make.post(one, "handoff_accepted", by=taker)
    make.post(one, "resolved")
    make.post(one, "reopened")
    make.post(one, "declined")
    say, mails = Speech(language, "Asia/Tokyo").say, news()
    who = {"update": giver, "waiting": giver, "resolved": taker.name, "declined": taker.name}
    for key, name in who.items():
        assert [mail for mail in mails if say(key, name=name) in plain(mail)], key
    for mail in mails:
        assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in html(mail)
        assert say("to_customer") in plain(mail)
        assert mail["Content-Language"] == language


@pytest.mark.parametrize("language", sorted(NAMES))
def test_reasons_that_nobody_typed_are_in_the_readers_language_and_typed_ones_as_they_are(
    house: Flask, language: str
) -> None:
    one = ticket(language=language)
    make.post(one, "waiting", check_in_at=make.ahead(days=6))
    make.post(one, "reply", text="The third floor.")
    away, _backup = one.assignee, make.agent(one.desk)
    handoffs.cover(away, until=store.now() + timedelta(days=7))
    make.post(one, "reassigned", make.lead(one.desk), to=away, reason="She knows the riser.")
    _asked, sooner, passed, back = map(plain, news())
    say = Speech(language, "UTC").say
    assert say("reason", reason=say("because_replied")) in sooner
    assert say("reason", reason=say("because_off_duty", name=away.name)) in passed
    assert say("reason", reason="She knows the riser.") in back


def test_every_language_has_every_phrase_with_the_same_facts() -> None:
    def facts(phrase: str) -> set[str | None]:
        return {name for _text, name, _spec, _how in Formatter().parse(phrase) if name}

    for language, words in WORDS.items():
        assert set(words) == set(WORDS["en"]), language
        for key, phrase in words.items():
            assert facts(phrase) == facts(WORDS["en"][key]), (language, key)


@pytest.mark.parametrize(
    ("asked", "spoken"), [("de-AT", "de"), ("fr_CA", "fr"), ("AR", "ar"), ("tlh", "en"), ("", "en")]
)
def test_a_language_we_do_not_speak_is_answered_in_english(asked: str, spoken: str) -> None:
    assert pick(asked) == spoken


@pytest.mark.parametrize(
    ("said", "answers_in", "spoken"),
    [
        (b"", ["Polish", "German", "English"], "de"),
        (b"", [], "en"),
        (b"Content-Language: fr-CA, en\n", ["German"], "fr"),
    ],
)
def test_who_writes_without_saying_a_language_is_answered_in_the_one_of_who_has_it(
    house: Flask, said: bytes, answers_in: list[str], spoken: str
) -> None:
    make.agent(languages=answers_in)
    wrote = f"From: Cara <{CUSTOMER}>\nTo: desk@in.example\nSubject: Wasser\n\nEs tropft.\n".encode()
    assert incoming.take(said + wrote).state == "opened"
    (mail,) = [mail for mail in make.deliver() if mail["To"] == CUSTOMER]
    assert mail["Content-Language"] == spoken


def test_every_kind_that_tells_outsiders_can_be_said_in_every_language() -> None:
    outward = {name for name, kind in KINDS.items() if {"customer", "follower"} & kind.tells} - {"opened"}
    for language, words in WORDS.items():
        assert not outward - set(words), language


def test_typed_words_stay_words(house: Flask) -> None:
    one = ticket(subject="{{31337*31337}} <b>{name}</b>")
    make.post(one, "update", text="{{31337*31337}} <script>x</script> {say}")
    (mail,) = news()
    assert "{{31337*31337}}" in plain(mail)
    assert "<script" not in html(mail)
    assert str(31337 * 31337) not in plain(mail)
    assert "&lt;b&gt;{name}" in html(mail)


def test_one_line_to_the_server_carries_a_rounds_mails(mailing: Flask, mail_sink: Mailserver) -> None:
    for number in range(6):
        make.ticket(email=f"c{number}@home.example", confirmed=False)
    while outbox.step():
        pass
    assert len(mail_sink.mails) == 12
    assert len(mail_sink.protocols) <= 2
