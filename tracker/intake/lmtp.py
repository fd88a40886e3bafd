"""Mail by LMTP (RFC 2033): the mail server in front hands it over, and keeps what we do not acknowledge."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from tracker import incoming, mime, store
from tracker.errors import TooSoon, Unavailable

Answer = TypeVar("Answer")
LATER = "451 4.3.0 Not stored; please offer it again later."
TAKEN = "250 2.0.0 Taken."
IDLE_S = 60
LONGEST_LINE = 64 * 1024
NOBODY = ("", "<>")
"""How the envelope of a bounce names its sender."""


class Handler:
    """What aiosmtpd asks of us. One mail, one recipient: then one answer says all."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="lmtp")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time."
        try:
            if not await self._ask(self._is_ours, address):
                return "550 5.1.1 This address takes no mail."
        except Exception:  # the database is away: a 5xx would send the mail back for good
            store.complain(self.app.logger, "lmtp: could not look whose an address is")
            return LATER
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        try:
            return await self._ask(self._take, envelope)
        except Exception:  # whatever it is, the mail is not stored: its server must keep it
            store.complain(self.app.logger, "lmtp: a mail could not be stored")
            return LATER

    async def _ask(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self.pool, function, *arguments)

    def _is_ours(self, address: str) -> bool:
        with self.app.app_context():
            return incoming.is_ours(address)

    def _take(self, envelope: Envelope) -> str:
        with self.app.app_context():
            try:
                content = envelope.original_content or b""
                incoming.take(content, recipient=envelope.rcpt_tos[0], bounced=(envelope.mail_from or "") in NOBODY)
            except (Unavailable, TooSoon):
                return LATER
        return TAKEN


class Protocol(LMTP):
    """LMTP with lines as long as mail servers let pass."""

    line_length_limit = LONGEST_LINE


def run(app: Flask, place: str, stop: threading.Event, ready: Callable[[str], None] | None = None) -> None:
    """Listen at `place` until `stop`; `ready` is told where, which a port of 0 leaves open."""
    logging.getLogger("mail").setLevel(logging.ERROR)  # aiosmtpd would log whole mails
    asyncio.run(_serve(Handler(app), place, stop, ready or (lambda _where: None)))


def check(place: str) -> str:
    """Say in words why nobody could hand mail over here; "" when one can."""
    host, port = _host_and_port(place)
    try:
        if host is None:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(5)
                probe.connect(place)
        else:
            socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        return f"Nobody listens at {place} ({error.strerror or error}); is `flask tracker mail-in run` up?"
    return ""


async def _serve(handler: Handler, place: str, stop: threading.Event, ready: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()

    def protocol() -> Protocol:
        return Protocol(handler, data_size_limit=mime.LARGEST, enable_SMTPUTF8=True, timeout=IDLE_S, loop=loop)

    host, port = _host_and_port(place)
    if host is None:
        Path(place).unlink(missing_ok=True)
        server = await loop.create_unix_server(protocol, place)
        ready(place)
    else:
        server = await loop.create_server(protocol, host, port)
        ready("{}:{}".format(*server.sockets[0].getsockname()[:2]))
    async with server:
        await loop.run_in_executor(None, stop.wait)


def _host_and_port(place: str) -> tuple[str | None, int]:
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit() or "/" in place:
        return None, 0
    return host.strip("[]") or "127.0.0.1", int(port)
