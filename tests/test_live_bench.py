"""bench live measures what it names, on a crowd small enough for tests; its peers need npm and are left to it."""

import json
import os
from pathlib import Path

import pytest

from bench import live
from bench._figures import Figures
from bench._machine import Quiet

pytestmark = pytest.mark.slow


@pytest.mark.timeout(280)
def test_every_scenario_gives_its_figures_and_everything_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CROWD", 60)
    monkeypatch.setattr(live, "SLOW", 5)
    plan = live.Plan(reps=1, updates=3, crowds=(60,), few=20)
    figures = Figures("live")
    live.Bench(plan, figures, Quiet(patience_s=0, look_s=0.01), [live.OURS]).measure()
    rows = json.loads(figures.publish(tmp_path).read_text())
    found = {(row["scenario"], row["metric"]): row["median"] for row in rows}
    scenarios = {"emit-60", "connect", "slow-readers", "deflate", "mixed", "mixed-one-process"}
    assert {scenario for scenario, _metric in found} == scenarios
    for scenario in scenarios - {"connect"}:
        assert found[scenario, "delivered_ratio"] == 1
        assert 0 < found[scenario, "last_p50_ms"] <= found[scenario, "last_p99_ms"]
    for scenario in ("emit-60", "slow-readers", "deflate"):
        assert 0.1 < found[scenario, "cpu_us_per_delivery"] < 10_000
    assert found["connect", "connects_per_s"] == found["emit-60", "connects_per_s"]
    assert 1 < found["connect", "connects_per_s"] < 1e6
    assert ("emit-60", "kb_per_conn") in found
    assert found["slow-readers", "cut_ratio"] == 1, "who takes nothing is cut, once it is behind by more than we hold"


def test_the_memory_of_a_process_grows_with_what_it_holds() -> None:
    before = live.memory_kb([os.getpid()])
    held = os.urandom(32 * 1024 * 1024)
    assert 0.9 * len(held) < 1024 * (live.memory_kb([os.getpid()]) - before) < 2 * len(held)
