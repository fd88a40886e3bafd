"""Handlers an application adds to the Socket.IO server: both drivers call them alike."""

import pytest
import socketio as library

from tests.servers.ground import wait_until
from tests.servers.instance import Instance
from tests.test_live_worker import DRIVERS, Client, emit, get

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("hung_up"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_callback_or_a_handler_that_fails_takes_nobody_else_along(driver: str) -> None:
    running = Instance(application="tests.live_app:app", arguments=DRIVERS[driver])
    try:
        running.init()
        running.start()
        with Client(running) as witness, Client(running) as client:
            assert witness.call("join", "den") == client.call("join", "den") == "joined"
            assert client.call("trick") == "asked"
            client.io.emit("break")
            wait_until(lambda: running.log().count("ZeroDivisionError") >= 2, what="both faults are in the log")
            emit(running, "still-here", to="den")
            witness.wait_for("said", "still-here")
            assert witness.call("shout", "hey") == ("hey", None)
    finally:
        running.close()


@pytest.mark.parametrize("driver", DRIVERS)
def test_connect_handlers_and_origins_decide_who_comes_in(driver: str) -> None:
    running = Instance(application="tests.live_app:app", arguments=DRIVERS[driver])
    running.environ |= {"LIVE_GREETS": "1", "LIVE_ORIGINS": "https://good.example"}
    try:
        running.init()
        running.start()
        with Client(running, auth={"name": "ann"}, headers={"Origin": "https://good.example"}) as client:
            assert client.call("shout", "in") == ("in", None)
        with pytest.raises(library.exceptions.ConnectionError):
            Client(running, auth={"name": "nobody"})
        for transports in ("websocket", "polling"):
            with pytest.raises(library.exceptions.ConnectionError):
                Client(running, transports, headers={"Origin": "https://bad.example"})
        assert [one for one in get(running, "/test/seen") if one[0] == "main"] == [
            ["main", {"name": "ann"}],
            ["main", {"name": "nobody"}],
        ]
    finally:
        running.close()


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_disconnect_handler_of_the_application_is_called_and_what_was_watched_is_forgotten(driver: str) -> None:
    running = Instance(application="tests.live_app:app", arguments=DRIVERS[driver])
    running.environ |= {"LIVE_PARTS": "1"}
    try:
        running.init(demo=True)
        running.start()
        ref = get(running, "/api/v1/tickets?limit=1")["items"][0]["ref"]
        for number, transport in enumerate(("websocket", "polling"), 1):
            with Client(running, transport) as client:
                assert "epoch" in client.call("watch", {"ref": ref, "after": 0})
                assert get(running, "/test/watched") == [ref]
            wait_until(lambda number=number: get(running, "/test/seen").count(["parted"]) == number)
            wait_until(lambda: get(running, "/test/watched") == [])
    finally:
        running.close()
