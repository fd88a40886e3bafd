"""The arrows of the house point one way and its rules hold; each rule is shown to catch its breach."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture import (
    LAYERS,
    LONGEST_FILE,
    ROOT,
    Import,
    circle,
    imports,
    layer_of,
    template_faults,
    trespasses,
    wrong_arrow,
)

PARTS = ("tracker", "api", "widgets")


def modules() -> dict[str, Path]:
    """Return the house's Python by module name."""
    files = [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
    files += [path for path in (ROOT / "wsgi.py", ROOT / "gunicorn.conf.py") if path.exists()]
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text(), str(path)) for name, path in modules().items()}


def arrows() -> list[Import]:
    parsed = trees()
    return [arrow for name, tree in parsed.items() for arrow in imports(name, tree, set(parsed))]


def written() -> Iterator[Path]:
    """Yield every file that people write and read."""
    for part in (*PARTS, "templates", "static", "tests", "bench", "deploy"):
        yield from (path for path in (ROOT / part).rglob("*") if path.suffix in {".py", ".html", ".css", ".js", ".txt"})
    yield from ROOT.glob("*.py")


def arrow(importer: str, source: str, *known: str) -> str | None:
    found = list(imports(importer, ast.parse(source), {importer, *known}))
    assert len(found) == 1
    return wrong_arrow(found[0])


def test_every_module_has_a_place() -> None:
    homeless = [name for name in modules() if layer_of(name) is None and name not in ("tracker", "gunicorn.conf")]
    assert not homeless, "give them a layer in tests/architecture.py"
    assert modules(), "no module was found"


def test_arrows_point_one_way() -> None:
    assert not [fault for one in arrows() if (fault := wrong_arrow(one))]


def test_no_module_imports_itself_by_a_detour() -> None:
    assert not circle(arrows())


def test_what_belongs_to_one_module_is_touched_by_no_other() -> None:
    assert not [f"{name} {fault}" for name, tree in trees().items() for fault in trespasses(name, tree)]


def test_templates_hold_no_unescaped_text_and_nothing_inline() -> None:
    folder = ROOT / "templates"
    paths = [path for path in folder.rglob("*") if path.suffix in {".html", ".xml", ".svg", ".txt"}]
    found = {path.relative_to(folder).as_posix(): path.read_text() for path in paths}
    assert not [f"{name}: {fault}" for name, source in found.items() for fault in template_faults(name, source)]


def test_no_file_is_longer_than_a_reader_stays() -> None:
    lengths = {path: path.read_text(errors="replace").count("\n") for path in written() if "vendor" not in path.parts}
    long = {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > LONGEST_FILE}
    allowed = {name for name in long if name.startswith(("tests/data/", "static/vendor/"))}
    assert not long.keys() - allowed


@pytest.mark.parametrize(
    ("importer", "source", "imported", "fault"),
    [
        ("tracker.clock", "from tracker import store", "tracker.store", "stands above"),
        ("tracker.models.ticket", "import tracker.timeline", "tracker.timeline", "stands above"),
        ("tracker.tickets", "def late():\n    from tracker.pages import views", "tracker.pages.views", "stands above"),
        ("tracker.present", "from .pages import views", "tracker.pages.views", "stands above"),
        ("api.tickets", "from tracker.pages.views import home", "tracker.pages.views", "another door"),
        ("tracker.live.rooms", "from tracker.channels import email", "tracker.channels.email", "another door"),
        ("tracker.pages.views", "import wsgi", "wsgi", "stands above"),
        ("tracker.tickets", "from tracker import gadgets", "tracker.gadgets", "no place"),
    ],
)
def test_a_wrong_arrow_is_caught(importer: str, source: str, imported: str, fault: str) -> None:
    assert fault in (arrow(importer, source, imported) or "")


@pytest.mark.parametrize(
    ("importer", "source", "imported"),
    [
        ("tracker.tickets", "from tracker import store", "tracker.store"),
        ("tracker.tickets", "from tracker.promises import stand", "tracker.promises"),
        ("api.tickets", "from api.schemas import Ticket", "api.schemas"),
        ("wsgi", "from tracker.live import rooms", "tracker.live.rooms"),
    ],
)
def test_a_right_arrow_is_not(importer: str, source: str, imported: str) -> None:
    assert arrow(importer, source, imported) is None


def test_a_circle_is_caught_unless_it_is_for_types_alone() -> None:
    chain = [Import("a", "b"), Import("b", "c"), Import("c", "b")]
    assert circle(chain) == ["b", "c", "b"]
    assert not circle([*chain[:2], Import("c", "b", for_types=True)])
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tracker.models.tickets import Ticket"
    found = list(imports("tracker.models.people", ast.parse(source), {"tracker.models.tickets"}))
    assert [one.for_types for one in found] == [True]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tracker.present", "import bleach"),
        ("tracker.present", "from bleach.sanitizer import Cleaner"),
        ("tracker.pages.views", "from markdown_it import MarkdownIt"),
        ("tracker.channels.webhook", "from smtplib import SMTP"),
        ("tracker.tickets", "session.commit()"),
        ("tracker.tickets", "db.session.commit"),
        ("tracker.clock", "from datetime import datetime as dt\ndt.now()"),
        ("tracker.clock", "import datetime\ndatetime.datetime.utcnow()"),
        ("tracker.clock", "from datetime import date\ndefault = date.today"),
        ("tracker.clock", "import time\ntime.time()"),
        ("tracker.clock", "from time import time"),
        ("wsgi", "import os\nos.environ['HOME']"),
        ("tracker.cli", "from os import getenv"),
        ("tracker.tickets", "from flask import request"),
        ("tracker.tickets", "import flask\nflask.session['who']"),
    ],
)
def test_a_trespass_is_caught(module: str, source: str) -> None:
    assert list(trespasses(module, ast.parse(source)))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tracker.richtext", "from bleach.sanitizer import Cleaner"),
        ("tracker.channels._smtp", "import smtplib"),
        ("tracker.store", "from datetime import UTC, datetime\ndatetime.now(UTC)\nsession.commit()"),
        ("tracker.tickets", "from tracker import store\nstore.now()"),
        ("tracker.tickets", "import time\ntime.monotonic()"),
        ("tracker.settings", "import os\nos.environ"),
        ("gunicorn.conf", "import os\nos.environ"),
        ("tracker.viewer", "from flask import request, session"),
        ("widgets.badge", "from flask import request"),
        ("tracker.tickets", "from flask_sqlalchemy import session"),
    ],
)
def test_the_owner_may_touch_what_is_its_own(module: str, source: str) -> None:
    assert not list(trespasses(module, ast.parse(source)))


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("{{ ticket.subject|safe }}", "|safe"),
        ("{{ (entry.body_html ~ name)|safe }}", "|safe"),
        ("{{ html|upper|safe }}", "|safe"),
        ("{% autoescape false %}{{ x }}{% endautoescape %}", "autoescape"),
        ('<p class="a" style="color: red">', "inline style"),
        ("<style>p {}</style>", "inline style"),
        ('<button onclick="go()">', "event handler"),
        ("<script>go()</script>", "inline script"),
        ('<script type="module">go()</script>', "inline script"),
        ('<a href="javascript:go()">', "inline script"),
        ('{% from "_parts/times.html" import when %}<p>now</p>', "when is imported and not used"),
    ],
)
def test_a_template_that_would_harm_is_caught(source: str, fault: str) -> None:
    assert any(fault in found for found in template_faults("tickets/page.html", source))


@pytest.mark.parametrize(
    "source",
    [
        "{{ entry.body_html|safe }}{{ correction['old_html']|safe }}{{ ticket.latest.html|safe }}",
        '<script type="module" src="/static/js/times.js"></script>',
        '<script type="application/ld+json">{{ action|tojson }}</script>',
        "{# <p style='x'> #}<p class='style'>on time = now</p>",
        '{% from "_parts/times.html" import when as said %}{{ said(ticket.opened_at) }}',
    ],
)
def test_a_harmless_template_is_not(source: str) -> None:
    assert not list(template_faults("tickets/page.html", source))


def test_only_mail_may_carry_its_style_along() -> None:
    assert not list(template_faults("email/update.html", '<p style="color: red">'))
    assert list(template_faults("email/update.html", "<script>go()</script>"))


def test_the_ground_is_the_lowest_layer_and_wsgi_the_highest() -> None:
    heights = [layer_of(f"tracker.{names[0]}") for names in LAYERS.values()]
    assert [*heights, layer_of("api"), layer_of("wsgi")] == list(range(len(LAYERS) + 2))
