"""bench report: pastes the tables of bench/results/ into docs/benchmarks.md, between its two marks."""

import re
from collections.abc import Sequence
from pathlib import Path

from bench._figures import RESULTS, Row, load, spread

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = (
    "<!-- results: python -m bench.report writes what stands between these marks -->",
    "<!-- end of results -->",
)


def pasted(page: str, results: dict[str, list[Row]]) -> str:
    """Return the page with the tables of these results; ValueError when a mark is missing."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError("docs/benchmarks.md has lost a mark")
    tables = "\n".join(f"### {name}\n{table(rows)}" for name, rows in sorted(results.items()))
    between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _found: f"{BEGIN}\n{tables}\n{END}", page)


def table(rows: Sequence[Row]) -> str:
    """Return rows as a Markdown table: a line per scenario and system, a column per metric."""
    units = {row.metric: row.unit for row in rows}
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        cells.setdefault((row.scenario, row.system), {})[row.metric] = spread(row)
    noise = {(row.scenario, row.system): row.noise for row in rows}
    headings = ["scenario", "system", *(_heading(metric, unit) for metric, unit in units.items()), "repetitions", ""]
    lines = [headings, ["---"] * len(headings)]
    lines += [
        [*key, *(found.get(metric, "–") for metric in units), str(_repetitions(rows, key)), noise[key]]
        for key, found in cells.items()
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _repetitions(rows: Sequence[Row], key: tuple[str, str]) -> int:
    return min(row.reps for row in rows if (row.scenario, row.system) == key)


def _heading(metric: str, unit: str) -> str:
    return f"{metric} [{unit}]" if unit != "1" else metric


def main() -> None:
    """Paste what the results folder holds."""
    PAGE.write_text(pasted(PAGE.read_text(), {path.stem: load(path) for path in RESULTS.glob("*.json")}))
    print(f"{PAGE.name} holds the newest results.")


if __name__ == "__main__":
    main()
