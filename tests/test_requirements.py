"""The locked requirements follow setup.cfg and agree with each other."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
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
