"""What a benchmark found: samples become medians with their spread, medians a table and a results file."""

import json
import math
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).resolve().parent / "results"
MAYBE = ("noisy", "commit")
"""Fields of a row that are left out where they say nothing."""
UNITS = {
    "_ms": "ms",
    "_s": "s",
    "_mb": "MB",
    "_kb": "KB",
    "_per_s": "1/s",
    "_ratio": "1",
    "_score": "1",
    "_count": "1",
    "cpu_us_per_req": "µs",
    "cpu_us_per_delivery": "µs",
    "kb_per_conn": "KB",
}
"""What a metric is counted in, by the longest ending that fits its name."""


@dataclass(frozen=True)
class Row:
    """One line of a results file (CONTRACTS: Benchmarks). `noisy` says that others used the machine meanwhile."""

    scenario: str
    system: str
    metric: str
    unit: str
    median: float
    min: float
    max: float
    reps: int
    noisy: bool = False
    commit: str = ""
    """What was measured; a + says that it was changed since."""

    @property
    def noise(self) -> str:
        """The word for it in a table."""
        return "noisy" if self.noisy else ""


class Figures:
    """Collects one sample per repetition, scenario, system and metric."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._samples: dict[tuple[str, str, str], list[float]] = {}
        self._noisy: set[tuple[str, str]] = set()

    def add(self, scenario: str, system: str, *, noisy: bool = False, **metrics: float) -> None:
        """Take what one repetition measured."""
        for metric, value in metrics.items():
            self._samples.setdefault((scenario, system, metric), []).append(value)
        if noisy:
            self._noisy.add((scenario, system))

    def rows(self) -> list[Row]:
        """Return the medians, in the order in which scenarios were first measured."""
        return [
            Row(
                scenario,
                system,
                metric,
                unit=unit(metric),
                median=_rounded(statistics.median(found)),
                min=_rounded(min(found)),
                max=_rounded(max(found)),
                reps=len(found),
                noisy=(scenario, system) in self._noisy,
            )
            for (scenario, system, metric), found in self._samples.items()
        ]

    def publish(self, folder: Path = RESULTS) -> Path:
        """Print the table, write the results file and return its path."""
        rows = [replace(row, commit=commit()) for row in self.rows()]
        Console(width=140).print(_table(self.name, rows))
        if any(row.noisy for row in rows):
            print("noisy: other processes used the machine meanwhile; repeat it when it is quiet.")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(dump(rows))
        return path


def dump(rows: Iterable[Row]) -> str:
    """Return a results file: a line per row, so that a new run reads well as a difference."""
    shown = [{name: value for name, value in asdict(row).items() if name not in MAYBE or value} for row in rows]
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in shown) + "\n]\n"


def load(path: Path) -> list[Row]:
    """Return the rows of a results file."""
    return [Row(**row) for row in json.loads(path.read_text())]


def unit(metric: str) -> str:
    """Return what a metric is counted in; KeyError for one whose name does not say it."""
    fits = [ending for ending in UNITS if metric.endswith(ending)]
    if not fits:
        raise KeyError(f"{metric}: its name says no unit")
    return UNITS[max(fits, key=len)]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` percent do not exceed (nearest rank); NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share / 100 * len(values)) - 1)]


def spread(row: Row) -> str:
    """Return a row's figures as people read them: median (least to most)."""
    return f"{row.median:,g}" if row.min == row.max else f"{row.median:,g} ({row.min:,g} to {row.max:,g})"


def _table(name: str, rows: Sequence[Row]) -> Table:
    table = Table(title=f"bench {name}: median (least to most)")
    for heading in ("scenario", "system", "metric", "figure", "unit", "repetitions", ""):
        table.add_column(heading, justify="right" if heading in ("figure", "repetitions") else "left")
    for row in rows:
        table.add_row(row.scenario, row.system, row.metric, spread(row), row.unit, str(row.reps), row.noise)
    return table


@cache
def commit(folder: Path = RESULTS.parent) -> str:
    """Return the commit we stand on, + when anything but words and results was changed since; else nothing."""
    git = ["git", "-C", str(folder)]
    head = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ":/", ":!results", ":/!docs"], capture_output=True)
    return head.stdout.strip() and head.stdout.strip() + "+" * (changed.returncode == 1)


def _rounded(value: float) -> float:
    """Keep three digits: more would claim what was not measured."""
    if not math.isfinite(value):
        raise ValueError("a benchmark that saw nothing has no figure")
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return round(value, max(0, digits))
