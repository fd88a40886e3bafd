"""One line to the mail server per thread, kept open while there is mail to send."""

import smtplib
import ssl
import threading
import time
from urllib.parse import unquote, urlsplit

from tracker.outbox import Undeliverable

TIMEOUT_S = 20
LATE_S = 0.1
"""How much that was lost, to the database or the server, is caught up."""


class _Open(threading.local):
    """What this thread holds: a line, where it leads, and whether mail has gone through it."""

    server: smtplib.SMTP | None = None
    url = ""
    used = False
    bulk_at = 0.0
    """When the next of many mails alike is due (monotonic seconds)."""


_open = _Open()


def send(content: bytes, sender: str, recipient: str, url: str) -> None:
    """Hand one mail to the server; raise Undeliverable, permanent or not."""
    was_used = _open.used and _open.url == url
    try:
        try:
            _send(content, sender, recipient, url)
        except smtplib.SMTPServerDisconnected:
            close()
            if not was_used:
                raise
            _send(content, sender, recipient, url)  # servers hang up on lines that were quiet, or after so many mails
    except smtplib.SMTPResponseException as error:
        close()
        raise Undeliverable(f"{error.smtp_code} {error.smtp_error!r}", permanent=error.smtp_code >= 500) from error
    except smtplib.SMTPRecipientsRefused as error:
        code = max((reply[0] for reply in error.recipients.values()), default=450)
        raise Undeliverable(f"recipient refused ({code})", permanent=code >= 500) from error
    except (OSError, smtplib.SMTPException) as error:
        close()
        raise Undeliverable(f"{type(error).__name__}: {error}", permanent=False) from error


def pace(per_second: int) -> None:
    """Wait for the turn of one of many mails alike: evenly spread they leave room for pages, in bursts they do not."""
    now = time.monotonic()
    _open.bulk_at = max(_open.bulk_at, now - LATE_S) + 1 / per_second
    time.sleep(max(0.0, _open.bulk_at - now))


def close() -> None:
    """Hang up, if a line is open."""
    server, _open.server, _open.used = _open.server, None, False
    if server is not None:
        try:
            if server.sock:
                server.sock.settimeout(1)
            server.quit()
        except (OSError, smtplib.SMTPException):
            server.close()


def check(url: str) -> str:
    """Say in words what keeps the server from taking mail; "" when it answers."""
    try:
        with _connect(url):
            return ""
    except (OSError, smtplib.SMTPException) as error:
        return f"The mail server {urlsplit(url).hostname} does not take our mail: {error}"


def _send(content: bytes, sender: str, recipient: str, url: str) -> None:
    if _open.server is None or _open.url != url:
        close()
        _open.server, _open.url = _connect(url), url
    _open.server.sendmail(sender, [recipient], content)
    _open.used = True


def _connect(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            parts.hostname or "", parts.port or 465, timeout=TIMEOUT_S, context=context
        )
    else:
        server = smtplib.SMTP(parts.hostname or "", parts.port or 25, timeout=TIMEOUT_S)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=context)
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server
