"""The wheel holds everything that Nameplate needs to run away from its source."""

import configparser
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAPPED = {"tracker/templates": "templates", "tracker/static": "static", "tracker/migrations": "migrations"}
BUILD = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
VISIT = """
from wsgi import app
client = app.test_client()
print(client.get("/").text)
print(client.get("/static/css/tokens.css").status)
"""


def listed() -> set[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return set(config["options"]["packages"].split())


def test_every_folder_with_python_is_a_listed_package() -> None:
    folders = {path.parent for part in ("tracker", "api", "widgets") for path in (ROOT / part).rglob("*.py")}
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert found, "no package was found"
    assert not found - listed(), "add them to packages in setup.cfg"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the source, unpacked."""
    source = tmp_path_factory.mktemp("source")
    for name in ("tracker", "api", "widgets", "templates", "static", "migrations"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "setup.cfg", "pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-c", BUILD], cwd=source, check=True, capture_output=True, timeout=120)
    (wheel,) = (source / "dist").glob("nameplate-*.whl")
    target = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def inside(folder: Path) -> set[str]:
    files = {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return {path.relative_to(folder).as_posix() for path in files}


@pytest.mark.slow
def test_the_wheel_holds_all_code_templates_files_and_migrations(unpacked: Path) -> None:
    for part in ("tracker", "api", "widgets"):
        assert inside(ROOT / part) <= inside(unpacked / part)
    for packed, source in MAPPED.items():
        assert inside(unpacked / packed) == inside(ROOT / source)
        assert inside(ROOT / source), f"{source} is empty"
    assert (unpacked / "wsgi.py").exists()
    assert not {"tests", "bench", "docs"} & {path.name for path in unpacked.iterdir()}


@pytest.mark.slow
def test_what_was_unpacked_migrates_and_serves_a_styled_page(unpacked: Path, tmp_path: Path) -> None:
    environ = {"PYTHONPATH": str(unpacked), "TRACKER_DATA_DIR": str(tmp_path / "var"), "PATH": "/usr/bin:/bin"}
    for command in (["-m", "flask", "--app", "wsgi", "tracker", "init"], ["-c", VISIT]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
    assert "<main" in done.stdout
    assert done.stdout.rstrip().endswith("200 OK")
