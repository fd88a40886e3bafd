"""The benchmarks measure what they say: figures have the agreed shape, news arrives, the page holds the results."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from bench import _stage, badge, mail, post, read, report, tallies
from bench._crowd import Seen
from bench._figures import RESULTS, Figures, Row, commit, dump, load, percentile, unit
from bench._machine import Quiet, busy_share, cpu_us, part
from bench._stage import SQLITE, Posted

SHAPE = {"scenario": str, "system": str, "metric": str, "unit": str, "median": float, "min": float, "max": float}
imports = import_module("bench.import")


def fast() -> Quiet:
    """No patience: these runs look at shapes, not at times."""
    return Quiet(patience_s=0, look_s=0.01)


@pytest.fixture
def sqlite_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without PostgreSQL: there the figures have the same shape."""

    def missing() -> None:
        pytest.skip("PostgreSQL is not here")

    monkeypatch.setattr(_stage, "postgres", missing)


def published(figures: Figures, folder: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(figures.publish(folder).read_text())
    for row in rows:
        assert row.keys() - {"noisy", "commit"} == {*SHAPE, "reps"}
        for name, kind in SHAPE.items():
            assert isinstance(row[name], kind) or (kind is float and isinstance(row[name], int))
    return rows


def figure(rows: list[dict[str, object]], scenario: str, metric: str) -> object:
    (found,) = (
        row["median"]
        for row in rows
        if (row["scenario"], row["system"]) == (scenario, SQLITE) and row["metric"] == metric
    )
    return found


def test_figures_become_medians_with_their_spread_and_come_back_from_their_file(tmp_path: Path) -> None:
    figures = Figures("example")
    for value in (3.0, 1.0, 2.0):
        figures.add("page", "nameplate", p50_ms=value, noisy=value == 1.0)
    assert [replace(row, commit="") for row in load(figures.publish(tmp_path))] == [
        Row("page", "nameplate", "p50_ms", "ms", 2.0, 1.0, 3.0, 3, noisy=True)
    ]


def test_a_row_names_its_commit_and_says_when_something_that_was_measured_changed_since(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("bench/results/post.json", "docs/benchmarks.md", "templates/ticket.html")]
    for one in files:
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_text("before")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=Ann", "-c", "user.email=ann@desk.example"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Begin"]):
        subprocess.run([*git, *words], check=True)
    head = subprocess.check_output([*git, "rev-parse", "--short=10", "HEAD"], text=True).strip()
    said = []
    for one in files:
        one.write_text("after")
        said.append(commit.__wrapped__(tmp_path / "bench"))
    assert said == [head, head, f"{head}+"]


def test_noise_is_said_only_where_there_was_some() -> None:
    quiet = Row("page", "nameplate", "p50_ms", "ms", 1, 1, 1, 1)
    assert "noisy" not in dump([quiet])


@pytest.mark.parametrize(("share", "value"), [(50, 50), (99, 99), (100, 100), (0, 1)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_a_scenario_that_saw_nothing_has_no_figure() -> None:
    figures = Figures("example")
    figures.add("page", "nameplate", p50_ms=percentile([], 50))
    with pytest.raises(ValueError, match="saw nothing"):
        figures.rows()


@pytest.mark.parametrize(
    ("metric", "counted_in"),
    [
        ("cpu_us_per_delivery", "µs"),
        ("last_p99_ms", "ms"),
        ("kb_per_conn", "KB"),
        ("connects_per_s", "1/s"),
        ("delivered_ratio", "1"),
        ("req_per_s", "1/s"),
        ("cpu_us_per_req", "µs"),
    ],
)
def test_the_agreed_metrics_say_their_unit(metric: str, counted_in: str) -> None:
    assert unit(metric) == counted_in


def test_a_metric_without_a_unit_is_refused() -> None:
    with pytest.raises(KeyError, match="no unit"):
        unit("speed")


def test_news_that_a_viewer_missed_lowers_the_ratio_and_does_not_hide_in_the_times() -> None:
    posted = [Posted(2, 10.0, 10.5), Posted(4, 20.0, 20.1)]
    seen = Seen(sockets=[[(2, 10.1), (3, 10.2), (4, 20.3)], [(2, 10.4)]], polls=[], refused=0, lost=0, cpu_s=0)
    found = post.figures_of(posted, seen)
    assert found["delivered_ratio"] == 0.75
    assert found["seen_p50_ms"] == pytest.approx(300)
    assert found["last_p50_ms"] == pytest.approx(300)
    assert found["post_p99_ms"] == pytest.approx(500)


def test_the_cpu_time_of_a_process_grows_with_its_work() -> None:
    before, until = cpu_us([os.getpid()]), time.process_time() + 0.2
    while time.process_time() < until:
        sum(range(1_000))
    # The kernel counts a running thread at its ticks, a few milliseconds late.
    assert 150_000 < cpu_us([os.getpid()]) - before < 2_000_000
    assert 0 <= busy_share(0.05) <= 1


def test_a_server_gets_one_core_and_its_clients_the_others() -> None:
    cores = sorted(os.sched_getaffinity(0))
    sleeper = [sys.executable, "-c", "input()"]
    with (
        subprocess.Popen(sleeper, stdin=subprocess.PIPE) as server,
        subprocess.Popen(sleeper, stdin=subprocess.PIPE) as clients,
    ):
        part([server.pid], clients.pid)
        assert os.sched_getaffinity(server.pid) == {cores[0]}
        assert os.sched_getaffinity(clients.pid) == (set(cores[1:]) or {cores[0]})
        server.kill()
        clients.kill()


def test_the_page_holds_the_newest_results() -> None:
    results = {path.stem: load(path) for path in RESULTS.glob("*.json")}
    page = report.PAGE.read_text()
    assert results
    assert report.pasted(page, results) == page, "python -m bench.report pastes them"
    assert report.pasted(page, {}) != page


def test_a_page_that_lost_its_marks_is_not_overwritten() -> None:
    with pytest.raises(ValueError, match="mark"):
        report.pasted("# Benchmarks", {})


@pytest.mark.slow
@pytest.mark.usefixtures("sqlite_alone")
def test_post_sees_every_update_at_every_viewer(tmp_path: Path) -> None:
    figures = Figures("post")
    plan = post.Plan(reps=1, posts=3, every_s=0.05, crowds=((2, 0), (1, 2)), poll_every_s=0.5)
    post.measure(plan, figures, fast())
    rows = published(figures, tmp_path)
    assert figure(rows, "2 viewers", "delivered_ratio") == 1
    assert figure(rows, "1 viewer + 2 polling", "delivered_ratio") == 1
    assert {row["scenario"] for row in rows} == {"2 viewers", "1 viewer + 2 polling"}


@pytest.mark.slow
@pytest.mark.usefixtures("sqlite_alone")
def test_read_asks_every_page(tmp_path: Path) -> None:
    figures = Figures("read")
    read.measure(read.Plan(reps=1, seconds=0.1, readers=2, tickets=2, updates=2), figures, fast())
    rows = published(figures, tmp_path)
    assert {row["scenario"] for row in rows} == {"json", "svg", "ticket", "list", "events"}
    assert {row["metric"] for row in rows} >= {"req_per_s", "p99_ms", "cpu_us_per_req"}


@pytest.mark.slow
@pytest.mark.usefixtures("sqlite_alone")
def test_import_brings_in_every_record(tmp_path: Path) -> None:
    assert len({record["service_request_id"] for record in imports.records(200)}) == 200
    figures = Figures("import")
    imports.measure(imports.Plan(reps=1, records=5), figures, fast())
    rows = published(figures, tmp_path)
    assert {row["metric"] for row in rows} >= {"records_per_s", "peak_mb"}


@pytest.mark.slow
@pytest.mark.usefixtures("sqlite_alone")
def test_mail_is_taken_once_by_everybody_it_is_for(tmp_path: Path) -> None:
    """As many take longer to leave than a page takes to be due, so that there are pages meanwhile."""
    figures = Figures("mail")
    mail.measure(mail.Plan(reps=1, opened=1, followers=400, warm_s=0, still_s=0), figures, fast())
    rows = published(figures, tmp_path)
    many = ("400 followers", "400 followers, as fast as they go")
    assert {row["scenario"] for row in rows} == {"acknowledgement", *many}
    assert {row["metric"] for row in rows} >= {"taken_p50_ms", "mails_per_s", "cpu_per_mail_ms", "page_during_p99_ms"}


@pytest.mark.slow
def test_badge_asks_for_every_part_and_watches_a_changing_one(tmp_path: Path) -> None:
    figures = Figures("badge")
    badge.measure(badge.Plan(reps=1, seconds=1, posts=3, hot_s=1.0), figures, fast(), peers=["nginx"])
    rows = published(figures, tmp_path)
    assert {(row["scenario"], row["system"]) for row in rows} >= {
        (scenario, system) for scenario in badge.SCENARIOS for system in ("nameplate", "nginx")
    }
    found = {(row["scenario"], row["metric"]) for row in rows}
    assert found >= {("json", "cpu_us_per_req"), ("hot", "asked_per_s"), ("changing", "stale_p99_ms")}


@pytest.mark.slow
def test_tallies_reads_figures_in_houses_of_every_size(tmp_path: Path) -> None:
    figures = Figures("tallies")
    tallies.measure(tallies.Plan(reps=1, reads=4, tickets=(80, 200), older=50), figures, fast())
    rows = published(figures, tmp_path)
    assert {row["scenario"] for row in rows} == {"80 tickets", "200 tickets"}
    assert {row["metric"] for row in rows} == {
        f"{page}_{figure}"
        for page in ("person", "desk")
        for figure in ("database_p50_ms", "database_p99_ms", "page_p50_ms")
    }
