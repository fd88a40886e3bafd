"""What the documents point at exists, and what the house offers is documented."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tests.architecture import LAYERS
from tracker.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(#[^)]*)?\)")


def dead_links(document: Path, text: str) -> list[str]:
    targets = [found.group(1) for found in LINK.finditer(text)]
    return [target for target in targets if not (document.parent / target).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(document: Path) -> None:
    assert not dead_links(document, document.read_text())


def test_a_dead_link_is_caught() -> None:
    text = "[map](docs/map.md#words) [gone](docs/gone.md) [out](https://example.org/x.md)"
    assert dead_links(ROOT / "README.md", text) == ["docs/gone.md"]


def test_the_tests_named_as_evidence_exist() -> None:
    named = {
        path
        for name in ("threats", "progress")
        for path in re.findall(r"`(tests/[\w/.]+)`", (ROOT / "docs" / f"{name}.md").read_text())
    }
    assert named, "no evidence is named"
    assert not [path for path in sorted(named) if not (ROOT / path).exists()]


def test_the_files_that_documents_name_exist() -> None:
    code = re.compile(r"`((?:tracker|api|widgets|tests|deploy|docs|bench|static|templates|migrations)/[\w./-]+\.\w+)`")
    named = {
        (page.name, path)
        for page in DOCUMENTS
        if page.name != "CHANGELOG.md"
        for path in code.findall(page.read_text())
    }
    assert named
    assert not [one for one in sorted(named) if not (ROOT / one[1]).exists()]


def test_every_make_target_is_listed_by_make_alone() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split())  # type: ignore[union-attr]
    told = set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))
    assert phony == told


def test_the_map_names_every_module_in_its_layer() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| [^|]+ \|$", (ROOT / "docs" / "map.md").read_text(), re.MULTILINE)
    told = [set(re.findall(r"\w+", row)) for row in rows]
    for layer, names in LAYERS.items():
        missing = min((set(names) - row for row in told), key=len)
        assert not missing, f"docs/map.md: add {sorted(missing)} to the row of {layer}"


def told_settings() -> dict[str, tuple[str, str]]:
    """Return what docs/settings.md says: setting → (default, meaning)."""
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| `TRACKER_(\w+)` \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    return {name.lower(): (default, meaning) for name, default, meaning in rows}


def test_every_setting_is_documented_in_its_own_words() -> None:
    told = told_settings()
    assert told.keys() == {one.name for one in fields(Settings)}
    for one in fields(Settings):
        assert told[one.name][1].startswith(one.metadata["doc"]), f"docs/settings.md on {one.name}"


def test_the_documented_defaults_and_ranges_are_the_real_ones() -> None:
    for one in fields(Settings):
        default, meaning = told_settings()[one.name]
        if isinstance(one.default, bool):
            assert default == ("yes" if one.default else "no")
        elif one.name != "data_dir":
            assert default == (f"`{one.default}`" if one.default != "" else "–")
        if one.metadata["low"] is not None:
            assert meaning.endswith(f"({one.metadata['low']:g}–{one.metadata['high']:,.0f})")
