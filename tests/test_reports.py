"""Who learns of a report: whoever runs the desk, by mail and in the frame of their pages, and nobody else."""

from flask import Flask

from tests import make
from tests.houses import Visitor
from tracker import reports, store
from tracker.permissions import Viewer

READER = Viewer(address="10.0.9.0/24")


def test_who_runs_the_desk_is_mailed_of_the_first_report_that_waits_without_its_words(house: Flask) -> None:
    ticket = make.ticket()
    lead, boss, _other = make.lead(ticket.desk), make.admin(make.desk("head")), make.lead(make.desk("elsewhere"))
    for reason in ("Canary", "Canary again"):
        reports.file(ticket, None, reason, by=READER)
    sent = [mail for mail in make.deliver() if "Reported" in mail["Subject"]]
    assert [mail["To"] for mail in sent] == [lead.email]
    assert "http://localhost/workspace/reports" in str(sent[0].get_body(("plain",)))
    assert not any(word in sent[0].as_string() for word in ("Canary", ticket.email, ticket.customer_name))
    reports.decide(reports.waiting(ticket.desk)[0].report.key, "dismissed", "Nothing there.", by=make.viewer(lead))
    with store.transaction():
        lead.active = False
    reports.decide(reports.waiting(ticket.desk)[0].report.key, "dismissed", "Nothing there.", by=make.viewer(boss))
    reports.file(ticket, None, "Canary", by=READER)
    sent = [mail for mail in make.deliver() if "Reported" in mail["Subject"]]
    assert [mail["To"] for mail in sent] == [lead.email, boss.email], "admins, where a desk has no lead"


def test_how_many_reports_wait_stands_in_the_frame_of_who_decides_and_of_nobody_else(
    house: Flask, client: Visitor
) -> None:
    ticket, other = make.ticket(), make.ticket(make.desk("elsewhere"))
    for one in (ticket, ticket, other):
        reports.file(one, None, "It names somebody.", by=READER)
    shown = {}
    for role in ("lead", "admin", "agent"):
        make.sign_in(client, make.person(ticket.desk, role=role))
        shown[role] = [
            words for words in ("Reports (2)", "Reports (3)", "Reports") if words in client.get("/workspace/").text
        ]
    assert shown == {"lead": ["Reports (2)", "Reports"], "admin": ["Reports (3)", "Reports"], "agent": []}


def test_what_is_offered_to_report_are_words_that_the_reader_sees_and_no_sentence_of_ours(house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "visibility_changed", visibility="public", name_shown="pseudonym", pseudonym="M.")
    make.post(ticket, "update", text="Her neighbour drinks.")
    closed = {"visibility": "private", "reason": "It names somebody."}
    make.post(ticket, "visibility_changed", make.viewer(make.lead(ticket.desk)), **closed)
    offered = [(one["kind"], one["body_html"] or one["reason"]) for one in reports.reportable(ticket, "public")]
    assert offered[:2] == [
        ("visibility_changed", "It names somebody."),
        ("update", "<p>Her neighbour drinks.</p>"),
    ]
    assert [kind for kind, _words in offered[2:]] == ["opened"]
