"""bench mail: how soon an acknowledgement is with the mail server, and how fast news reaches many followers."""

import argparse
import http.client
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench._figures import Figures, percentile
from bench._machine import Quiet, cpu_us, is_quick
from bench._pace import reading
from bench._stage import Poster, Stage, staged, systems
from tests.servers.ground import ROOT, end, wait_until

LANGUAGES, ZONES = ("en", "de", "fr", "es", "ar"), ("", "Europe/Berlin", "America/Chicago")
PATIENCE_S = 180
SETTLED_S = 0.5
"""When after the last mail the outbox has written down that it left."""
UNPACED = "as fast as they go"


@dataclass(frozen=True)
class Plan:
    """How much is measured: tickets opened one after the other, and followers of one ticket."""

    reps: int = 3
    opened: int = 10
    followers: int = 10_000
    warm_s: float = 2.0
    """How long pages are asked for before any counts."""
    still_s: float = 8.0
    """How long pages are asked for while nothing else happens, before and again afterwards."""


QUICK = Plan(reps=1, opened=5, followers=2_000, still_s=3.0)


@dataclass
class Sink:
    """A mail server beside, and when it took which mail."""

    port: int = 0
    took: dict[str, float] = field(default_factory=dict)

    def listen(self, lines: Any) -> None:
        for line in lines:
            address, at = line.decode().split()
            self.took[address] = float(at)


@contextmanager
def sinking() -> Iterator[Sink]:
    """Run a mail server in a process of its own."""
    command = [sys.executable, "-m", "bench._sink"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        sink = Sink(int(process.stdout.readline()))
        listener = threading.Thread(target=sink.listen, args=(process.stdout,))
        listener.start()
        try:
            yield sink
        finally:
            end(process)
            listener.join()


@contextmanager
def delivering(stage: Stage, **chosen: int) -> Iterator[int]:
    """Run the outbox as a process of its own; give its process id."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "tracker", "outbox", "run"]
    environ = stage.server.environ | {f"TRACKER_{name.upper()}": str(value) for name, value in chosen.items()}
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        end(process)


def measure(plan: Plan, figures: Figures, quiet: Quiet) -> None:
    """Measure both scenarios on every database here."""
    with ExitStack() as stack:
        sink = stack.enter_context(sinking())
        given = {"smtp_url": f"smtp://127.0.0.1:{sink.port}", "outbox": "process"}
        for system, chosen in systems(stack).items():
            stage = stack.enter_context(staged(system, chosen | given, tickets=plan.reps + 1, updates=1))
            scenario = f"{plan.followers} followers"
            with delivering(stage) as pid:
                for ref in stage.refs[1:]:
                    noisy = quiet.wait()
                    figures.add("acknowledgement", system, noisy=noisy, **acknowledged(plan, stage, sink))
                    figures.add(scenario, system, noisy=noisy, **tell(plan, stage, sink, ref, pid))
            with delivering(stage, mails_per_second=0) as pid:
                noisy = quiet.wait()
                told = tell(plan, stage, sink, stage.refs[0], pid)
                figures.add(f"{scenario}, {UNPACED}", system, noisy=noisy, **told)


def acknowledged(plan: Plan, stage: Stage, sink: Sink) -> dict[str, float]:
    """Open tickets one after the other; measure until the mail server has taken each acknowledgement."""
    waits = []
    for number in range(plan.opened):
        address = f"c{number}-{time.monotonic_ns()}@home.example"
        opening = {"subject": "No water", "text": "None.", "name": "Cara", "email": address, "desk": "streets"}
        began = time.monotonic()
        ask(stage, "POST", "/api/v1/tickets", json.dumps(opening))
        wait_until(lambda: address in sink.took, within=PATIENCE_S, what="the mail is taken")  # noqa: B023
        waits.append(1000 * (sink.took[address] - began))
    return {"taken_p50_ms": percentile(waits, 50), "taken_p99_ms": percentile(waits, 99)}


def tell(plan: Plan, stage: Stage, sink: Sink, ref: str, pid: int) -> dict[str, float]:
    """Post one update to a ticket with many followers; look at its page before, meanwhile and afterwards."""
    follow = [sys.executable, "-m", "bench.mail", ref, str(plan.followers)]
    subprocess.run(follow, cwd=ROOT, env=stage.server.environ, check=True, timeout=PATIENCE_S)
    with reading(stage.server.host, stage.server.port, f"/t/{ref}") as heard, Poster(stage) as poster:
        still_at = time.monotonic() + plan.warm_s
        heard.wait_for(still_at + plan.still_s)
        sink.took.clear()
        used = cpu_us([pid])
        posted = poster.post(ref, 1)
        told = mailing(plan, sink)
        used = cpu_us([pid]) - used
        settled_at = max(told) + SETTLED_S
        heard.wait_for(settled_at + plan.still_s)
    found = {
        "post_ms": 1000 * (posted.stored_at - posted.sent_at),
        "first_ms": 1000 * (min(told) - posted.stored_at),
        "mails_per_s": plan.followers / (max(told) - posted.stored_at),
        "cpu_per_mail_ms": used / 1000 / plan.followers,
    }
    spans = {"before": (still_at, posted.sent_at), "during": (posted.stored_at, max(told))}
    for name, span in (spans | {"after": (settled_at, math.inf)}).items():
        for share in (50, 99):
            found[f"page_{name}_p{share}_ms"] = percentile(heard.between(*span), share)
    return found


def mailing(plan: Plan, sink: Sink) -> list[float]:
    """Wait until all followers' mail is taken; return when each was."""
    until = time.monotonic() + PATIENCE_S
    while len(told := [at for address, at in list(sink.took.items()) if address.startswith("f")]) < plan.followers:
        if time.monotonic() > until:
            raise RuntimeError(f"{len(told)} of {plan.followers} mails were taken")
        time.sleep(0.25)
    return told


def ask(stage: Stage, method: str, path: str, body: str | None = None) -> bytes:
    """Send one request; RuntimeError when it is not answered well."""
    line = http.client.HTTPConnection(stage.server.host, stage.server.port, timeout=60)
    try:
        line.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = line.getresponse()
        said = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:300]!r}")
        return said
    finally:
        line.close()


def fill(ref: str, count: int) -> None:
    """Let many addresses follow a ticket, in all languages and several zones."""
    from sqlalchemy import insert, select

    from tracker import links, store
    from tracker.models import Subscription, Ticket

    with store.transaction() as session:
        ticket_id, now = session.scalar(select(Ticket.id).where(Ticket.ref == ref)), store.now()
        rows = [
            {
                "sid": links.new_ref(),
                "channel": "email",
                "target": f"f{number}@home.example",
                "ticket_id": ticket_id,
                "language": LANGUAGES[number % len(LANGUAGES)],
                "zone": ZONES[number % len(ZONES)],
                "created_at": now,
                "confirmed_at": now,
            }
            for number in range(count)
        ]
        session.execute(insert(Subscription), rows)


def main() -> None:
    """Measure, print and write the results; with a ref and a number, add followers to the house of the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ref", nargs="?")
    parser.add_argument("followers", nargs="?", type=int, default=0)
    given = parser.parse_args()
    if given.ref:
        from wsgi import app

        with app.app_context():
            fill(given.ref, given.followers)
        return
    figures = Figures("mail")
    measure(QUICK if is_quick() else Plan(), figures, Quiet(5.0) if is_quick() else Quiet())
    figures.publish()


if __name__ == "__main__":
    main()
