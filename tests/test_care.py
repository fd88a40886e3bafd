"""Reports and decisions on them, subjects taken away, people erased for good, also after a restore."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from tests import make
from tests.houses import Visitor
from tests.servers.receiver import Receiver
from tests.test_attachments import sent
from tests.test_timeline import rendered
from tracker import (
    attachments,
    erasure,
    following,
    hooks,
    links,
    masks,
    outbox,
    people,
    recipients,
    reports,
    seed,
    settings,
    store,
    tickets,
)
from tracker.errors import Conflict, Forbidden, Invalid, NotFound, TooSoon, Unauthorized
from tracker.models import CustomerKey, Delivery, File, IncomingMail, News, Subscription, Ticket
from tracker.permissions import ANYONE, SYSTEM, Viewer

READER = Viewer(address="10.0.9.0/24")


def test_a_reader_reports_and_who_runs_the_desk_sees_it_with_the_words(house: Flask) -> None:
    ticket = make.ticket()
    word = make.post(ticket, "update", text="The neighbour Canary did it.")
    reports.file(ticket, word.seq, "It names somebody.", by=READER)
    (case,) = reports.waiting(ticket.desk)
    assert (case.report.reason, case.can_redact) == ("It names somebody.", True)
    assert case.entry
    assert "Canary" in case.entry["body_html"]
    assert reports.waiting(make.desk("elsewhere")) == []


def test_many_reports_are_read_with_as_many_queries_as_two(house: Flask) -> None:
    desk, counts = make.desk(), []
    asked: list[str] = []
    listener = lambda *given: asked.append(given[2])  # noqa: E731
    for more in (2, 6):
        for _ in range(more):
            ticket = make.ticket(desk)
            word = make.post(ticket, "update", text="The neighbour did it.")
            reports.file(ticket, word.seq, "It names somebody.", by=READER)
            reports.file(ticket, None, "All of it.", by=READER)
        store.session().expunge_all()
        asked.clear()
        event.listen(store.db.engine, "before_cursor_execute", listener)
        assert {one.report.seq: bool(one.entry) for one in reports.waiting(desk)} == {word.seq: True, None: False}
        event.remove(store.db.engine, "before_cursor_execute", listener)
        counts.append(len(asked))
    assert counts[1] == counts[0]


@pytest.mark.parametrize("seq", [7_000, 2])
def test_what_a_reader_can_not_see_can_not_be_reported(house: Flask, seq: int) -> None:
    ticket = make.ticket()
    assert make.post(ticket, "note").seq <= 3
    notes = [event.seq for event in make.events_of(ticket) if event.kind == "note"]
    with pytest.raises(Invalid):
        reports.file(ticket, seq if seq > 10 else notes[0], "Something.", by=READER)
    with pytest.raises(NotFound):
        reports.file(make.ticket(visibility="private"), None, "Something.", by=READER)


def test_reports_are_limited_by_network_and_by_ticket(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make.ticket()
    monkeypatch.setattr(reports, "MOST_WAITING", 2)
    for _ in range(2):
        reports.file(ticket, None, "Something.", by=READER)
    with pytest.raises(TooSoon):
        reports.file(ticket, None, "Something.", by=READER)


def test_who_runs_the_desk_hides_words_for_a_report(house: Flask) -> None:
    ticket = make.ticket()
    word = make.post(ticket, "update", text="The neighbour Canary did it.")
    report = reports.file(ticket, word.seq, "It names somebody.", by=READER)
    reports.decide(report.key, "redacted", "It named a neighbour.", by=make.viewer(make.lead(ticket.desk)))
    assert "Canary" not in rendered(ticket, "public")
    assert "It named a neighbour." in rendered(ticket, "public")
    assert reports.waiting(ticket.desk) == []
    with pytest.raises(Conflict):
        reports.decide(report.key, "dismissed", "No.", by=SYSTEM)


def test_a_ticket_is_taken_from_the_public_for_a_report_and_its_customer_reads_why(house: Flask) -> None:
    ticket = make.ticket()
    report = reports.file(ticket, None, "It is about me, and I was not asked.", by=READER)
    reports.decide(report.key, "hidden", "It is about somebody else.", by=make.viewer(make.lead(ticket.desk)))
    assert make.fresh(ticket).visibility == "private"
    assert "It is about somebody else." in rendered(ticket, "customer")


def test_a_dismissed_report_changes_nothing_and_keeps_its_reason(house: Flask) -> None:
    ticket = make.ticket()
    before = make.fresh(ticket).last_seq
    report = reports.file(ticket, None, "I do not like it.", by=READER)
    reports.decide(report.key, "dismissed", "Nothing is wrong with it.", by=make.viewer(make.lead(ticket.desk)))
    assert make.fresh(ticket).last_seq == before
    (case,) = reports.decided(ticket.desk)
    assert case.report.decided_because == "Nothing is wrong with it."


def test_only_who_runs_the_desk_decides_and_with_a_reason(house: Flask) -> None:
    ticket = make.ticket()
    report = reports.file(ticket, None, "Something.", by=READER)
    for by in (make.assignee(ticket), make.viewer(make.lead(make.desk("elsewhere")))):
        with pytest.raises(Forbidden):
            reports.decide(report.key, "dismissed", "Because.", by=by)
    for decision, reason in (("dismissed", ""), ("deleted", "Because."), ("redacted", "It is about all of it.")):
        with pytest.raises(Invalid):
            reports.decide(report.key, decision, reason, by=make.viewer(make.lead(ticket.desk)))


def test_a_lead_takes_from_the_public_and_gives_nothing_to_it(house: Flask) -> None:
    private, public = make.ticket(visibility="private"), make.ticket()
    lead = make.viewer(make.lead(private.desk))
    for ticket, given, error in (
        (private, {"visibility": "public", "reason": "Why not"}, Forbidden),
        (public, {"visibility": "unlisted", "reason": "Why not"}, Forbidden),
        (public, {"visibility": "private"}, Invalid),
        (private, {"visibility": "private", "reason": "Again"}, Conflict),
    ):
        with pytest.raises(error):
            tickets.post(ticket.ref, "visibility_changed", given, by=lead)
    with pytest.raises(Forbidden):
        tickets.post(
            public.ref, "visibility_changed", {"visibility": "private", "reason": "x"}, by=make.assignee(public)
        )


def test_the_forms_for_reports_work_without_scripts_and_tell_machines_apart(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    word = make.post(ticket, "update", text="The neighbour Canary did it.")
    assert f"/t/{ticket.ref}/report" in client.get(f"/t/{ticket.ref}").text
    page = client.get(f"/t/{ticket.ref}/report")
    assert "The neighbour Canary" in page.text
    made = page.text.split('name="made" value="')[1].split('"')[0]
    typed = {"entry": str(word.seq), "reason": "It names somebody.", "made": made}
    too_fast = client.post(f"/t/{ticket.ref}/report", data=typed)
    assert (too_fast.status_code, "It names somebody." in too_fast.text) == (422, True)
    assert client.post(f"/t/{ticket.ref}/report", data=typed | {"website": "x"}).status_code == 422
    report = reports.file(ticket, word.seq, "It names somebody.", by=READER)
    make.sign_in(client, make.lead(ticket.desk))
    assert "It names somebody." in client.get("/workspace/reports").text
    address = f"/workspace/reports/{report.key}"
    assert client.post(address, data={"decision": "redacted", "reason": ""}).status_code == 422
    assert client.post(address, data={"decision": "redacted", "reason": "Named a neighbour"}).status_code == 303
    assert "words hidden" in client.get("/workspace/reports").text


def test_the_subject_is_hidden_with_the_first_entry(house: Flask) -> None:
    ticket = make.ticket(subject="Canary of flat 7 is loud")
    lead = make.viewer(make.lead(ticket.desk))
    word = make.post(ticket, "update")
    with pytest.raises(Invalid):
        make.post(ticket, "redacted", lead, target=word.seq, subject=True)
    make.post(ticket, "redacted", lead, target=1)
    assert "Canary" in rendered(ticket, "public")
    make.post(ticket, "redacted", lead, target=1, subject=True)
    for audience in ("public", "customer", "staff"):
        assert "Canary" not in rendered(ticket, audience)
    assert make.fresh(ticket).subject == "Subject removed"
    with pytest.raises(Conflict):
        make.post(ticket, "redacted", lead, target=1, subject=True)


def test_erasing_the_first_entry_erases_the_subject(house: Flask) -> None:
    ticket = make.ticket(subject="Ring 030 5550147")
    make.post(ticket, "erased", make.lead(ticket.desk), target=1)
    assert "5550147" not in rendered(ticket, "staff")


SONGS = ("Carola", "Canaria", "canary@home.example", "5550147", "canary impact", "canary reply", "canary thanks")


def singing() -> Ticket:
    """A ticket that sings of its customer everywhere, with a private and a published picture of theirs."""
    ticket = make.ticket(
        name="Carola Canaria",
        email="canary@home.example",
        phone="030 5550147",
        subject="Canaria has no water",
        text="I am Carola Canaria, 030 5550147.",
        impact="canary impact",
        feeling="angry",
    )
    agent = make.assignee(ticket)
    sent(ticket, "reply", text="canary reply", publish=True)
    make.post(ticket, "note", agent, text="Mrs Canaria called from 030 5550147.")
    make.post(ticket, "update", agent, text="Dear Ms Canaria, we come. canary@home.example")
    make.post(ticket, "handoff_offered", agent, to=make.agent(ticket.desk), briefing="Carola Canaria knows.")
    make.post(ticket, "reply", text="canary reply, private", publish=False)
    letter = attachments.keep(b"Our letter", "CarolaCanaria_030-5550147.txt")
    make.post(ticket, "note", agent, text="Our letter", files=[{"file": letter.key, "alt": "Carola Canaria's letter"}])
    reports.file(ticket, 1, "Carola Canaria is my neighbour.", by=READER)
    decided = reports.file(ticket, None, "I am Canaria's sister.", by=READER)
    reports.decide(decided.key, "dismissed", "Ms Canaria said yes.", by=make.viewer(make.lead(ticket.desk)))
    make.deliver()
    return ticket


def everything_stored() -> str:
    return "\n".join(str(rows) for rows in backup().values())


def dropped(ticket: Ticket) -> None:
    erasure.ticket(ticket.ref, by=make.customer(ticket))


def test_whoever_erases_themselves_is_nowhere_any_more(house: Flask) -> None:
    ticket = singing()
    by = make.customer(ticket)
    assert any(song in everything_stored() for song in SONGS)
    erasure.ticket(ticket.ref, by=by)
    store.session().expire_all()
    stored = everything_stored()
    assert [song for song in SONGS if song in stored] == []
    assert [file.name for file in store.session().scalars(select(File))] == ["text"], "the desk's own, without its name"
    assert "erased" in make.kinds_of(ticket, "public")
    assert "we come" in rendered(ticket, "public")
    assert "Subject removed" in rendered(ticket, "public")


def test_no_link_opens_an_erased_ticket_and_no_news_goes_to_its_customer(house: Flask) -> None:
    ticket = singing()
    secret = tickets.give_key(ticket)
    dropped(ticket)
    assert store.session().query(CustomerKey).count() == 0
    make.post(ticket, "update", text="One more word.")
    news = store.session().query(News).order_by(News.id.desc()).first()
    assert news
    assert [one.address for one in recipients.find(news).recipients if one.role == "customer"] == []
    assert secret
    before = len(make.mails())
    make.deliver()
    assert len(make.mails()) == before


def test_only_the_customer_and_who_runs_the_desk_erase(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    for by in (make.assignee(ticket), make.viewer(make.lead(make.desk("elsewhere"))), make.customer(make.ticket())):
        with pytest.raises(Forbidden):
            erasure.ticket(ticket.ref, by=by)
    with pytest.raises(Unauthorized):
        erasure.ticket(ticket.ref, by=ANYONE)
    with pytest.raises(Forbidden):
        erasure.person("a@home.example", by=make.viewer(make.lead(ticket.desk)))
    make.own(client, ticket)
    assert "What goes" in client.get(f"/t/{ticket.ref}/erase").text
    assert client.post(f"/t/{ticket.ref}/erase", data={}).status_code == 422
    assert "are gone" in client.post(f"/t/{ticket.ref}/erase", data={"sure": "yes"}).text
    assert client.get(f"/t/{ticket.ref}/erase").status_code == 401


def test_erasing_an_address_takes_its_tickets_and_what_it_follows(house: Flask) -> None:
    one, other = (make.ticket(email="Canary@home.example") for _ in range(2))
    third = make.ticket()
    with store.transaction() as session:
        facts = {"channel": "email", "target": "canary@home.example", "created_at": store.now()}
        session.add(Subscription(sid="s" * 12, ticket_id=third.id, confirmed_at=store.now(), **facts))
    people.mint_link("signin", address="canary@home.example")
    assert erasure.person("Canary@home.example", by=SYSTEM) == [one.ref, other.ref]
    store.session().expire_all()
    assert "canary@home" not in everything_stored()
    assert make.fresh(third).email


def heard(ticket: Ticket, far: Receiver) -> None:
    """Let two followers and a webhook hear of a ticket, each of which has been sent something."""
    hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    with store.transaction() as session:
        for target in ("another@home.example", "follower-canary@home.example"):
            facts = {"channel": "email", "target": target, "created_at": store.now(), "confirmed_at": store.now()}
            one = Subscription(sid=links.new_ref(), ticket_id=ticket.id, **facts)
            session.add(one)
            session.flush()
        outbox.letter("follow", ticket_id=ticket.id, subscription_id=one.id, address=one.target)
    make.post(ticket, "update", text="The part is here.")
    make.deliver()
    query = select(Delivery.channel).where(Delivery.subscription_id.is_not(None), Delivery.state == "sent")
    assert set(store.session().scalars(query)) == {"email", "webhook"}
    assert far.posted


def test_erasing_takes_followers_and_hooks_that_were_sent_to_and_does_so_again_after_a_restore(
    open_house: Flask, far: Receiver
) -> None:
    ticket = make.ticket(email="canary@home.example")
    heard(ticket, far)
    kept = backup()
    for _ in range(2):
        assert far.url in everything_stored()
        erasure.person("follower-canary@home.example", by=SYSTEM)
        dropped(ticket)
        store.session().expire_all()
        assert [song for song in ("canary@home", far.url) if song in everything_stored()] == []
        assert store.session().scalars(select(Subscription.target)).all() == ["another@home.example"]
        restore(kept)
        assert erasure.replay() >= 2
        store.session().expire_all()
        assert [song for song in ("canary@home", far.url) if song in everything_stored()] == []
        restore(kept)


def test_who_only_wrote_a_mail_that_could_not_be_taken_is_erased_again_after_a_restore(house: Flask) -> None:
    with store.transaction() as session:
        facts = {"fingerprint": "x", "received_at": store.now(), "state": "dead"}
        session.add(IncomingMail(sender="canary@home.example", source=b"From: canary@home.example", **facts))
    kept = backup()
    erasure.person("canary@home.example", by=SYSTEM)
    restore(kept)
    assert erasure.replay() == 1
    assert "canary@home" not in everything_stored()


def test_a_letter_whose_address_was_erased_finds_nobody(house: Flask) -> None:
    dropped(make.ticket())
    with store.transaction():
        letter = outbox.letter("signin", address="")
    assert recipients.find(letter).recipients == [], "and least of all the tickets that have no address any more"


def test_a_question_not_yet_mailed_is_not_mailed_to_nobody(house: Flask) -> None:
    ticket = make.ticket()
    following.follow(ticket.ref, "canary@home.example", by=ANYONE, language="en", zone="")
    erasure.person("canary@home.example", by=SYSTEM)
    dropped(ticket)
    store.session().expire_all()
    letter = store.session().scalars(select(News).where(News.topic == "follow")).one()
    assert (letter.address, letter.subscription_id) == ("", None)
    assert letter.expanded_at is not None
    make.deliver()
    assert store.session().scalars(select(Delivery).where(Delivery.news_id == letter.id)).all() == []


def test_erasures_are_written_outside_the_database_without_saying_who(house: Flask) -> None:
    ticket = singing()
    make.post(ticket, "erased", make.lead(ticket.desk), target=1)
    dropped(ticket)
    erasure.person("canary@home.example", by=SYSTEM)
    lines = [json.loads(line) for line in erasure.log_path().read_text().splitlines()]
    assert [set(line) - {"at"} for line in lines] == [{"ref", "seq", "recorded_at"}, {"ref"}, {"person"}]
    assert not any(song in erasure.log_path().read_text() for song in SONGS)


def backup() -> dict[str, list[dict[str, Any]]]:
    """Return every row there is, by table."""
    tables = store.db.metadata.sorted_tables
    return {one.name: [dict(row) for row in store.session().execute(select(one)).mappings()] for one in tables}


def restore(kept: dict[str, list[dict[str, Any]]]) -> None:
    """Put back every row as it was, as a restored backup does."""
    tables = store.db.metadata.sorted_tables
    with store.transaction() as session:
        for table in reversed(tables):
            session.execute(table.delete())
        for table in tables:
            if kept[table.name]:
                session.execute(table.insert(), kept[table.name])
    store.session().expire_all()


def test_after_a_restore_what_was_erased_is_erased_again(house: Flask) -> None:
    """F18: yesterday's backup knows what was erased today."""
    ticket, other = singing(), make.ticket(text="canary thanks")
    with store.transaction() as session:
        facts = {"channel": "email", "target": "follower-canary@home.example", "created_at": store.now()}
        session.add(Subscription(sid="s" * 12, ticket_id=other.id, confirmed_at=store.now(), **facts))
    kept, epoch = backup(), seed.renew_epoch()
    dropped(ticket)
    make.post(other, "erased", make.lead(other.desk), target=1)
    erasure.person("follower-canary@home.example", by=SYSTEM)
    restore(kept)
    assert any(song in everything_stored() for song in SONGS)
    answer = house.test_cli_runner().invoke(args=["tracker", "restored"])
    assert answer.exit_code == 0, answer.output
    assert "Erased again: 3" in answer.output
    store.session().expire_all()
    stored = everything_stored()
    assert [song for song in (*SONGS, "follower-canary") if song in stored] == []
    assert epoch not in stored
    assert "Erased again: 0" in house.test_cli_runner().invoke(args=["tracker", "restored"]).output


def test_an_entry_that_took_a_lost_entrys_number_is_not_erased_for_it(house: Flask) -> None:
    ticket = make.ticket()
    kept = backup()
    lost = make.post(ticket, "update", text="To be erased").seq
    make.post(ticket, "erased", make.lead(ticket.desk), target=lost)
    restore(kept)
    assert make.post(make.fresh(ticket), "update", text="Another word").seq == lost
    assert erasure.replay() == 0
    assert "Another word" in rendered(ticket, "public")


def test_a_log_with_a_broken_line_is_read_to_its_end(house: Flask) -> None:
    ticket = make.ticket()
    erasure.log_path().write_text(f'{{"at": "x", "re\n[1]\n{{"ref": "nowhere"}}\n{{"ref": "{ticket.ref}"}}\n')
    assert erasure.replay() == 1
    assert make.fresh(ticket).email == ""


def test_where_the_log_is_kept_can_be_chosen(house: Flask, tmp_path: Any) -> None:
    chosen = replace(settings.current(), erasure_log=str(tmp_path / "elsewhere" / "erasures.log"))
    house.extensions["tracker_settings"] = chosen
    dropped(make.ticket())
    assert (tmp_path / "elsewhere" / "erasures.log").exists()


def test_the_command_erases_by_address(house: Flask) -> None:
    ticket = make.ticket(email="canary@home.example")
    answer = house.test_cli_runner().invoke(args=["tracker", "erase", "canary@home.example"])
    assert answer.exit_code == 0, answer.output
    assert ticket.ref in answer.output
    assert masks.hidden(make.fresh(ticket).original) == []


def test_old_mail_of_the_erased_is_not_kept_in_the_development_mailbox(house: Flask) -> None:
    make.ticket(email="canary@home.example")
    make.deliver()
    assert any("canary@home.example" in str(mail["To"]) for mail in make.mails())
    erasure.person("canary@home.example", by=SYSTEM)
    assert not any("canary@home.example" in str(mail["To"]) for mail in make.mails())


def test_time_alone_brings_nothing_back(house: Flask, travel: Any) -> None:
    ticket = singing()
    dropped(ticket)
    travel.shift(timedelta(days=3))
    make.deliver()
    assert [song for song in SONGS if song in rendered(ticket, "staff")] == []
