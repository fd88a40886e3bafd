"""Libraries whose insides are not known: the stock driver and plain gthread serve, with a warning."""

import sys
from typing import Any

import pytest
from flask import Flask
from gunicorn.config import Config
from gunicorn.glogging import Logger

from tracker import live
from tracker.live import versions
from tracker.live.worker import LiveWorker


def test_the_versions_that_are_pinned_are_known() -> None:
    assert versions.fit(versions.KNOWN)
    assert versions.fit(versions.KNOWN_GUNICORN)


@pytest.mark.parametrize("name", [*versions.KNOWN, "no-such-package"])
def test_with_an_unknown_version_the_stock_driver_serves_and_says_so(
    house: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    monkeypatch.setitem(versions.KNOWN, name, "0.")
    check_stock(house, caplog)


@pytest.mark.parametrize("module", ["engineio.socket", "socketio.manager", "tracker.live.bridge"])
def test_with_a_part_that_was_renamed_the_stock_driver_serves_and_says_so(
    house: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: str
) -> None:
    for name in ("tracker.live.bridge", "tracker.live.books"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delattr(live, name.rpartition(".")[2], raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    check_stock(house, caplog)


def check_stock(house: Flask, caplog: pytest.LogCaptureFixture) -> None:
    server = house.extensions["socketio"].server
    before = server.manager, type(server.manager), server.eio._async["websocket"]
    assert live.take_over(house, descriptors=10_000, alone=True) is None
    assert (server.manager, type(server.manager), server.eio._async["websocket"]) == before
    assert "the stock driver serves" in caplog.text


@pytest.mark.parametrize(
    ("given", "is_plain"),
    [
        ({}, True),
        ({"certfile": "a.pem", "keyfile": "a.key"}, False),
        ({"http2_cleartext": "both"}, False),
        ({"proxy_protocol": "v1"}, False),
    ],
)
def test_the_worker_steps_aside_where_it_can_not_read_what_comes_in(given: dict[str, Any], is_plain: bool) -> None:
    assert plain(given) is is_plain


def test_the_worker_steps_aside_for_a_gunicorn_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(versions.KNOWN_GUNICORN, "gunicorn", "26.")
    assert not plain({})
    monkeypatch.undo()
    monkeypatch.delattr("gunicorn.workers.gthread.TConn")
    assert not plain({})


def plain(given: dict[str, Any]) -> bool:
    config = Config()
    for name, value in given.items():
        config.set(name, value)
    worker = LiveWorker(0, 0, [], None, 30, config, Logger(config))
    try:
        return worker._is_plain()
    finally:
        worker.tmp.close()
