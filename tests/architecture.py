"""The house's rules as data, and what breaks them in a piece of Python or in a template."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, nodes

ROOT = Path(__file__).resolve().parent.parent

# From the ground up: a module may import its own layer and the lower ones. A new module takes its place here.
LAYERS: dict[str, tuple[str, ...]] = {
    "ground": (
        "errors",
        "settings",
        "richtext",
        "links",
        "clock",
        "open311",
        "personal",
        "speech",
        "outward",
        "copies",
        "mime",
        "quoting",
        "postgres",
        "plainly",
        "addresses",
    ),
    "store": ("store",),
    "nouns": ("models",),
    "happenings": ("kinds", "outbox", "limits"),
    "records": (
        "masks",
        "timeline",
        "tallies",
        "people",
        "desks",
        "files",
        "attachments",
        "permissions",
        "profiles",
        "embeds",
        "idempotency",
        "mailbox",
        "drafts",
        "deliveries",
        "arrivals",
        "erasure",
    ),
    "audiences": ("disclosure", "recipients"),
    "presentation": ("present",),
    "commands and queries": (
        "tickets",
        "reports",
        "lifecycle",
        "words",
        "promises",
        "handoffs",
        "incoming",
        "helping",
        "feedback",
        "following",
        "hooks",
        "waiting",
        "browse",
        "listing",
        "badges",
        "sightings",
        "statistics",
        "viewer",
        "importing",
        "exporting",
        "staff",
        "crowd",
        "forms",
        "unscripted",
        "told",
        "advice",
        "board",
        "lookup",
        "seed",
        "serving",
        "health",
    ),
}
DOORS = ("tracker.live", "tracker.channels", "tracker.pages", "tracker.cli", "tracker.intake", "api", "widgets")
TOP = "wsgi"

# What only one place may touch, by its full name: a library, a function, a value.
ONLY: dict[str, tuple[str, ...]] = {
    "bleach": ("tracker.richtext",),
    "markdown_it": ("tracker.richtext",),
    "imaplib": ("tracker.intake.imap",),
    "aiosmtpd": ("tracker.intake.lmtp",),
    "smtplib": ("tracker.channels._smtp",),
    "datetime.datetime.now": ("tracker.store",),
    "datetime.datetime.utcnow": ("tracker.store",),
    "datetime.datetime.today": ("tracker.store",),
    "datetime.date.today": ("tracker.store",),
    "time.time": ("tracker.store",),
    "time.time_ns": ("tracker.store",),
    "os.environ": ("tracker.settings", "gunicorn.conf"),
    "os.getenv": ("tracker.settings", "gunicorn.conf"),
    "flask.request": ("tracker.viewer", *DOORS, TOP),
    "flask.session": ("tracker.viewer", *DOORS),
}
COMMITS = "tracker.store"
LONGEST_FILE = 450


@dataclass(frozen=True)
class Import:
    """`importer` imports `imported`; a name needed for types alone closes no circle."""

    importer: str
    imported: str
    for_types: bool = False


def layer_of(module: str) -> int | None:
    """Return how high a module stands: 0 is the ground, then the doors, then wsgi; None for one without a place."""
    if module in (TOP, "gunicorn.conf"):
        return len(LAYERS) + 1
    if any(within(module, door) for door in DOORS):
        return len(LAYERS)
    for height, names in enumerate(LAYERS.values()):
        if any(within(module, f"tracker.{name}") for name in names):
            return height
    return None


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def imports(module: str, tree: ast.AST, known: set[str]) -> Iterator[Import]:
    """Yield what a module imports from the house; `known` are the house's modules."""
    for_types = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module, node)
            names = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names]
        for name in names:
            if name in known and name != "tracker" and name != module:
                yield Import(module, name, node in for_types)


def absolute(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parent = module.split(".")[: -node.level]
    return ".".join([*parent, *([node.module] if node.module else [])])


def wrong_arrow(arrow: Import) -> str | None:
    """Say what is wrong with an import, if something is."""
    low, high = layer_of(arrow.imported), layer_of(arrow.importer)
    for module, height in ((arrow.importer, high), (arrow.imported, low)):
        if height is None:
            return f"{module} has no place in LAYERS (tests/architecture.py)"
    assert low is not None
    assert high is not None
    if low > high:
        return f"{arrow.importer} imports {arrow.imported}, which stands above it"
    if low == high == len(LAYERS) and door(arrow.importer) != door(arrow.imported):
        return f"{arrow.importer} imports {arrow.imported}: a door never imports another door"
    return None


def door(module: str) -> str:
    return next(name for name in DOORS if within(module, name))


def circle(arrows: list[Import]) -> list[str]:
    """Return one chain of modules that import each other in a circle, or nothing."""
    after: dict[str, set[str]] = {}
    for arrow in arrows:
        if not arrow.for_types:
            after.setdefault(arrow.importer, set()).add(arrow.imported)
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for following in sorted(after.get(module, ())):
            if found := walk(following, [*path, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(after) if (found := walk(module, []))), [])


def trespasses(module: str, tree: ast.AST) -> Iterator[str]:
    """Yield each use of what only another module may touch."""
    aliases = dict(bound_names(tree))
    for node in ast.walk(tree):
        used = set(imported_names(node))
        if isinstance(node, ast.Attribute | ast.Name):
            used.add(full_name(node, aliases))
        for name, owners in ONLY.items():
            if any(within(one, name) for one in used) and not any(within(module, owner) for owner in owners):
                yield f"line {node.lineno}: {name} belongs to {owners[0]}"  # type: ignore[attr-defined]
        is_commit = isinstance(node, ast.Attribute) and node.attr == "commit"
        if is_commit and module != COMMITS:
            yield f"line {node.lineno}: commit belongs to {COMMITS}"  # type: ignore[attr-defined]


def bound_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield each name an import binds, with what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def imported_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def full_name(node: ast.expr, aliases: Mapping[str, str]) -> str:
    """Return `datetime.datetime.now` for `dt.now` where dt stands for it; "" for what is no name."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = full_name(node.value, aliases)
        return base and f"{base}.{node.attr}"
    return ""


BINDINGS = re.compile(r"<!--.*?-->|\{#.*?#\}", re.DOTALL)
INLINE = {
    "an inline style": re.compile(r"<style\b|<[a-z][^<>]*?\sstyle\s*=", re.IGNORECASE),
    "an event handler attribute": re.compile(r"<[a-z][^<>]*?\son[a-z]+\s*=", re.IGNORECASE),
    "an inline script": re.compile(
        r"<script\b(?![^>]*\ssrc\s*=)(?![^>]*type=\"application/(ld\+)?json\")|(href|src|action)\s*=\s*[\"']?\s*javascript:",
        re.IGNORECASE,
    ),
}
# Mail programs read no style sheets.
STYLED_INLINE = "email/"


def template_faults(name: str, source: str) -> Iterator[str]:
    """Yield what a template may not hold: unescaped text, inline styles and scripts, macros it never uses."""
    environment = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True)
    tree = environment.parse(source)
    for node in tree.find_all(nodes.Filter):
        if node.name == "safe" and not cleaned(node.node):
            yield f"line {node.lineno}: |safe on something that is not cleaned HTML (…_html)"
    if re.search(r"\{%-?\s*autoescape\s+false", source):
        yield "autoescape is switched off"
    for line, name in unused_imports(tree):
        yield f"line {line}: {name} is imported and not used"
    plain = BINDINGS.sub("", source)
    for what, pattern in INLINE.items():
        if what == "an inline style" and name.startswith(STYLED_INLINE):
            continue
        if found := pattern.search(plain):
            yield f"{what}: {found.group(0)[:60]}"


def unused_imports(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Yield each macro that a template imports by name and never names again."""
    used = {one.name for one in tree.find_all(nodes.Name) if one.ctx == "load"}
    for imported in tree.find_all(nodes.FromImport):
        names = [one if isinstance(one, str) else one[1] for one in imported.names]
        yield from ((imported.lineno, name) for name in names if name not in used)


def cleaned(node: nodes.Expr | None) -> bool:
    """True for a name that promises HTML from richtext or present: `body_html`, `entry.body_html`, `latest.html`."""
    if isinstance(node, nodes.Name):
        return node.name.endswith("_html")
    if isinstance(node, nodes.Getattr):
        return node.attr.endswith("_html") or node.attr == "html"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return str(node.arg.value).endswith("_html") or node.arg.value == "html"
    return False
