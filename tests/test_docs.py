"""What the documents point at exists, and what the house offers is documented."""

import re
from pathlib import Path

import pytest

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


def test_every_make_target_is_listed_by_make_alone() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split())  # type: ignore[union-attr]
    told = set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))
    assert phony == told
