"""The scripts that other sites load: made from their source, light, whole in every language, harmless."""

import re
import runpy
from pathlib import Path

import brotli
import pytest

from tracker.kinds import KINDS

ROOT = Path(__file__).resolve().parent.parent
SOURCE, SQUEEZED = ROOT / "static/js/embed", ROOT / "static/embed"
LANGUAGES = ("ar", "de", "es", "fr")
squeezed = runpy.run_path(str(ROOT / ".ci/squeeze"))["squeezed"]
NAMES = sorted(path.name for path in SOURCE.glob("*.js"))
NEVER = re.compile(
    r"innerHTML|outerHTML|insertAdjacent|DOMParser|cookie|[sS]torage|eval\(|Function\(|document\.write|font-face"
)
KIB = 1024


def weight(*names: str) -> int:
    return sum(len(brotli.compress((SQUEEZED / f"{name}.js").read_bytes())) for name in names)


def keys(script: str) -> set[str]:
    return set(re.findall(r"^ +(\w+): ['\[{]", script, re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_served_is_the_source_squeezed(name: str) -> None:
    assert (SQUEEZED / name).read_text() == squeezed(SOURCE / name), "run make embed"


def test_nothing_else_is_served() -> None:
    assert sorted(path.name for path in SQUEEZED.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_guest_uses_nothing_that_could_harm_its_host(name: str) -> None:
    assert not NEVER.findall((SQUEEZED / name).read_text())


def test_the_script_of_a_badge_weighs_at_most_three_kilobytes() -> None:
    assert weight("badge") <= 3 * KIB


def test_the_scripts_of_all_variants_weigh_at_most_six_kilobytes() -> None:
    found = {name: weight(name) for name in ("badge", "live", "card", *LANGUAGES)}
    print(f"brotli, bytes: {found}")
    assert weight("badge", "live", "card") <= 6 * KIB
    assert all(found[name] < KIB for name in LANGUAGES)


def test_every_language_says_all_that_english_says() -> None:
    english = [
        re.search(r"ENGLISH = \{(.*?)\n *\};", (SOURCE / f"{name}.js").read_text(), re.DOTALL)
        for name in ("badge", "card")
    ]
    wanted = set.union(*(keys(found[1]) for found in english if found))
    assert {"open", "thanks", "units"} < wanted
    for language in LANGUAGES:
        assert wanted <= keys((SOURCE / f"{language}.js").read_text()), language


def test_every_language_has_words_for_whatever_a_timeline_may_show() -> None:
    told = {name for name, kind in KINDS.items() if kind.audience not in ("staff", "customer")}
    told -= {"imported"}  # a line of somebody else's record, shown as it was written
    for language in LANGUAGES:
        kinds = (SOURCE / f"{language}.js").read_text().partition("kinds: {")[2]
        assert told <= keys(kinds), language


def test_every_language_keeps_the_parts_of_its_sentences() -> None:
    for language in LANGUAGES:
        script = (SOURCE / f"{language}.js").read_text()
        for name, part in [
            ("open", "name"),
            ("open", "time"),
            ("late", "time"),
            ("next", "due"),
            ("solved", "time"),
            ("missed", "due"),
        ]:
            assert re.search(rf"^ +{name}: '.*\{{{part}\}}", script, re.MULTILINE), f"{language}: {name} lacks {part}"
