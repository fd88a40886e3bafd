"""Canaries: words that only some may read are sung into every field, then listened for at every way out."""

import logging
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from tests import make
from tests.attacks import stage
from tests.attacks.exits import ADDRESS, MOVES_ON, NOT_VISITED, heard, rules, ways_out
from tests.attacks.test_rooms import Ear
from tests.houses import Visitor
from tests.servers.ground import wait_until
from tests.servers.receiver import Receiver
from tracker import attachments, browse, exporting, following, hooks, links, masks, people, store, tickets
from tracker.models import Subscription, Ticket
from tracker.permissions import ANYONE
from widgets import _picture

TO_CUSTOMER = {
    "mail": "canary-mail@home.example",
    "phone": "+49 170 5550199",
    "name": "Carola Canaria",
    "impact": "canary impact",
    "private reply": "canary private reply",
    "private thanks": "canary private thanks",
    "file": "canary letter",
}
TO_STAFF = {
    "note": "canary note",
    "briefing": "canary briefing",
    "no to a handoff": "canary refusal",
    "consent": "canary consent",
}
LISTS_FEELINGS = {"/new", "/api/v1/docs", "/api/v1/openapi.json"}
"""They name all there are to choose from."""
CUSTOMERS_OWN = {"/answer/<secret>"}
"""Their secret link: both sides read what was typed."""
FOLLOWER = "canary-follower@else.example"


@pytest.fixture
def scene(open_house: Flask, far: Receiver) -> stage.Scene:
    scene = stage.fill([])
    opened, _ = tickets.open(
        {
            "subject": "A ticket with secrets",
            "text": "Nothing secret here.",
            "name": TO_CUSTOMER["name"],
            "email": TO_CUSTOMER["mail"],
            "phone": TO_CUSTOMER["phone"],
            "impact": TO_CUSTOMER["impact"],
            "feeling": "angry",
            "name_shown": "none",
            "desk": scene.ticket.desk.slug,
        },
        by=ANYONE,
    )
    tickets.confirm(people.mint_link("confirm", ticket_id=opened.id))
    scene.ticket = make.fresh(opened)
    if scene.ticket.assignee_id != scene.agent.id:
        scene.agent, scene.other = scene.other, scene.agent
    make.post(scene.ticket, "visibility_changed", visibility="public", name_shown="none", pseudonym="")
    _listen(scene.ticket, far)
    _sing(scene)
    return scene


def _sing(scene: stage.Scene) -> None:
    ticket, agent, other = scene.ticket, make.viewer(scene.agent), make.viewer(scene.other)
    letter = attachments.keep(b"A letter", f"{TO_CUSTOMER['file']}.txt")
    make.post(ticket, "note", agent, text=TO_STAFF["note"])
    make.post(ticket, "reply", text=TO_CUSTOMER["private reply"], publish=False)
    make.post(ticket, "thanks", make.customer(ticket), text=TO_CUSTOMER["private thanks"])
    make.post(ticket, "handoff_offered", agent, to=scene.other, reason="On leave", briefing=TO_STAFF["briefing"])
    make.post(ticket, "handoff_declined", other, reason=TO_STAFF["no to a handoff"])
    make.post(ticket, "update", agent, text="A public word.", files=[{"file": letter.key, "alt": "A letter"}])


def _listen(ticket: Ticket, far: Receiver) -> None:
    """Let followers, a program and a chat hear of a ticket; the last two are its customer's."""
    for channel, target in (("email", FOLLOWER), ("chat", f"json://127.0.0.1:{far.port}/followers")):
        following.follow(ticket.ref, target, by=ANYONE, language="en", zone="", channel=channel)
    for sid in store.session().scalars(select(Subscription.sid).where(Subscription.ticket_id == ticket.id)).all():
        following.confirm(links.follow_token(sid))
    for channel, target in (("webhook", far.url), ("chat", f"json://127.0.0.1:{far.port}/room")):
        hooks.create(ticket, channel, target, by=make.customer(ticket))


TYPED = (
    "Call 030 5550148 or typed-canary@else.example, DE89 3704 0044 0532 0130 00. Ms Canaria knows.\n"
    "Regards,\nZoe Zxqvbn"
)
MASKED = {
    "a phone number": "5550148",
    "a mail address": "typed-canary",
    "an account": "0532 0130",
    "the name": "Canaria",
    "a signature": "Zxqvbn",
}


def _type_personal_data(scene: stage.Scene) -> None:
    """Say personal data in every field that everyone may read, as those who do not think of it."""
    ticket, agent, other = scene.ticket, make.viewer(scene.agent), make.viewer(scene.other)
    with store.transaction():
        found = make.fresh(ticket)
        found.subject = "Ring Canaria: 030 5550148, typed-canary@else.example"
        masks.cover_subject(found)
    word = make.post(ticket, "update", agent, text=TYPED)
    make.post(ticket, "corrected", agent, target=word.seq, text=f"{TYPED}!", reason=f"Not {TYPED}"[:400])
    make.post(ticket, "promise_moved", agent, reason=TYPED)
    make.post(ticket, "reply", text=TYPED, publish=True)
    thanks = make.post(ticket, "thanks", make.customer(ticket), text=TYPED)
    make.post(ticket, "reply_published", target=thanks.seq)
    make.post(ticket, "handoff_offered", agent, to=scene.other, reason=TYPED, briefing=TYPED)
    make.post(ticket, "handoff_declined", other, reason=TYPED)
    make.post(ticket, "waiting", agent, text=TYPED)
    make.post(ticket, "resumed", agent)
    make.post(ticket, "resolved", agent, text=TYPED)
    make.post(ticket, "feedback", text=TYPED, publish=True)
    make.post(ticket, "reopened", text=TYPED)
    shares = {"name_shown": "none", "pseudonym": "", "shares_feelings": True}
    make.post(ticket, "visibility_changed", visibility="public", **shares)
    make.post(ticket, "update", agent, text=TYPED)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written into pictures, which can not be listened to."""
    found: list[str] = []
    draw = _picture.draw

    def noting(facts: _picture.Facts) -> bytes:
        found.append(str(facts))
        return draw(facts)

    monkeypatch.setattr(_picture, "draw", noting)
    return found


def songs_in(said: str, songs: dict[str, str]) -> list[str]:
    return [what for what, song in songs.items() if song in said]


def test_every_exit_of_the_map_opens_to_somebody(house: Flask, scene: stage.Scene) -> None:
    exits, lead, machine = ways_out(scene.ticket), house.test_client(), house.test_client()
    make.sign_in(lead, make.lead(scene.ticket.desk))
    machine.environ_base["HTTP_AUTHORIZATION"] = make.bearer(make.admin(scene.ticket.desk))["Authorization"]
    opened: set[str] = set()
    for browser in (lead, machine, *(browser for _who, browser in stage.browsers(house, scene))):
        left = [(rule, address) for rule, address in exits if rule not in opened]
        opened |= {rule for rule, address in left if browser.get(address, buffered=True).status_code == 200}
    assert opened == set(rules()) - MOVES_ON
    assert set(rules()) >= MOVES_ON
    assert {rule.rule for rule in house.url_map.iter_rules()} >= NOT_VISITED.keys()


def test_the_public_hears_no_canary_anywhere(
    house: Flask, client: Visitor, scene: stage.Scene, drawn: list[str]
) -> None:
    secrets = {**TO_CUSTOMER, **TO_STAFF, "feeling": "angry", "address": ADDRESS, "follower": FOLLOWER}
    for rule, address in ways_out(scene.ticket):
        found = songs_in(heard(client, address), secrets)
        assert found == (["feeling"] if rule in LISTS_FEELINGS else []), address
    assert scene.ticket.subject in str(drawn)
    assert songs_in(str(drawn), secrets) == []


def test_personal_data_typed_into_public_words_leaves_by_no_exit(
    house: Flask, client: Visitor, scene: stage.Scene, drawn: list[str]
) -> None:
    _type_personal_data(scene)
    for rule, address in ways_out(scene.ticket):
        assert rule in CUSTOMERS_OWN or songs_in(heard(client, address), MASKED) == [], address
    assert "hidden" in str(drawn)
    assert songs_in(str(drawn), MASKED) == []
    pushed = str(browse.news(scene.ticket, after=0, audience="public", limit=200, html=True))
    assert songs_in(pushed, MASKED) == []
    assert songs_in(str(list(exporting.everything())), MASKED) == []
    for search in ("5550148", "canaria", "typed-canary"):
        assert scene.ticket.ref not in heard(client, f"/?q={search}")
    make.sign_in(client, scene.agent)
    told = heard(client, f"/workspace/t/{scene.ticket.ref}")
    assert songs_in(told, MASKED) == list(MASKED), "the desk reads what was typed"


def test_news_of_followers_programs_and_chats_holds_only_what_is_theirs(
    house: Flask, scene: stage.Scene, far: Receiver
) -> None:
    _type_personal_data(scene)
    told = {"follower": "", "customer": "", "/hook": "", "/room": "", "/followers": ""}
    for mail in make.deliver():
        who = (
            "follower" if FOLLOWER in str(mail["To"]) else "customer" if TO_CUSTOMER["mail"] in str(mail["To"]) else ""
        )
        if who:
            told[who] += "".join(part.get_content() for part in mail.iter_parts())
    for posted in far.posted:
        told[posted.path] += posted.body.decode()
    for who, said in told.items():
        assert "A public word." in said, who
        assert songs_in(said, TO_STAFF) == [], who
    for who in ("follower", "/followers"):
        assert songs_in(told[who], TO_CUSTOMER | MASKED) == [], who
        assert "hidden" in told[who]


def test_sockets_tell_the_public_no_canary_when_they_join_and_after(house: Flask, scene: stage.Scene) -> None:
    page, widget, desk = Ear(house), Ear(house), Ear(house)
    joined = [page.say("watch", ref=scene.ticket.ref, after=0, html=True)]
    joined += [widget.say("watch", embed=stage.embed_of(scene), after=0), desk.say("watch_list")]
    _type_personal_data(scene)
    make.post(scene.ticket, "note", text=TO_STAFF["note"])
    make.post(scene.ticket, "reply", text=TO_CUSTOMER["private reply"], publish=False)
    last = make.post(scene.ticket, "update", text="The last word.").seq
    for ear in (page, widget):
        wait_until(lambda ear=ear: last in [one["seq"] for one in ear.hears("event")], within=10, what="the last word")  # type: ignore[misc]
    frames = f"{joined}{page.heard}{widget.heard}{desk.heard}"
    assert "A public word." in frames
    assert songs_in(frames, {**TO_CUSTOMER, **TO_STAFF, **MASKED, "follower": FOLLOWER}) == []


def test_the_customer_hears_their_own_and_none_of_staff(house: Flask, client: Visitor, scene: stage.Scene) -> None:
    make.own(client, scene.ticket)
    for _rule, address in ways_out(scene.ticket):
        assert songs_in(heard(client, address), TO_STAFF) == [], address
    assert TO_CUSTOMER["private reply"] in heard(client, f"/t/{scene.ticket.ref}")


def test_staff_of_the_ticket_hear_them_all_so_the_canaries_do_sing(
    house: Flask, client: Visitor, scene: stage.Scene
) -> None:
    make.sign_in(client, scene.agent)
    said = heard(client, f"/workspace/t/{scene.ticket.ref}") + heard(client, f"/t/{scene.ticket.ref}")
    for what in ("note", "briefing", "no to a handoff"):
        assert TO_STAFF[what] in said, what
    for what in ("private reply", "private thanks", "impact", "mail"):
        assert TO_CUSTOMER[what] in said, what


def test_pushed_events_and_what_they_replace_hold_no_canary(house: Flask, scene: stage.Scene) -> None:
    for audience, secrets in (("public", {**TO_CUSTOMER, **TO_STAFF}), ("customer", TO_STAFF)):
        said = str(browse.news(scene.ticket, after=0, audience=audience, limit=200, html=True))
        assert [what for what, song in secrets.items() if song in said] == [], audience


def test_mail_to_the_customer_holds_nothing_of_staff_and_headers_hold_nothing_private(
    house: Flask, scene: stage.Scene
) -> None:
    for mail in make.deliver():
        whole = mail.as_string() + "".join(
            part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"
        )
        if TO_CUSTOMER["mail"] in str(mail["To"]):
            assert [what for what, song in TO_STAFF.items() if song in whole] == []
        head = "".join(f"{name}: {value}\n" for name, value in mail.items() if name != "To")
        songs = {**TO_CUSTOMER, **TO_STAFF}.items()
        assert [what for what, song in songs if song in head and what != "name"] == []  # "Carola Canaria replied."


def test_logs_of_wrong_requests_hold_no_canary(
    house: Flask, client: Visitor, scene: stage.Scene, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.post("/signin", data={"email": TO_CUSTOMER["mail"], "password": "canary password"})
        client.post("/signin/link", data={"email": TO_CUSTOMER["mail"]})
        client.get("/k/canary-secret")
        client.post("/k/canary-secret")
        client.post("/link/signin/canary-secret")
        make.deliver()
    for song in (*TO_CUSTOMER.values(), *TO_STAFF.values(), "canary password", "canary-secret"):
        assert song not in caplog.text


def test_a_fault_of_ours_is_logged_without_the_secret_link_it_met(
    house: Flask, client: Visitor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_secret: str) -> None:
        raise RuntimeError("a fault of ours")

    house.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    monkeypatch.setattr(tickets, "come_back", break_down)
    answer = client.post("/link/signin/canary-secret")
    assert (answer.status_code, answer.content_type) == (500, "text/html; charset=utf-8")
    assert "a fault of ours" not in answer.text
    assert "a fault of ours" in caplog.text
    assert "canary-secret" not in caplog.text


def test_the_database_file_holds_no_secret_in_plain(tmp_path: Path, sqlite_template: Path) -> None:
    from tests import houses

    with houses.opened(houses.copied(sqlite_template, tmp_path), tmp_path) as app:
        ticket = make.ticket()
        person = make.agent(ticket.desk, password="canary password of hers")
        _token, token = people.mint_api_token(person, name="x", scopes=["read"])
        secrets = [token, tickets.give_key(ticket), people.mint_link("signin", address="a@b.example")]
        browser = app.test_client()
        browser.post("/signin", data={"email": person.email, "password": "canary password of hers"})
        cookie = browser.get_cookie("nameplate")
        assert cookie
        secrets += ["canary password of hers", cookie.value]
        make.deliver()
        with browser.session_transaction() as session:
            secrets.append(session["sid"])
        browser.post("/signout")
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("nameplate.sqlite3*"))
    assert ticket.ref.encode() in stored
    assert [secret for secret in secrets if secret.encode() in stored] == []


@pytest.mark.parametrize("visibility", ["private", "unlisted"])
def test_what_is_not_public_is_in_no_list(house: Flask, client: Visitor, scene: stage.Scene, visibility: str) -> None:
    make.post(scene.ticket, "visibility_changed", visibility=visibility, name_shown="none", pseudonym="")
    desk, person = scene.ticket.desk.slug, scene.ticket.assignee.slug
    lists = [
        "/",
        "/?q=secrets",
        f"/?desk={desk}",
        f"/?person={person}",
        "/?status=open",
        f"/desks/{desk}",
        f"/people/{person}",
        f"/desks/{desk}/feed.atom",
        f"/people/{person}/feed.atom",
    ]
    lists += ["/api/v1/tickets", "/api/v1/tickets?q=secrets", f"/api/v1/tickets?person={person}"]
    for address in lists:
        assert scene.ticket.ref not in heard(client, address), address
        assert "A ticket with secrets" not in heard(client, address), address
    if visibility == "unlisted":
        assert 'content="noindex"' in heard(client, f"/t/{scene.ticket.ref}")


@pytest.mark.parametrize(
    "address",
    [
        *("/t/{}", "/t/{}/x", "/t/{}/entries", "/t/{}/embeds", "/t/{}/badge.json", "/t/{}/badge.svg"),
        *("/t/{}/card", "/t/{}/og.png", "/t/{}/feed.atom", "/oembed?url=http://localhost/t/{}", "/api/v1/tickets/{}"),
    ],
)
def test_a_private_ticket_answers_like_an_absent_one(house: Flask, client: Visitor, address: str) -> None:
    private = make.ticket(visibility="private")
    answers = []
    for ref in (private.ref, "0123456789ab"):
        answer = client.get(address.format(ref))
        kept = {name: value for name, value in answer.headers.items() if name != "Set-Cookie"}
        answers.append((answer.status, kept, answer.get_data().replace(ref.encode(), b"REF")))
    assert answers[0] == answers[1]
