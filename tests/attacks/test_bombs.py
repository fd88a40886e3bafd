"""F13: requests made by hand to break a parser, against the server as it runs: told off, never an error of ours."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from tests.servers.instance import Instance, instance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def running() -> Iterator[Instance]:
    with instance() as found:
        yield found


def send(running: Instance, raw: bytes) -> int:
    """Send bytes and return the status of the answer, 0 when the connection was closed without one."""
    with socket.create_connection((running.host, running.port), timeout=20) as wire:
        try:
            wire.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was read: the answer may still be there
        answer = http.client.HTTPResponse(wire)
        try:
            answer.begin()
        except (http.client.BadStatusLine, ConnectionResetError):
            return 0
        return answer.status


def post(path: str, headers: str, body: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n{headers}\r\n"
    return head.encode("latin-1") + body


FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
JSON = "Content-Type: application/json\r\n"
PARTS = "Content-Type: multipart/form-data; boundary=x\r\n"
CHUNK = b"%x\r\n" % 65536 + b"a" * 65536 + b"\r\n"
MANY_PARTS = (
    b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % n for n in range(900)) + b"--x--\r\n"
)
BOMBS = {
    "a form of 1 MB": post("/new", f"{FORM}Content-Length: 1048576\r\n", b"a" * 1048576),
    "JSON of 1 MB": post("/api/v1/tickets", f"{JSON}Content-Length: 1048576\r\n", b"[" * 1048576),
    "a chunked form of 2 MB": post("/new", f"{FORM}Transfer-Encoding: chunked\r\n", CHUNK * 32 + b"0\r\n\r\n"),
    "chunked JSON of 2 MB": post("/api/v1/tickets", f"{JSON}Transfer-Encoding: chunked\r\n", CHUNK * 32 + b"0\r\n\r\n"),
    "a form of 900 parts": post("/new", f"{PARTS}Content-Length: {len(MANY_PARTS)}\r\n", MANY_PARTS),
    "a header of 64 KB": post("/new", f"X-Long: {'a' * 65536}\r\n"),
    "200 headers": post("/new", "".join(f"X-{n}: 1\r\n" for n in range(200))),
    "a length and chunks": post("/new", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "two lengths": post("/new", "Content-Length: 5\r\nContent-Length: 6\r\n", b"abcdef"),
    "a negative length": post("/new", "Content-Length: -5\r\n"),
    "a length of words": post("/new", "Content-Length: many\r\n"),
    "chunks that are none": post("/new", f"{FORM}Transfer-Encoding: chunked\r\n", b"zz\r\nabc\r\n"),
    "a form of broken UTF-8": post("/new", f"{FORM}Content-Length: 14\r\n", b"subject=\xff\xfe&a=b"[:14]),
    "parts without an end": post(
        "/new", f"{PARTS}Content-Length: 40\r\n", b"--x\r\nContent-Disposition: form-data; nam"
    ),
    "an unknown coding": post("/new", f"{FORM}Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "no host": b"POST /new HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "two hosts": b"POST /new HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
    "a host that is none": b"POST /new HTTP/1.1\r\nHost: <script>\r\nContent-Length: 0\r\n\r\n",
    "NUL in the path": b"GET /t/%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "a bare NUL in the path": b"GET /t/\x00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "broken UTF-8 in the path": b"GET /t/%ff%fe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "half a character in a query": b"GET /?q=%ed%a0%80&desk=%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "an endless path": b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "steps out of static": b"GET /static/../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "coded steps out of static": b"GET /static/..%2f..%2fsetup.cfg HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "another method": b"BREW /new HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: none\r\nContent-Length: 0\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: none\r\nCookie: a=b\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "no request at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "a token of junk": b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xff\r\nConnection: close\r\n\r\n",
    "JSONP": b"GET /socket.io/?EIO=4&transport=polling&j=0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("raw", BOMBS.values(), ids=BOMBS)
def test_a_request_made_to_break_us_is_told_off(running: Instance, raw: bytes) -> None:
    status = send(running, raw)
    searched = status == 200 and raw.startswith(b"GET /?q=")
    assert status == 0 or 400 <= status < 500 or searched, status
    assert send(running, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == 200


def test_a_cookie_of_junk_is_no_cookie(running: Instance) -> None:
    junk = b"nameplate=\xff.\xfe." + b"x" * 7000
    raw = b"GET /workspace/new HTTP/1.1\r\nHost: a\r\nCookie: " + junk + b"\r\nConnection: close\r\n\r\n"
    assert send(running, raw) == 303


def test_nothing_of_it_left_a_trace_of_an_error(running: Instance) -> None:
    assert running.ready()
    assert "Traceback" not in running.log()
