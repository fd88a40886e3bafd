"""A wire that can be cut: a TCP relay between browsers and a server, for what happens when the network goes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.servers.ground import free_port

CHUNK = 64 * 1024


class Relay:
    """Passes bytes from its own address to `port` of this machine; `cut` loses every connection and takes no other."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, free_port(host)
        self.url = f"http://{host}:{self.port}"
        self.target = 0
        self.is_cut = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._door = socket.create_server((host, self.port), backlog=64)
        self._thread = threading.Thread(target=self._serve, name="relay", daemon=True)

    def lead_to(self, port: int) -> None:
        """Begin to pass on what comes to the server on `port`."""
        self.target = port
        self._thread.start()

    def cut(self) -> None:
        """Lose every connection, as a cable does; who tries anew is turned away until `mend`."""
        with self._lock:
            self.is_cut = True
            lost, self._open = self._open, set()
        for one in lost:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    @property
    def connections(self) -> int:
        """How many connections are passed on now."""
        return len(self._open) // 2

    def mend(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        self._door.close()
        self.cut()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:  # closed
                return
            if self.is_cut:
                client.close()
                continue
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((self.host, self.target), timeout=10)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        with self._lock:
            is_cut = self.is_cut  # since it was let in
            self._open |= set() if is_cut else {client, server}
        if is_cut:
            client.close()
            server.close()
            return
        back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
        back.start()
        self._pass(client, server)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pass(self, giver: socket.socket, taker: socket.socket) -> None:
        with suppress(OSError):
            while chunk := giver.recv(CHUNK):
                taker.sendall(chunk)
        for one in (giver, taker):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay() -> Iterator[Relay]:
    """Open a relay; `lead_to(port)` starts it."""
    one = Relay()
    try:
        yield one
    finally:
        one.close()
