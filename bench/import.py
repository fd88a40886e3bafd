"""bench import: how fast histories kept elsewhere come in, how fast a second run finds them here, in what memory."""

import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench._figures import Figures
from bench._machine import Quiet, is_quick
from bench._stage import clusters
from tests.servers.ground import ROOT
from tests.servers.instance import Instance

SAMPLE = ROOT / "tests" / "data" / "chicago-311.json"
WITHIN_S = 600.0


@dataclass(frozen=True)
class Plan:
    """How many records are imported, and how often."""

    reps: int = 5
    records: int = 1_000


QUICK = Plan(reps=1, records=140)


class Run(NamedTuple):
    """One command: how long it took in all, its CPU time and the most memory it held."""

    seconds: float
    cpu_s: float
    peak_mb: float
    said: str


def records(wanted: int) -> list[dict[str, Any]]:
    """Return as many records: the real ones, again and again under ids of their own."""
    sample = json.loads(SAMPLE.read_text())
    return [
        sample[number % len(sample)] | {"service_request_id": f"bench-{number}", "token": None}
        for number in range(wanted)
    ]


def measure(plan: Plan, figures: Figures, quiet: Quiet) -> None:
    """Import into a fresh house on every database here, one repetition of each in turn."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        file, roster = folder / "records.json", folder / "roster.csv"
        file.write_text(json.dumps(records(plan.records)))
        write_roster(roster)
        databases = clusters(stack)
        for _ in range(plan.reps):
            for system, fresh in databases.items():
                noisy = quiet.wait()
                with fresh() as settings, house(settings) as server:
                    found = _repetition(server, file, roster, plan.records)
                figures.add(f"{plan.records} records", system, noisy=noisy, **found)


def write_roster(path: Path) -> None:
    """Let Mia answer for every department there is in the sample."""
    departments = {"*"}
    for record in json.loads(SAMPLE.read_text()):
        departments.add(record.get("agency_responsible") or "*")
        for note in record["notes"]:
            departments.add((note.get("extended_attributes") or {}).get("agency_responsible") or "*")
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("department", "person_name", "person_email"))
        rows.writerows((name, "Mia Lindqvist", "mia@bench.example") for name in sorted(departments))


@contextmanager
def house(settings: dict[str, Any]) -> Iterator[Instance]:
    """Give a migrated, empty house; nobody serves it."""
    server = Instance(**settings)
    try:
        server.flask("init")
        yield server
    finally:
        server.close()


def _repetition(server: Instance, file: Path, roster: Path, count: int) -> dict[str, float]:
    command = ("import", "open311", str(file), "--roster", str(roster))
    first, again, nothing = (_run(server, *command), _run(server, *command), _run(server, "--help"))
    _require(f"Imported {count:,} tickets; 0 were here already." in first.said, first)
    _require(f"Imported 0 tickets; {count:,} were here already." in again.said, again)
    return {
        "records_per_s": count / first.seconds,
        "whole_s": first.seconds,
        "start_s": nothing.seconds,
        "cpu_per_record_ms": 1000 * (first.cpu_s - nothing.cpu_s) / count,
        "peak_mb": first.peak_mb,
        "rerun_s": again.seconds,
    }


def _run(server: Instance, *arguments: str) -> Run:
    """Run `flask tracker …` and return what it used and said; RuntimeError when it fails."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "tracker", *arguments]
    with (server.data_dir / "said").open("w+") as page:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, env=server.environ, stdout=page, stderr=page)
        watchdog = threading.Timer(WITHIN_S, process.kill)
        watchdog.start()
        try:
            _pid, status, used = os.wait4(process.pid, 0)
        finally:
            watchdog.cancel()
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        page.seek(0)
        run = Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, page.read())
    _require(process.returncode == 0, run)
    return run


def _require(holds: bool, run: Run) -> None:
    if not holds:
        raise RuntimeError(f"the import did not do what is measured; it said:\n{run.said}")


def main() -> None:
    """Measure, print and write the results."""
    figures = Figures("import")
    measure(QUICK if is_quick() else Plan(), figures, Quiet(5.0) if is_quick() else Quiet())
    figures.publish()


if __name__ == "__main__":
    main()
