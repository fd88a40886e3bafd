"""A gunicorn worker: gthread with the live engine in its loop. Handshakes go to the engine, the rest to the threads."""

import errno
import fcntl
import gc
import os
import resource
import socket
import struct
import time
from functools import lru_cache
from typing import Any

from gunicorn.workers import gthread

from tracker import live
from tracker.live import handshake, journal, versions
from tracker.live.arrivals import Arrival, Lingering, first_words, is_whole
from tracker.live.asked import CANDIDATE
from tracker.live.callers import Caller
from tracker.live.engine import Engine, refuse
from tracker.live.lane import PARTS_AFTER_S, Lane

ACCEPTS_AT_ONCE = 64
MOST_ARRIVALS = 4000
"""Connections that have said nothing yet; past that the oldest goes."""
DRAIN_WITHIN_S = 3
GARBAGE_AFTER = 20_000
"""Objects made before the collector looks at the youngest; ours die by themselves, storms make thousands."""
THREAD_WAITS_S = 20
"""A thread waits at most this long for one read or write of a slow client."""
KERNEL_WAITS = struct.pack("ll", THREAD_WAITS_S, 0)


class LiveWorker(gthread.ThreadWorker):  # type: ignore[misc]
    """Plain gthread wherever the engine can't be: unknown versions, TLS in gunicorn, HTTP/2, another application."""

    engine: Engine | None = None
    lane: Lane | None = None
    write: journal.Write | None = None
    proxies = 0
    arrivals: dict[Arrival, None]
    drains_until = 0.0

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.arrivals = {}
        if not self._is_plain():
            self.log.warning("live: this gunicorn or its settings are not known here: serving as plain gthread")
            return
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.engine = live.take_over(self.wsgi, descriptors=hard, alone=self.cfg.workers == 1)
        self.proxies = live.proxies(self.wsgi)
        if self.engine is not None:
            self.write = journal.writer(self.log)
            self.lane = self._lane(self.engine)
            _widen(self.engine.most + live.SPARE_DESCRIPTORS)
        gc.set_threshold(GARBAGE_AFTER)
        gc.freeze()  # what was imported stays: the collector need not walk it each time

    def run(self) -> None:
        if self.engine is not None:
            self.poller.register(self.engine.loop.fileno(), 1, lambda _loop: self._step())
        super().run()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(timeout)
        self._step()
        if not self.alive and self.engine is not None and not self.engine.is_draining:
            self._drain()
        if self.drains_until and (self._is_drained() or time.monotonic() > self.drains_until):
            self.drains_until = 0.0
            self.nr_conns -= 1

    def accept(self, listener: Any) -> None:
        if self.engine is None:
            super().accept(listener)
            return
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                sock, peer = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._make_room()
                elif error.errno != errno.ECONNABORTED:
                    raise
                return
            self._await(sock, peer, listener)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Cure gunicorn's wait: it closes on the main thread, up to two seconds for a client that stays."""
        is_ours = self.engine is not None and not fs.cancelled() and fs.exception() is None
        if is_ours and conn.sock.fileno() < 0:  # the engine took the connection along
            self.nr_conns -= 1
        elif is_ours and isinstance(fs.result(), bool):
            stays = fs.result() and self.lane.keep(  # type: ignore[union-attr]
                conn.sock, peer=conn.client, server=conn.server, head=conn.parser.unreader.take_buffered()
            )
            if stays:
                self.nr_conns -= 1
            else:
                Lingering(self.engine.loop, conn.sock, self._forget_connection)  # type: ignore[union-attr]
        else:
            super().finish_request(conn, fs)

    def _is_plain(self) -> bool:
        known = versions.fit(versions.KNOWN_GUNICORN) and hasattr(gthread, "TConn")
        speaks_http1 = not self.cfg.is_ssl and self.cfg.http2_cleartext not in ("prior-knowledge", "both")
        return known and speaks_http1 and self.cfg.proxy_protocol in ("off", False)

    def _is_drained(self) -> bool:
        assert self.engine
        assert self.lane
        return not self.engine.open and self.lane.is_empty and not self.arrivals

    def _step(self) -> None:
        if self.engine is not None:
            self.engine.loop.step()

    def _await(self, sock: socket.socket, peer: Any, listener: Any) -> None:
        assert self.engine
        head = first_words(sock)
        if head is None:
            sock.close()
            return
        if is_whole(head):
            self._begin(sock, peer, _name_of(listener), head)
            return
        if len(self.arrivals) >= MOST_ARRIVALS:
            self._make_room()
        given = {"peer": peer, "listener": listener, "arrived": self._arrived, "lost": self._forget_arrival}
        self.arrivals[Arrival(self.engine.loop, sock, head, **given)] = None

    def _arrived(self, one: Arrival) -> None:
        del self.arrivals[one]
        head = one.head
        one.end(watched=True)
        self._begin(one.sock, one.peer, _name_of(one.listener), head)

    def _begin(self, sock: socket.socket, peer: Any, server: Any, head: bytes) -> None:
        assert self.lane
        if not (head.startswith(CANDIDATE) and self.lane.keep(sock, peer=peer, server=server, head=head)):
            self._send_on(sock, peer, server, head)

    def _send_on(self, sock: socket.socket, peer: Any, server: Any, head: bytes) -> None:
        """Give a request that the lane does not answer to the engine or the threads, with the bytes that were read."""
        assert self.engine
        hello = handshake.read(head)
        if hello is not None:
            self._welcome(sock, peer, hello)
            return
        self.engine.loop.forget(sock.fileno())
        for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, limit, KERNEL_WAITS)
        conn = gthread.TConn(self.cfg, sock, peer, server)
        conn.init()
        conn.parser.unreader.unread(head)
        conn.data_ready = True
        self.nr_conns += 1
        self.enqueue_req(conn)

    def _part(self, caller: Caller) -> None:
        assert self.engine
        self.nr_conns += 1
        Lingering(self.engine.loop, caller.take(), self._forget_connection)

    def _welcome(self, sock: socket.socket, peer: Any, hello: handshake.Hello) -> None:
        assert self.engine
        address = self._address(peer, hello.forwarded)
        network = live.network(address)
        beyond = self.engine.beyond
        if beyond is not None and not beyond.admits(hello.origin):
            answer = handshake.FORBIDDEN
        elif not self.engine.admits(network):
            answer = handshake.FULL
        else:
            answer = handshake.accepted(hello.key)
        if self.write is not None:
            self.write(handshake.host_of(peer), hello.head, answer, 0.0)
        if answer.startswith(handshake.SWITCHED):
            said = (address, hello.head) if beyond is not None and beyond.handles("") else None
            self.engine.welcome(sock, network=network, origin=hello.origin, first=answer, said=said)
            return
        refuse(sock, answer)
        self.nr_conns += 1
        Lingering(self.engine.loop, sock, self._forget_connection)

    def _lane(self, engine: Engine) -> Lane:
        return live.open_lane(
            self.wsgi,
            engine,
            keeps_s=self.cfg.keepalive,
            address_of=self._address,
            network_of=self._network,
            elsewhere=lambda one: self._send_on(one.take(), one.peer, one.server, one.head),
            part=self._part,
            write=self.write,
        )

    def _address(self, peer: Any, forwarded: str) -> str:
        return handshake.client(peer, forwarded, self.proxies)

    def _network(self, peer: Any) -> str | None:
        return live.network(handshake.host_of(peer)) if isinstance(peer, tuple) and not self.proxies else None

    def _drain(self) -> None:
        assert self.engine
        assert self.lane
        self.nr_conns += 1  # keeps the loop turning until the viewers are gone
        self.drains_until = time.monotonic() + DRAIN_WITHIN_S
        self.engine.drain()
        self.lane.drain()
        self.engine.loop.later(PARTS_AFTER_S + 1, self._drop_silent)  # the wheel may be a second early

    def _drop_silent(self) -> None:
        for one in [one for one in self.arrivals if not one.head]:
            one.drop()

    def _make_room(self) -> None:
        oldest = next(iter(self.arrivals), None)
        if oldest is not None:
            oldest.drop()

    def _forget_arrival(self, one: Arrival) -> None:
        self.arrivals.pop(one, None)

    def _forget_connection(self) -> None:
        self.nr_conns -= 1


def _widen(descriptors: int) -> None:
    """Give the table of descriptors its size now: each time it grows under threads, the kernel stops us (0051)."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    with open(os.devnull, "rb") as nothing:
        os.close(fcntl.fcntl(nothing, fcntl.F_DUPFD_CLOEXEC, min(descriptors, hard) - 1))


@lru_cache(maxsize=64)
def _name_of(listener: Any) -> Any:
    return listener.getsockname()
