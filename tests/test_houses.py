"""The ground that tests of the house stand on is what they take it for."""

from datetime import timedelta
from pathlib import Path

from flask import Flask, g
from sqlalchemy import text
from time_machine import Traveller

from tests import houses, make
from tests.conftest import MONDAY
from tests.houses import Visitor
from tracker import store
from tracker.settings import Settings
from wsgi import create_app


def test_a_ticket_made_in_a_test_is_on_its_page(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(subject="The lift stands still")
    assert "The lift stands still" in client.get(f"/t/{ticket.ref}").text


def test_every_request_asks_anew_who_is_there(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(visibility="private")
    assert client.get(f"/t/{ticket.ref}").status_code == 404
    make.own(client, ticket)
    assert client.get(f"/t/{ticket.ref}").status_code == 200
    assert "viewer" not in g


def test_people_sign_in_without_a_password(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(visibility="private")
    make.sign_in(client, ticket.assignee)
    assert client.get(f"/t/{ticket.ref}").status_code == 200


def test_news_leaves_when_the_test_says_so(house: Flask) -> None:
    ticket = make.ticket()
    assert not make.mails()
    assert ticket.email in {str(mail["To"]) for mail in make.deliver()}


def test_time_stands_still_until_moved(house: Flask, travel: Traveller) -> None:
    assert store.now() == MONDAY
    travel.shift(timedelta(hours=3))
    assert store.now() == MONDAY + timedelta(hours=3)
    assert make.ticket().opened_at == store.now()


def test_the_disk_may_forget_in_tests_but_nowhere_else(sqlite_template: Path, tmp_path: Path) -> None:
    url = houses.copied(sqlite_template, tmp_path)
    served = create_app(Settings(database_url=url, data_dir=str(tmp_path), secret_key=houses.KEY))
    assert [_flushes(served), _flushes(houses.build(url, tmp_path))] == ["FULL", "OFF"]


def _flushes(app: Flask) -> str:
    with app.app_context():
        found = store.session().execute(text("PRAGMA synchronous")).scalar_one()
        store.db.session.remove()
        store.db.engine.dispose()
    return ("OFF", "NORMAL", "FULL")[found]
