"""Which requests the engine takes itself: a fresh Socket.IO WebSocket in plain form, nothing similar."""

import pytest

from tests.live_client import opening
from tracker.live import handshake

PLAIN = opening(80)


def changed(old: bytes, new: bytes) -> bytes:
    assert old in PLAIN
    return PLAIN.replace(old, new)


def test_a_plain_opening_is_read() -> None:
    said = changed(b"Upgrade: websocket", b"uPGRADE:WebSocket\r\nOrigin: https://a.example\r\nX-Forwarded-For: 1.2.3.4")
    hello = handshake.read(said.replace(b"Connection: Upgrade", b"Connection: keep-alive, Upgrade"))
    assert hello is not None
    assert (hello.origin, hello.forwarded, hello.head[:4]) == ("https://a.example", "1.2.3.4", b"GET ")


def test_the_proof_is_the_one_of_the_rfc() -> None:
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in handshake.accepted(b"dGhlIHNhbXBsZSBub25jZQ==")


@pytest.mark.parametrize("query", ["transport=websocket&EIO=4", "transport=websocket&EIO=4&t=1700000000.5"])
def test_any_order_and_a_time_stamp_are_fine(query: str) -> None:
    assert handshake.read(opening(80, path=f"/socket.io/?{query}"))


@pytest.mark.parametrize(
    "head",
    [
        PLAIN[:-2],
        PLAIN + b"early",
        PLAIN + PLAIN,
        changed(b"GET ", b"POST "),
        changed(b"GET ", b"get "),
        changed(b" HTTP/1.1", b" HTTP/1.0"),
        changed(b"/socket.io/", b"/socket.io"),
        changed(b"/socket.io/", b"http://x/socket.io/"),
        changed(b"EIO=4", b"EIO=3"),
        changed(b"EIO=4", b"EIO=4&EIO=4"),
        changed(b"EIO=4", b"EIO=4&sid=abc"),
        changed(b"EIO=4", b"EIO=4&j=0"),
        changed(b"transport=websocket", b"transport=polling"),
        changed(b"Host: ", b"Hast: "),
        changed(b"Host: ", b"Host: b\r\nHost: "),
        changed(b"Host: 127", b"Host: user@127"),
        changed(b"Upgrade: websocket", b"Upgrade: h2c"),
        changed(b"Connection: Upgrade", b"Connection: close"),
        changed(b"Connection: Upgrade", b"Connection: Upgrade\r\nContent-Length: 0"),
        changed(b"Connection: Upgrade", b"Connection: Upgrade\r\nTransfer-Encoding: chunked"),
        changed(b"Connection: Upgrade", b"Connection: Upgrade\r\n folded"),
        changed(b"Connection: Upgrade", b"Connection: Upgrade\nX: y"),
        changed(b"Connection: Upgrade", b"Connection: Upgrade\r\nBroken"),
        changed(b"Connection: Upgrade", b"Connection: Upgrade\r\nX : y"),
        changed(b"Connection: Upgrade", b"Connection: Upgrade\r\nX: a\x00b"),
        changed(b"Host: ", b"X:" + b" " * 15_000 + b"\0\r\nHost: "),
        changed(b"Version: 13", b"Version: 8"),
        changed(b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: x"),
        changed(b"Sec-WebSocket-Key: ", b"X-Key: "),
        changed(b"Host: ", b"Origin: https://a\r\nOrigin: https://b\r\nHost: "),
        changed(b"Host: ", b"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nHost: "),
        changed(b"Host: ", b"X: " + b"x" * handshake.MAX_HEAD_BYTES + b"\r\nHost: "),
    ],
)
def test_whatever_differs_is_left_to_the_threads(head: bytes) -> None:
    assert handshake.read(head) is None


@pytest.mark.parametrize(
    ("forwarded", "proxies", "client"),
    [
        ("203.0.113.9", 0, "10.0.0.1"),
        ("", 1, "10.0.0.1"),
        ("198.51.100.7, 203.0.113.9", 1, "203.0.113.9"),
        ("198.51.100.7, 203.0.113.9", 2, "198.51.100.7"),
        ("203.0.113.9", 2, "10.0.0.1"),
    ],
)
def test_only_our_own_proxies_are_believed(forwarded: str, proxies: int, client: str) -> None:
    assert handshake.client(("10.0.0.1", 40000), forwarded, proxies) == client
