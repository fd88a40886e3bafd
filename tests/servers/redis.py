"""A Redis server of our own, without persistence."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import redis as client

from tests.servers.ground import end, free_port, program, wait_until


class Redis:
    """One server on one port; killed and started again it comes back empty on the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [program("redis-server", package="redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", "/"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, what="Redis answers")

    def answers(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise RuntimeError(f"redis-server ended with {self.process.returncode}")
        try:
            with client.Redis.from_url(self.url) as connection:
                return bool(connection.ping())
        except client.ConnectionError:
            return False

    def listeners(self, channel: str) -> int:
        """Return how many connections hear what is published on a channel."""
        with client.Redis.from_url(self.url) as connection:
            return int(connection.pubsub_numsub(channel)[0][1])

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def redis() -> Iterator[Redis]:
    server = Redis()
    try:
        server.start()
        yield server
    finally:
        if server.process:
            end(server.process)
