"""The only way out to addresses that others gave us: resolved once, public, and the one we connect to; no redirects."""

import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tracker import settings
from tracker.errors import Invalid

TIMEOUT_S = 15
LONGEST_URL = 500
_TUNNELS = tuple(ipaddress.ip_network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""IPv6 ranges that carry an IPv4 address inside: what is behind them can not be judged."""


class Refused(OSError):
    """The address leads where we do not go."""


@dataclass(frozen=True)
class Answered:
    """What the far end said."""

    status: int
    retry_after: str


def check_url(url: str, *, field: str = "target") -> str:
    """Return an address we could post to; raise Invalid. Where its name leads is judged when we connect."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise Invalid(fields={field: "This is no address. It begins with https://."}) from None
    plain = all(0x21 <= ord(one) < 0x7F for one in url.strip())
    if parts.scheme not in _schemes() or not parts.hostname or port == 0 or not plain or len(url) > LONGEST_URL:
        raise Invalid(fields={field: "Give an address that begins with https://, in plain letters."})
    if parts.username is not None or parts.password is not None:
        raise Invalid(fields={field: "Leave name and password out of the address; our signature says who we are."})
    literal = _literal(parts.hostname)
    if literal is not None and not may_reach(literal):
        raise Invalid(fields={field: "This address is not on the public internet."})
    return url.strip()


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
    """Post once, within 15 s in all; raise Refused or another OSError. What comes back is not read but for its head."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    line = _Line(host, port, secure=parts.scheme == "https")
    watch = threading.Timer(TIMEOUT_S, line.cut)
    watch.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line.request("POST", path, body, {**headers, "User-Agent": "Nameplate", "Connection": "close"})
        answer = line.getresponse()
        return Answered(answer.status, answer.headers.get("Retry-After", ""))
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"no HTTP answer: {type(error).__name__}") from error
    finally:
        watch.cancel()
        line.close()


def resolve(host: str, port: int, *, within_s: float) -> list[tuple[int, tuple[str, int]]]:
    """Return the addresses a name leads to, as (family, (address, port)); raise Refused unless all are public."""
    found = _looked_up(host, port, within_s)
    for *_rest, where in found:
        if not may_reach(ipaddress.ip_address(str(where[0]).partition("%")[0])):
            raise Refused(f"{host} is not on the public internet")
    return [(family, (str(where[0]), port)) for family, _type, _proto, _name, where in found]


def may_reach(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Say whether we go there: the public internet, and nowhere else unless the settings say so."""
    if settings.current().private_targets:
        return True
    if address.version == 6:
        if address.ipv4_mapped:
            return may_reach(address.ipv4_mapped)
        if any(address in tunnel for tunnel in _TUNNELS):
            return False
    return address.is_global and not address.is_multicast


class _Line(http.client.HTTPConnection):
    """A connection to the address that was judged, not to what the name says a moment later."""

    def __init__(self, host: str, port: int, *, secure: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self.secure = secure
        self.default_port = 443 if secure else 80
        self.ends = time.monotonic() + TIMEOUT_S

    def connect(self) -> None:
        (_family, where), *_others = resolve(self.host, self.port, within_s=self._left())
        self.sock = socket.create_connection(where, timeout=self._left())
        if self.secure:
            self.sock.settimeout(self._left())  # of the whole greeting, during which `cut` finds nothing to cut
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(self._left())

    def cut(self) -> None:
        """End it from outside: a far end that answers a byte at a time must not hold us."""
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _left(self) -> float:
        if (left := self.ends - time.monotonic()) <= 0:
            raise TimeoutError("it took too long")
        return left


def _looked_up(host: str, port: int, within_s: float) -> list[Any]:
    """Ask where a name leads, on a thread: nothing else ends the wait for a name server that keeps silent."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        found = answers.get(timeout=within_s)
    except queue.Empty:
        raise TimeoutError(f"no name server answered for {host}") from None
    if isinstance(found, Exception):
        raise found
    return list(found)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _schemes() -> tuple[str, ...]:
    return ("https", "http") if settings.current().private_targets else ("https",)
