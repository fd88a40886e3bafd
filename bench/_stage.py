"""A house to measure: gunicorn as people run it, on either database, with tickets made through the commands."""

import argparse
import atexit
import http.client
import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest

from tests.servers.ground import ROOT
from tests.servers.instance import Instance
from tests.servers.postgres import Postgres, postgres

SQLITE, POSTGRESQL = "nameplate-sqlite", "nameplate-postgresql"
STAGED_WITHIN_S = 600


@dataclass(frozen=True)
class Stage:
    """A running server, the public tickets in it (the first wears `embed`), and their assignee's bearer token."""

    system: str
    server: Instance
    refs: list[str]
    embed: str
    token: str


class Posted(NamedTuple):
    """One update: its seq, when it was sent and when the server said that it is stored (monotonic seconds)."""

    seq: int
    sent_at: float
    stored_at: float


class Poster:
    """The assignee's client: posts updates over one kept connection, as a help desk's bridge would."""

    def __init__(self, stage: Stage) -> None:
        self._connection = http.client.HTTPConnection(stage.server.host, stage.server.port, timeout=60)
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {stage.token}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection; the next post opens it again."""
        self._connection.close()

    def post(self, ref: str, number: int) -> Posted:
        """Post one update; RuntimeError when it is refused."""
        due_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        text = f"The crew is on its way; this is word number {number}, and the **next** comes tomorrow."
        body = json.dumps({"kind": "update", "payload": {"text": text, "next_word_at": due_at}})
        sent_at = time.monotonic()
        self._connection.request("POST", f"/api/v1/tickets/{ref}/events", body, self._headers)
        answer = self._connection.getresponse()
        said, stored_at = answer.read(), time.monotonic()
        if answer.status != 201:
            raise RuntimeError(f"the update was refused: {answer.status} {said[:500]!r}")
        events: list[dict[str, Any]] = json.loads(said)["events"]
        return Posted(next(one["seq"] for one in events if one["kind"] == "update"), sent_at, stored_at)


Fresh = Callable[[], AbstractContextManager[dict[str, Any]]]
"""Gives the settings that choose a new, empty database."""


def clusters(stack: ExitStack) -> dict[str, Fresh]:
    """Return the databases there are here, by the system they make of Nameplate."""
    found: dict[str, Fresh] = {SQLITE: lambda: nullcontext({})}
    try:
        cluster = stack.enter_context(postgres())
    except pytest.skip.Exception as missing:
        print(f"Measured on SQLite alone: {missing}")
    else:
        found[POSTGRESQL] = partial(_database, cluster)
    return found


def systems(stack: ExitStack) -> dict[str, dict[str, Any]]:
    """Return the same, each with the settings of one fresh database."""
    return {system: stack.enter_context(fresh()) for system, fresh in clusters(stack).items()}


@contextmanager
def _database(cluster: Postgres) -> Iterator[dict[str, Any]]:
    with cluster.database() as url:
        yield {"database_url": url}


@contextmanager
def staged(system: str, settings: dict[str, Any], *, tickets: int, updates: int) -> Iterator[Stage]:
    """Run a server with as many public tickets, each with as many updates; all mail has left before it starts."""
    server = Instance(**settings)
    try:
        if "TRACKER_DATABASE_URL" in server.environ:
            server.init()
            known = _filled(server, tickets, updates)
        else:
            folder, known = _made(tickets, updates)
            shutil.copytree(folder, server.data_dir, dirs_exist_ok=True)
        server.start()
        yield Stage(system, server, **known)
    finally:
        server.close()


@cache
def _made(tickets: int, updates: int) -> tuple[Path, dict[str, Any]]:
    """Fill a house on SQLite, once a run; return its data folder, to be copied, and what is known of it."""
    first = Instance()
    atexit.register(first.close)
    first.init()
    return first.data_dir, _filled(first, tickets, updates)


def _filled(server: Instance, tickets: int, updates: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench._stage", str(tickets), str(updates)]
    done = subprocess.run(
        command, cwd=ROOT, env=server.environ, capture_output=True, text=True, timeout=STAGED_WITHIN_S
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    known: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return known


def fill(tickets: int, updates: int) -> dict[str, Any]:
    """Fill an empty house and return what Stage wants to know of it."""
    from tests import make
    from tracker import embeds, people

    at = make.desk("streets")
    mia = make.agent(at, name="Mia Lindqvist")
    opened = [make.ticket(at, subject=f"Street light {number} is out") for number in range(1, tickets + 1)]
    for one in opened:
        for number in range(updates):
            make.post(one, "update", mia, text=f"Word number {number + 1}: the crew comes at **eight**.")
    embed = embeds.create(opened[0], by=make.customer(opened[0]))
    _token, secret = people.mint_api_token(mia, name="bench", scopes=people.SCOPES)
    make.deliver(rounds=10 + math.ceil(tickets * (updates + 2)))
    return {"refs": [one.ref for one in opened], "embed": embed.eid, "token": secret}


def main() -> None:
    """Fill the house that the environment names and print what was made."""
    from wsgi import app

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tickets", type=int)
    parser.add_argument("updates", type=int)
    given = parser.parse_args()
    with app.app_context():
        print(json.dumps(fill(given.tickets, given.updates)))


if __name__ == "__main__":
    main()
