"""F13: what is no proper request is refused with a 4xx, and the server answers on."""

import socket

import pytest

from tests.servers.instance import Instance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MEGABYTE = 1_000_000


def told(server: Instance, sent: bytes) -> int:
    """Send bytes as they are; return the status of the answer, 0 when the line was cut without one."""
    with socket.create_connection((server.host, server.port), timeout=20) as line:
        try:
            line.sendall(sent)
        except OSError:
            pass  # it may refuse before it has heard all
        heard = b""
        try:
            while b"\r\n" not in heard and (part := line.recv(4096)):
                heard += part
        except OSError:
            pass
    return int(heard.split(b" ", 2)[1]) if heard.startswith(b"HTTP/") else 0


def request(*headers: str, path: str = "/api/v1/tickets", method: str = "POST", host: bool = True) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(["Host: localhost"] if host else []), "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


JSON = "Content-Type: application/json"
CHUNK = b"%x\r\n" % MEGABYTE + b"x" * MEGABYTE + b"\r\n"
REFUSED = {
    "a body of a megabyte": request(JSON, f"Content-Length: {MEGABYTE}") + b"x" * MEGABYTE,
    "two megabytes in chunks": request(JSON, "Transfer-Encoding: chunked") + CHUNK * 2 + b"0\r\n\r\n",
    "a form of a megabyte": request("Sec-Fetch-Site: same-origin", f"Content-Length: {MEGABYTE}", path="/new")
    + b"x" * MEGABYTE,
    "a header of 64 KB": request("X-Long: " + "x" * 65_536, method="GET", path="/"),
    "two hundred headers": request(*(f"X-{number}: x" for number in range(200)), method="GET", path="/"),
    "a length and chunks": request(JSON, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "two lengths": request(JSON, "Content-Length: 5", "Content-Length: 6") + b"12345",
    "a length that is no number": request(JSON, "Content-Length: +5") + b"12345",
    "an address that is too long": request(method="GET", path="/?q=" + "x" * 10_000),
    "a NUL in the path": request(method="GET", path="/t/%00"),
    "broken UTF-8 in the path": request(method="GET", path="/t/%ff%fe"),
    "a method of its own": request(method="BREW", path="/"),
    "no request at all": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("what", REFUSED)
def test_f13_what_is_no_proper_request_is_refused(nameplate: Instance, what: str) -> None:
    status = told(nameplate, REFUSED[what])
    assert 400 <= status < 500, f"{what}: {status}"
    assert told(nameplate, request(method="GET", path="/healthz")) == 200


def test_f13_a_request_without_a_host_harms_nobody(nameplate: Instance) -> None:
    assert told(nameplate, request(method="GET", path="/", host=False)) in (200, 400)


def test_f13_nothing_of_it_is_a_fault_of_ours(nameplate: Instance) -> None:
    for sent in REFUSED.values():
        told(nameplate, sent)
    assert "Traceback" not in nameplate.log()
