"""An SMTP sink: keeps what it is sent, or misbehaves the way it is told."""

import asyncio
import email
import email.policy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.servers.ground import free_port, wait_until

Behaviour = Literal["accept", "try_later", "reject", "hang", "drop"]
ANSWERS = {"accept": "250 OK", "try_later": "451 4.3.0 Try again later", "reject": "550 5.1.1 No such mailbox"}


@dataclass(frozen=True)
class Mail:
    sender: str
    recipients: list[str]
    message: EmailMessage


def cut(session: SMTP) -> None:
    """End a session without a word, as a crashing server does."""
    if isinstance(session.transport, asyncio.WriteTransport):
        session.transport.abort()


class Mailserver:
    """Runs on a thread of its own; `mails` is what it took, `tried` what it was ever sent, `attempts` counts those."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = "accept"
        self.mails: list[Mail] = []
        self.tried: list[Mail] = []
        self.port = free_port()
        self.loop = asyncio.new_event_loop()
        self.server: asyncio.Server | None = None
        self.protocols: set[SMTP] = set()

    @property
    def attempts(self) -> int:
        return len(self.tried)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        mail = Mail(envelope.mail_from or "", list(envelope.rcpt_tos), message)
        self.tried.append(mail)
        if self.behaviour == "hang":
            await asyncio.Event().wait()
        if self.behaviour == "drop":
            cut(server)
            return "421 gone"
        if self.behaviour == "accept":
            self.mails.append(mail)
        return ANSWERS[self.behaviour]

    def protocol(self) -> SMTP:
        # decode_data stays off: the bytes are judged as they came over the wire.
        protocol = SMTP(self, enable_SMTPUTF8=True, loop=self.loop)
        self.protocols.add(protocol)
        return protocol

    async def listen(self) -> None:
        self.server = await self.loop.create_server(self.protocol, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Stop listening and cut every session: from now on connections are refused."""
        if self.server:
            self.server.close()
        for protocol in self.protocols:
            cut(protocol)
        await asyncio.sleep(0)

    async def end(self) -> None:
        await self.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def refuse(self) -> None:
        asyncio.run_coroutine_threadsafe(self.close(), self.loop).result(10)

    def accept_again(self) -> None:
        self.behaviour = "accept"
        asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result(10)

    def wait_for(self, wanted: Callable[[Mail], bool], *, within: float = 20) -> Mail:
        """Return the first mail that fits, waiting for it."""
        return wait_until(lambda: next(filter(wanted, self.mails), None), within=within, what="a mail arrives")

    def to(self, address: str, *, within: float = 20) -> Mail:
        """Return the first mail to an address, waiting for it."""
        return self.wait_for(lambda mail: address in mail.recipients, within=within)


@contextmanager
def mailserver() -> Iterator[Mailserver]:
    sink = Mailserver()
    thread = threading.Thread(target=sink.loop.run_forever, name="mailserver", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sink.listen(), sink.loop).result(10)
        yield sink
    finally:
        asyncio.run_coroutine_threadsafe(sink.end(), sink.loop).result(10)
        sink.loop.call_soon_threadsafe(sink.loop.stop)
        thread.join(10)
        sink.loop.close()
