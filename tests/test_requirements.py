"""The locked requirements follow setup.cfg and agree with each other."""

import ast
import configparser
import os
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"tracker", "api", "widgets", "wsgi"}
# What Flask is made of: its users import these beside it.
WITH_FLASK = {"blinker", "click", "itsdangerous", "jinja2", "markupsafe", "werkzeug"}
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[^ ]+)(?P<marker> ; .*?)? \\$", re.MULTILINE)


def pins(text: str) -> set[tuple[str, str, str]]:
    return {(found["name"], found["version"], found["marker"] or "") for found in PIN.finditer(text)}


def locked(name: str) -> set[tuple[str, str, str]]:
    return pins((ROOT / "requirements" / f"{name}.txt").read_text())


def wanted(*extras: str) -> set[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    texts = [config["options"]["install_requires"], *(config["options.extras_require"][extra] for extra in extras)]
    lines = "\n".join(texts).split("\n")
    return {re.split(r"[ \[<>=]", line.strip())[0].lower() for line in lines if line.strip()}


@pytest.mark.parametrize(
    ("lock", "extras"), [("run", ()), ("scale", ("scale",)), ("dev", ("scale", "dev"))], ids=["run", "scale", "dev"]
)
def test_every_wanted_package_is_locked(lock: str, extras: tuple[str, ...]) -> None:
    missing = wanted(*extras) - {name for name, _, _ in locked(lock)}
    assert not missing, f"run `make lock`: requirements/{lock}.txt lacks {sorted(missing)}"


def test_what_runs_is_what_was_tested() -> None:
    assert locked("run") <= locked("scale") <= locked("dev")
    assert locked("run"), "no pin was recognised"


@pytest.mark.parametrize("lock", ["run", "scale", "dev", "uv"])
def test_every_pin_carries_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    requirements = re.split(r"\n(?=[a-z0-9])", text)
    unhashed = [entry.splitlines()[0] for entry in requirements if "--hash=sha256:" not in entry]
    assert not unhashed
    assert "://" not in text, "a lock names packages, never where they were fetched from"


def imported(source: str) -> set[str]:
    """Return the top-level names that a module imports, libraries of Python itself and of the house left out."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.split(".")[0])
    return names - OURS - set(sys.stdlib_module_names)


@cache
def owners() -> dict[str, set[str]]:
    """Return which packages bring a name that can be imported."""
    return {name: {one.lower().replace("_", "-") for one in found} for name, found in packages_distributions().items()}


def undeclared(source: str) -> set[str]:
    allowed = wanted("scale") | WITH_FLASK
    found = {name: owners().get(name, {name}) for name in imported(source)}
    return {name for name, distributions in found.items() if not distributions & allowed}


@pytest.mark.slow
def test_what_the_code_imports_is_declared_and_not_there_by_luck() -> None:
    files = [path for part in OURS for path in [*(ROOT / part).rglob("*.py"), ROOT / f"{part}.py"] if path.exists()]
    found = {path.relative_to(ROOT).as_posix(): undeclared(path.read_text()) for path in files}
    assert found, "no file was read"
    assert not {name: missing for name, missing in found.items() if missing}, "add them to setup.cfg, then `make lock`"


@pytest.mark.timeout(300)
def test_with_nothing_but_what_make_run_installs_it_comes_up(tmp_path: Path) -> None:
    run = {name for name, _, _ in locked("run")}
    absent = sorted(name for name, packages in owners().items() if not packages & run)
    assert {"psycopg", "redis", "pytest"} <= set(absent), "what this test is about is here, to be hidden"
    code = f"""import sys; sys.modules.update(dict.fromkeys({absent}))
import wsgi; from tracker.live import worker
said = wsgi.app.test_cli_runner().invoke(args=["tracker", "init", "--demo"])
assert not said.exit_code, said.output
assert wsgi.app.test_client().get("/").status_code == 200"""
    environ = {"PATH": os.environ["PATH"], "TRACKER_DATA_DIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, timeout=250)
    assert not ended.returncode, ended.stderr.decode()


def test_an_undeclared_import_is_caught() -> None:
    assert undeclared("import pytest\nfrom requests import get\nimport nowhere_to_be_found") == {
        "pytest",
        "requests",
        "nowhere_to_be_found",
    }
    assert not undeclared(
        "import os, PIL.Image, sqlalchemy\nfrom flask import Flask\nfrom . import tracker\nimport click"
    )
