"""Mail from a mailbox over IMAP (RFC 9051): read whole, deleted there only once it is stored here."""

import imaplib
import ipaddress
import logging
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Flask

from tracker import incoming, mime
from tracker.errors import TooSoon, Unavailable
from tracker.settings import Settings

TIMEOUT_S = 30
A_ROUND = 100
"""Mails fetched between two looks at whether to stop."""
log = logging.getLogger(__name__)


class Away(Exception):
    """The mail server does not answer as it should, in words."""


def run(app: Flask, chosen: Settings, stop: threading.Event) -> None:
    """Look into the mailbox every so often until `stop`."""
    while not stop.is_set():
        try:
            more = step(app, chosen.mail_in_imap, stop) >= A_ROUND
        except Away as error:
            more = False
            log.warning("imap: %s", error)
        except Exception:  # the loop must survive whatever a server answers
            more = False
            log.exception("imap: round failed, trying again")
        stop.wait(0 if more else chosen.mail_in_seconds)


def step(app: Flask, url: str, stop: threading.Event | None = None) -> int:
    """Take what lies in the mailbox and delete what was stored; return how many mails. Raises Away."""
    taken = 0
    with _mailbox(url) as server:
        for uid in _answer(server.uid("SEARCH", "UNDELETED"))[0].split()[:A_ROUND]:
            if stop is not None and stop.is_set():
                break
            if _take(app, _fetch(server, uid.decode())):
                server.uid("STORE", uid.decode(), "+FLAGS.SILENT", r"(\Deleted)")
                taken += 1
        if taken:
            server.expunge()
    return taken


def check(url: str) -> str:
    """Say in words why the mailbox can't be read; "" when it can."""
    try:
        with _mailbox(url):
            return ""
    except Away as error:
        return str(error)


def _take(app: Flask, raw: bytes) -> bool:
    with app.app_context():
        try:
            incoming.take(raw)
        except (Unavailable, TooSoon):
            return False  # it stays where it is, and is looked at again
    return True


def _fetch(server: imaplib.IMAP4, uid: str) -> bytes:
    """Return a mail, or as much of one as shows that it is too large; "seen" stays as it is."""
    found = _answer(server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{mime.LARGEST + 1}>)"))
    return next((bytes(part[1]) for part in found if isinstance(part, tuple)), b"")


def _answer(answer: tuple[str, Sequence[Any]]) -> list[Any]:
    if answer[0] != "OK":
        raise Away(f"The mail server says {answer[0]}.")
    return [part or b"" for part in answer[1]] or [b""]


@contextmanager
def _mailbox(url: str) -> Iterator[imaplib.IMAP4]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        server = _connect(parts.scheme, host, parts.port)
        try:
            server.login(unquote(parts.username or ""), unquote(parts.password or ""))
            _answer(server.select(_quoted(unquote(parts.path.lstrip("/")) or "INBOX")))
            yield server
        finally:
            server.logout()
    except (OSError, imaplib.IMAP4.error, UnicodeError) as error:
        raise Away(f"The mailbox at {host} can't be read: {error}") from error


def _connect(scheme: str, host: str, port: int | None) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if scheme == "imaps":
        return imaplib.IMAP4_SSL(host, port or 993, ssl_context=context, timeout=TIMEOUT_S)
    server = imaplib.IMAP4(host, port or 143, timeout=TIMEOUT_S)
    if "STARTTLS" in server.capabilities:
        server.starttls(context)
    elif not _is_this_machine(host):
        server.logout()
        raise Away(f"{host} would take the password unencrypted; use imaps://.")
    return server


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
