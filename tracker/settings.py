"""Every setting, typed: read from TRACKER_* once, with default, range and unit; refuses to start on nonsense."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import current_app

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
TEMPLATES, STATIC, MIGRATIONS = (
    str(PACKAGE / name if (PACKAGE / name).is_dir() else ROOT / name) for name in ("templates", "static", "migrations")
)
"""Inside the package once installed, beside it in a checkout."""


NEEDS_SCALE = "empty until requirements/scale.txt is installed"


class BadSetting(SystemExit):
    """A setting that can't be used; the message names it and says what to put there."""


def _setting(default: Any, doc: str, *, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True)
class Settings:
    """The settings of one process. `Settings.from_environ()` reads them; tests make their own."""

    mode: str = _setting("development", "development or production; production refuses a missing secret key")
    public_url: str = _setting("http://127.0.0.1:8000", "where the world reaches us: scheme, host, port")
    database_url: str = _setting(
        "", "SQLAlchemy URL; empty means SQLite in the data folder; PostgreSQL: postgresql+psycopg://…"
    )
    secret_key: str = _setting("", "signs cookies and passes; empty in development means one kept in the data folder")
    data_dir: str = _setting("var", "folder of the SQLite file and the development key")
    redis_url: str = _setting(
        "", "hint channel between instances and shared rate limits; empty means this process only"
    )
    smtp_url: str = _setting(
        "", "smtp://user:password@host:port or smtps://…; empty means the mailbox page in development"
    )
    mail_from: str = _setting("Nameplate <desk@nameplate.invalid>", "From of every mail")
    private_targets: bool = _setting(
        False, "let webhooks and chats lead to plain http and private addresses: development only"
    )
    mail_bundle_s: int = _setting(
        60, "seconds in which several news of a ticket become one mail; 0: each its own", low=0, high=3600
    )
    mails_per_second: int = _setting(
        600,
        "mails a second at most to those who follow, so that pages stay fast meanwhile; 0: as fast as they go",
        low=0,
        high=100_000,
    )
    mail_in_domain: str = _setting(
        "", "domain whose mail comes to us: mails then carry a signed Reply-To there; empty means no mail in"
    )
    mail_in_desk: str = _setting(
        "", "desk, by slug, that has mail to no other desk's address; empty means the first one"
    )
    mail_in_lmtp: str = _setting("", "host:port, or path of a socket, where `flask tracker mail-in run` takes LMTP")
    mail_in_imap: str = _setting(
        "", "imaps://user:password@host/INBOX, a mailbox of ours alone: it is read and emptied"
    )
    mail_in_seconds: int = _setting(20, "seconds between two looks into that mailbox", low=1, high=3600)
    outbox: str = _setting(
        "thread", "thread: deliver inside the web process; process: `flask tracker outbox run` does it"
    )
    proxies: int = _setting(0, "how many reverse proxies stand in front and set X-Forwarded-*", low=0, high=5)
    sockets: int = _setting(
        20_000, "live sockets one process holds before others are asked to poll", low=0, high=100_000
    )
    sockets_per_address: int = _setting(
        500, "live sockets one network address may hold, and as many idle connections", low=1, high=100_000
    )
    role: str = _setting(
        "both", "what a process serves: both; api: pages and API; live: sockets only, on a port or socket of its own"
    )
    requests_per_minute: int = _setting(
        600, "requests a minute from one network address, or of one person at the workspace", low=1, high=1_000_000
    )
    writes_per_minute: int = _setting(60, "writes a minute from one network address or token", low=1, high=1_000_000)
    signins_per_minute: int = _setting(
        10, "sign-ins and uses of secret links a minute from one network address", low=1, high=1_000_000
    )
    uploads_per_hour: int = _setting(60, "files one network address may send in an hour", low=1, high=1_000_000)
    thanks_per_hour: int = _setting(
        60, "words of thanks one ticket takes in an hour, from whomever", low=1, high=1_000_000
    )
    waits_per_hour: int = _setting(
        20,
        "readers of one network address who may say in an hour that they wait for a ticket too",
        low=1,
        high=1_000_000,
    )
    opens_per_hour: int = _setting(20, "tickets one network address may open in an hour", low=1, high=1_000_000)
    follows_per_hour: int = _setting(
        20, "addresses one network address may enter to follow tickets in an hour", low=1, high=1_000_000
    )
    reports_per_hour: int = _setting(
        10, "reports of what should not be public, from one network address in an hour", low=1, high=1_000_000
    )
    erasure_log: str = _setting(
        "", "file outside the database that erasures are written to; empty means erasures.log in the data folder"
    )
    demo: bool = _setting(False, "show the demo's sign-in and mailbox on the home page")

    def __post_init__(self) -> None:
        _require(self.mode in ("development", "production"), "mode", "development or production")
        _require(self.outbox in ("thread", "process"), "outbox", "thread or process")
        _require(self.role in ("both", "api", "live"), "role", "both, api or live")
        parts = urlsplit(self.public_url)
        plain = parts.scheme in ("http", "https") and bool(parts.netloc) and parts.path in ("", "/") and not parts.query
        _require(plain, "public_url", "an address such as https://tickets.example.org, without a path")
        self._require_addresses()
        domain = "empty, or a domain in small letters such as in.example.org"
        _require(re.fullmatch(r"[a-z0-9.-]*", self.mail_in_domain) is not None, "mail_in_domain", domain)
        for one in fields(self):
            low, high, value = one.metadata["low"], one.metadata["high"], getattr(self, one.name)
            if low is not None:
                _require(low <= value <= high, one.name, f"a number from {low} to {high}")
        _require(not (self.private_targets and self.mode == "production"), "private_targets", "off in production")
        if self.mode == "production":
            _require(len(self.secret_key) >= 32, "secret_key", "at least 32 random characters in production")

    def _require_addresses(self) -> None:
        scheme = urlsplit(self.database_url).scheme
        usual = "postgresql+psycopg://user:password@host/name, or empty for SQLite in the data folder"
        _require(scheme in ("", "sqlite", "postgresql", "postgresql+psycopg"), "database_url", usual)
        _require(bool(scheme) or not self.database_url, "database_url", usual)
        _require(not scheme.startswith("postgresql") or _is_installed("psycopg"), "database_url", NEEDS_SCALE)
        found = urlsplit(self.redis_url).scheme in ("redis", "rediss", "unix")
        _require(found or not self.redis_url, "redis_url", "redis://host:6379/0, rediss://… or unix://…, or empty")
        _require(not self.redis_url or _is_installed("redis"), "redis_url", NEEDS_SCALE)
        server = urlsplit(self.smtp_url)
        mails = server.scheme in ("smtp", "smtps") and bool(server.hostname)
        _require(mails or not self.smtp_url, "smtp_url", "smtp://user:password@host:port, smtps://… or empty")
        _require("@" in parseaddr(self.mail_from)[1], "mail_from", "a name and an address: Our Desk <desk@example.org>")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read TRACKER_* from `environ`; raise BadSetting on an unknown name or an unusable value."""
        environ = os.environ if environ is None else environ
        known = {f"TRACKER_{one.name.upper()}": one for one in fields(cls)}
        given: dict[str, Any] = {}
        for name in environ:
            if name.startswith("TRACKER_") and name not in known:
                raise BadSetting(f"{name} is no setting of ours. docs/settings.md lists them.")
        for name, one in known.items():
            if name in environ:
                given[one.name] = _parse(one.name, environ[name], type(one.default))
        return cls(**given)

    @property
    def origin(self) -> str:
        """`public_url` as a browser spells an Origin: scheme://host[:port]."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def https(self) -> bool:
        """True when the world reaches us over TLS."""
        return self.public_url.startswith("https://")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{Path(self.data_dir).resolve() / 'nameplate.sqlite3'}"

    @property
    def key(self) -> str:
        """The secret key; in development one that is made once and kept in the data folder."""
        if self.secret_key:
            return self.secret_key
        path = Path(self.data_dir) / "development.key"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(48))
        return path.read_text()


SESSION_LASTS = timedelta(days=30)
MAX_UPLOAD_BYTES = 5 * 1024 * 1024


def current() -> Settings:
    """Return the settings of the running application."""
    found: Settings = current_app.extensions["tracker_settings"]
    return found


def environ_for_child(**changed: str) -> dict[str, str]:
    """Return this process's environment for a child, with some of our settings changed."""
    return dict(os.environ) | {f"TRACKER_{name.upper()}": value for name, value in changed.items()}


def prepare_data_dir() -> None:
    """Make the data folder; raise BadSetting when that is not allowed."""
    folder = Path(current().data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"TRACKER_DATA_DIR: can't make {folder}: {error.strerror}.") from None


def _is_installed(name: str) -> bool:
    return find_spec(name) is not None


def _require(holds: bool, name: str, wanted: str) -> None:
    if not holds:
        raise BadSetting(f"TRACKER_{name.upper()} must be {wanted}. See docs/settings.md.")


def _parse(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        _require(text.lower() in ("1", "true", "yes", "on", "0", "false", "no", "off"), name, "yes or no")
        return text.lower() in ("1", "true", "yes", "on")
    if kind is int:
        _require(text.strip().isdigit(), name, "a whole number")
        return int(text)
    return text
