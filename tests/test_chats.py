"""Chats hear in words, at services whose hosts nobody names, never lured into our own network."""

import json
import socket

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.servers.receiver import Receiver
from tests.test_hooks import quiet, states, work
from tracker import hooks, store
from tracker.channels import chat
from tracker.errors import Forbidden, Invalid

pytestmark = pytest.mark.slow
DISCORD = f"discord://123456789012345678/{'a' * 60}"


def test_a_chat_hears_in_words(open_house: Flask, far: Receiver) -> None:
    ticket = quiet()
    hooks.create(ticket, "chat", f"json://127.0.0.1:{far.port}/room", by=make.customer(ticket))
    make.post(ticket, "update", text="The **part** is here.")
    work()
    said = json.loads(far.posted[0].body)["message"]
    assert f"{ticket.assignee.name} wrote: The part is here." in said
    assert f"/t/{ticket.ref}" in said
    assert states() == ["sent"]


def test_a_chat_that_is_away_is_tried_again(open_house: Flask, far: Receiver) -> None:
    ticket = quiet()
    hook, _secret = hooks.create(ticket, "chat", f"json://127.0.0.1:{far.port}/room", by=make.customer(ticket))
    far.status = 503
    hooks.test(hook)
    work()
    assert states() == ["waiting"]
    assert "did not take it" in hooks.log(hook)[0][0].last_error


def test_a_desks_chat_is_told_of_what_is_opened_without_its_customers_secrets(open_house: Flask, far: Receiver) -> None:
    desk = make.desk()
    hooks.create(desk, "chat", f"json://127.0.0.1:{far.port}/room", by=make.viewer(make.lead(desk)))
    ticket = make.ticket(desk)
    make.post(ticket, "resolved")
    work()
    said = "".join(json.loads(one.body)["message"] for one in far.posted)
    assert ticket.subject in said
    assert "/link/" not in said
    assert "/answer/" not in said


def test_a_chat_follows_only_after_its_own_yes(open_house: Flask, far: Receiver, client: Visitor) -> None:
    ticket = quiet()
    typed = {"channel": "chat", "target": f"json://127.0.0.1:{far.port}/room"}
    assert client.post(f"/t/{ticket.ref}/follow", data=typed).status_code == 200
    make.post(ticket, "update", text="Too early.")
    work()
    (asked,) = far.posted
    said = json.loads(asked.body)["message"]
    link = next(word for word in said.split() if "/follow/" in word).removeprefix("http://localhost")
    client.post(link, data={"do": "confirm"})
    make.post(ticket, "update", text="In time.")
    work()
    assert "In time." in json.loads(far.posted[-1].body)["message"]
    assert link in json.loads(far.posted[-1].body)["message"], "the way out"
    client.post(link, data={"do": "leave"})
    make.post(ticket, "update")
    work()
    assert len(far.posted) == 2


@pytest.mark.parametrize(
    "target",
    [
        "mailto://user:pw@mail.example",
        "syslog://",
        "dbus://",
        "exec://x",
        "json://127.0.0.1/x",
        "rsyslog://10.0.0.1",
        "x",
        "jsons://chosen.example/room",
        "mmosts://chosen.example/token",
        "zulip://bot@chosen.example/" + "a" * 32,
        "workflows://chosen.example/workflow/signature/",
        f"{DISCORD}?template=/etc/passwd",
        f"{DISCORD}?template=http://169.254.169.254/",
    ],
)
def test_a_chat_of_another_kind_or_at_a_host_one_names_is_refused(house: Flask, target: str) -> None:
    with pytest.raises(Invalid):
        chat.check_target(target)


def test_a_chat_that_was_allowed_once_is_given_up(house: Flask, far: Receiver) -> None:
    """Places set up before the list of services grew shorter are still in the database."""
    ticket = quiet()
    hook, _secret = hooks.create(ticket, "chat", DISCORD, by=make.customer(ticket))
    with store.transaction():
        hook.target = f"{DISCORD}?template=/etc/passwd"
    hooks.test(hook)
    work()
    assert states() == ["dead"]


@pytest.mark.parametrize(
    "target",
    [
        DISCORD, "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "tgram://123456789:abcdefg_hijklmnop/12345",
        "gchat://space/key/token", "wxteams://" + "a" * 80, f"pover://{'u' * 30}@{'a' * 30}", "pbul://" + "a" * 34,
        f"threema://*GATEWA1@{'b' * 16}/4912345678901", f"twilio://AC{'a' * 32}:{'b' * 32}@+12015550123/+12015550124",
        f"vonage://abcdefgh:{'b' * 16}@12015550123/+12015550124", f"msgbird://{'a' * 25}/12015550123",
        "clicksend://user:pw@12015550124", f"sinch://{'a' * 32}:{'b' * 32}@12015550123/12015550124",
        "bulksms://user:pw@+12015550124",
    ],
)  # fmt: skip
def test_the_services_we_name_are_taken(house: Flask, target: str) -> None:
    assert chat.check_target(f" {target} ") == target


def test_a_chat_service_whose_name_leads_inside_is_refused_when_we_connect(
    house: Flask, far: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def inside(host: str, *_more: object, **_options: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", far.port))]

    ticket = quiet()
    hook, _secret = hooks.create(ticket, "chat", DISCORD, by=make.customer(ticket))
    hooks.test(hook)
    monkeypatch.setattr(socket, "getaddrinfo", inside)
    work()
    assert "discord.com" in asked
    assert states() == ["waiting"]
    assert not far.posted


def test_somebody_who_answers_hears_in_a_chat_of_their_own(open_house: Flask, far: Receiver) -> None:
    ticket = quiet()
    mine, theirs = ticket.assignee, make.agent(ticket.desk)
    target = f"json://127.0.0.1:{far.port}/mine"
    hooks.create(mine, "chat", target, by=make.viewer(mine))
    with pytest.raises(Forbidden):
        hooks.create(mine, "chat", target + "2", by=make.viewer(theirs))
    with pytest.raises(Invalid):
        hooks.create(mine, "webhook", far.url, by=make.viewer(mine))
    make.post(ticket, "reply", text="It still drips.", publish=False)
    make.post(ticket, "update")
    work()
    (told,) = far.posted
    assert "It still drips." in json.loads(told.body)["message"]
    assert f"/workspace/t/{ticket.ref}" in json.loads(told.body)["message"]
