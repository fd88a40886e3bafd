"""Mail from a mailbox over IMAP (RFC 9051): read whole, deleted there only once it is stored here."""

import imaplib
import ipaddress
import logging
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Flask

from tracker import incoming, mime, store
from tracker.errors import TooSoon
from tracker.settings import Settings

TIMEOUT_S = 30
A_ROUND = 100
"""Mails taken before those deleted are gone for good."""
Later = dict[bytes, float]
"""When mails that came too soon are looked at again, by their number in the mailbox."""
log = logging.getLogger(__name__)


class Away(Exception):
    """The mail server does not answer as it should, in words."""


def run(app: Flask, chosen: Settings, stop: threading.Event) -> None:
    """Look into the mailbox every so often until `stop`."""
    later: Later = {}
    while not stop.is_set():
        try:
            more = step(app, chosen.mail_in_imap, stop, later) >= A_ROUND
        except Away as error:
            more = False
            log.warning("imap: %s", error)
        except Exception:  # the loop must survive whatever a server answers
            more = False
            log.exception("imap: round failed, trying again")
        stop.wait(0 if more else chosen.mail_in_seconds)


def step(app: Flask, url: str, stop: threading.Event | None = None, later: Later | None = None) -> int:
    """Take what lies in the mailbox and delete what was stored; return how many mails. Raises Away.

    Who sends too many waits: their mails stay, are noted in `later` and not fetched before their time.
    """
    taken, later = 0, {} if later is None else later
    with _mailbox(url) as server:
        for uid in _due(_answer(server.uid("SEARCH", "UNDELETED"))[0].split(), later):
            if taken == A_ROUND or (stop is not None and stop.is_set()):
                break
            try:
                _take(app, _fetch(server, uid.decode()))
            except store.AWAY:
                break  # nor could the next one be stored
            except TooSoon as error:
                later[uid] = time.monotonic() + error.retry_after
                continue
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


def _due(there: Sequence[bytes], later: Later) -> list[bytes]:
    """Return which mails to look at now, and forget of `later` what has gone."""
    for uid in later.keys() - set(there):
        del later[uid]
    return [uid for uid in there if later.get(uid, 0) <= time.monotonic()]


def _take(app: Flask, raw: bytes) -> None:
    with app.app_context():
        incoming.take(raw)


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
