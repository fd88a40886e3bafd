"""A mail server that takes everything and remembers when: the far end of bench mail, a process of its own."""

import asyncio
import time

ANSWERS = {b"EHLO": b"250-sink\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n", b"QUIT": b"221 bye\r\n"}

TELL_S = 0.1
"""How often it prints: each line would wake who reads it, on the machine that is measured."""
TAKEN: list[str] = []


class Sink(asyncio.Protocol):
    """Answers each command at once; prints address and time (monotonic seconds) of each mail it took, a bit later."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.held, self.in_mail, self.recipient = transport, b"", False, b""
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.held += data
        while True:
            end = b"\r\n.\r\n" if self.in_mail else b"\r\n"
            line, found, rest = self.held.partition(end)
            if not found:
                return
            self.held = rest
            self.transport.write(self._taken() if self.in_mail else self._answer(line))

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self.recipient = line.partition(b"<")[2].partition(b">")[0]
        if verb == b"DATA":
            self.in_mail = True
            return b"354 go on\r\n"
        return ANSWERS.get(verb, b"250 fine\r\n")

    def _taken(self) -> bytes:
        self.in_mail = False
        TAKEN.append(f"{self.recipient.decode()} {time.monotonic()}\n")
        return b"250 taken\r\n"


async def serve() -> None:
    """Listen on a free port, print it, and take mail until ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while True:
        await asyncio.sleep(TELL_S)
        print("".join(TAKEN), end="", flush=True)
        TAKEN.clear()


if __name__ == "__main__":
    asyncio.run(serve())
