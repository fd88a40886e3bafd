"""A whole server as people run it: started, killed, started again, and what it had accepted is still there."""

import re
import urllib.request
from pathlib import Path

import pytest

from tests.servers.ground import wait_until
from tests.servers.instance import Instance, instance

pytestmark = pytest.mark.slow


def get(running: Instance, path: str) -> str:
    with urllib.request.urlopen(f"{running.url}{path}", timeout=30) as answer:
        return str(answer.read().decode())


def tickets(running: Instance) -> set[str]:
    """The refs that the home page links to."""
    return set(re.findall(r'href="[^"]*/t/(\w+)', get(running, "/")))


def test_the_demo_is_served_and_survives_kills_and_restarts() -> None:
    with instance(demo=True) as running:
        refs = tickets(running)
        assert refs, "the demo has public tickets"
        before = running.workers()
        assert running.kill_workers() == len(before) == 1
        wait_until(lambda: running.workers() and running.workers() != before and running.ready(), within=60)
        assert tickets(running) == refs
        running.kill()
        running.start()
        assert tickets(running) == refs
        running.restart()
        assert tickets(running) == refs
        running.flask("init", "--demo")
        assert tickets(running) == refs, "a second start seeds nothing twice"


def test_a_setting_that_makes_no_sense_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="TRACKER_MODE"):
        Instance(data_dir=tmp_path, mode="sideways").flask("init")


def test_a_server_with_such_a_setting_ends_by_itself_and_starts_no_worker(tmp_path: Path) -> None:
    server = Instance(data_dir=tmp_path, mode="sideways")
    try:
        with pytest.raises(RuntimeError, match=r"(?ms)gunicorn ended with 1:.*^TRACKER_MODE must be"):
            server.start()
        assert "Booting worker" not in server.log()
    finally:
        server.close()


@pytest.mark.postgres
def test_the_same_server_runs_on_postgresql(postgres_url: str) -> None:
    with instance(demo=True, database_url=postgres_url) as running:
        assert tickets(running)
