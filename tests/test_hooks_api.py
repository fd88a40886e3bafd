"""Programs keep what hears of a ticket or desk by the API, under the same rules as people on its page."""

import json
from functools import partial

import pytest
from flask import Flask
from standardwebhooks import Webhook

from tests import make
from tests.houses import Visitor
from tests.servers.receiver import Receiver
from tests.test_hooks import quiet, work
from tests.threads import at_once
from tracker import hooks, links, store, tickets
from tracker.errors import Conflict
from tracker.models import Desk, Subscription, Ticket
from tracker.permissions import Viewer

API = "/api/v1"


def test_a_customers_program_keeps_its_hooks_by_the_api(open_house: Flask, far: Receiver, client: Visitor) -> None:
    ticket, other = quiet(), make.ticket()
    mine = {"Authorization": f"Bearer {tickets.give_key(ticket)}"}
    theirs = {"Authorization": f"Bearer {tickets.give_key(other)}"}
    url = f"{API}/tickets/{ticket.ref}/hooks"
    made = client.post(url, json={"target": f"{far.url}?key=canary"}, headers=mine)
    assert made.status_code == 201
    secret, sid = made.get_json()["secret"], made.get_json()["sid"]
    assert client.post(url, json={"target": f"{far.url}?key=canary"}, headers=mine).status_code == 409
    make.post(ticket, "update", text="The part is here.")
    work()
    assert Webhook(secret).verify(far.posted[0].body, far.posted[0].headers)["type"] == "ticket.update"
    (listed,) = client.get(url, headers=mine).get_json()["items"]
    log = client.get(f"{url}/{sid}", headers=mine).get_json()
    assert [one["state"] for one in log["deliveries"]] == ["sent", "sent"]
    assert "canary" not in json.dumps([listed, log]), "an address may hold secrets: its host alone is shown"
    assert secret not in json.dumps([listed, log]), "a secret is shown once"
    again = f"{url}/{sid}/deliveries/{log['deliveries'][-1]['name']}"
    assert client.post(again, headers=mine).status_code == 202
    work()
    assert far.posted[-1].headers["webhook-id"] == far.posted[0].headers["webhook-id"]
    for address in (f"{url}/{sid}", f"{API}/tickets/{other.ref}/hooks/{sid}"):
        assert client.delete(address, headers=theirs).status_code in (403, 404)
    assert client.delete(f"{url}/{sid}", headers=mine).get_json()["ended_why"] == "left"
    make.post(ticket, "update", text="It is in.")
    work()
    assert len(far.posted) == 3
    assert client.get(url, headers=mine).get_json()["items"] == []


def test_a_leads_token_keeps_the_desks_hooks_and_an_agents_does_not(
    open_house: Flask, far: Receiver, client: Visitor
) -> None:
    ticket = quiet()
    url = f"{API}/desks/{ticket.desk.slug}/hooks"
    lead = make.lead(ticket.desk, on_duty=False)
    assert client.post(url, json={"target": far.url}, headers=make.bearer(lead, "write")).status_code == 403
    assert client.post(url, json={"target": far.url}, headers=make.bearer(ticket.assignee)).status_code == 403
    made = client.post(url, json={"target": far.url}, headers=make.bearer(lead, "admin"))
    assert made.status_code == 201
    make.post(ticket, "update", text="The part is here.")
    work()
    assert Webhook(made.get_json()["secret"]).verify(far.posted[0].body, far.posted[0].headers)
    for act in (client.get, client.delete):
        assert act(f"{url}/{made.get_json()['sid']}", headers=make.bearer(ticket.assignee)).status_code == 403


def test_a_customers_program_chooses_how_often_they_are_mailed(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(email="cara@home.example")
    mine, url = {"Authorization": f"Bearer {tickets.give_key(ticket)}"}, f"{API}/tickets/{ticket.ref}/news"
    assert client.get(url, headers=mine).get_json() == {"frequency": "once"}
    assert client.put(url, json={"frequency": "never"}, headers=mine).get_json() == {"frequency": "never"}
    assert client.put(url, json={"frequency": "weekly"}, headers=mine).status_code == 422
    assert client.put(url, json={"frequency": "daily"}, headers=make.bearer(ticket.assignee)).status_code == 403
    make.deliver()
    make.post(ticket, "update", text="The part is here.")
    assert "The part is here." not in "".join(mail.as_string() for mail in make.deliver())


@pytest.mark.parametrize(
    "target",
    [
        "pbul://canary",
        "threema://*MYGATEWAYID@canary/01234567890",
        f"msgbird://{'canary'.ljust(25, 'a')}/01234567890",
        f"tgram://123456789:{'canary'.ljust(35, 'a')}/12345",
    ],
)
def test_a_chats_address_is_shown_by_its_service_alone_for_its_key_stands_where_a_host_would(
    house: Flask, client: Visitor, target: str
) -> None:
    ticket = make.ticket()
    mine = {"Authorization": f"Bearer {tickets.give_key(ticket)}"}
    url = f"{API}/tickets/{ticket.ref}/hooks"
    kept = Subscription(sid=links.new_ref(), channel="chat", target=target, ticket_id=ticket.id, role="customer")
    with store.transaction() as session:
        kept.created_at = kept.confirmed_at = store.now()
        session.add(kept)
    (listed,) = client.get(url, headers=mine).get_json()["items"]
    service = target.partition("://")[0]
    assert listed["place"] == f"{service}://…"
    make.own(client, ticket)
    assert "canary" not in client.get(f"/t/{ticket.ref}/hooks").text
    make.deliver()
    with store.transaction():
        hooks.failed(kept, for_good=True)
    (told,) = [mail for mail in make.deliver() if service in str(mail["Subject"])]
    assert "canary" not in told.as_string()


def test_of_two_programs_that_add_the_same_place_at_once_one_does(open_house: Flask, far: Receiver) -> None:
    def add(on: Ticket | Desk, by: Viewer, _number: int) -> None:
        hooks.create(on, "webhook", far.url, by=by)

    ticket = make.ticket()
    desk = ticket.desk
    whose: list[tuple[Ticket | Desk, Viewer]] = [(ticket, make.customer(ticket)), (desk, make.viewer(make.lead(desk)))]
    for on, by in whose:
        assert [type(one) for one in at_once(open_house, 6, partial(add, on, by))] == [Conflict] * 5
        assert len(hooks.of(on, by=by)) == 1


def test_the_api_refuses_addresses_inside(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    mine = {"Authorization": f"Bearer {tickets.give_key(ticket)}"}
    for target in (
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "http://programs.example/",
        "json://a.example",
    ):
        for channel in ("webhook", "chat"):
            given = {"channel": channel, "target": target}
            answer = client.post(f"{API}/tickets/{ticket.ref}/hooks", json=given, headers=mine)
            assert (answer.status_code, [*answer.get_json()["error"]["fields"]]) == (422, ["target"]), given
