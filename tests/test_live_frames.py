"""Frames: RFC 6455 as the engine reads and writes it; any split of the bytes gives the same messages."""

import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.live import frames
from tracker.live.frames import (
    BAD_TEXT,
    BINARY,
    CLOSE,
    CONTINUATION,
    MAX_FRAGMENTS,
    MAX_MESSAGE_BYTES,
    PING,
    POLICY,
    PONG,
    PROTOCOL,
    TEXT,
    TOO_BIG,
    Incoming,
    Message,
    ProtocolError,
)


def masked(payload: bytes, opcode: int = TEXT, *, fin: bool = True, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A client's frame."""
    size = len(payload)
    if size < 126:
        head = bytes((size | 0x80,))
    elif size < 1 << 16:
        head = bytes((126 | 0x80,)) + size.to_bytes(2, "big")
    else:
        head = bytes((127 | 0x80,)) + size.to_bytes(8, "big")
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes(((0x80 if fin else 0) | opcode,)) + head + mask + body


def read(*pieces: bytes) -> tuple[list[Message], int | None]:
    """Feed pieces until the end or the first fault; return the messages, also those before it, and its close code."""
    incoming, found = Incoming(), list[Message]()
    try:
        for piece in pieces:
            for message in incoming.feed(piece):
                found.append(message)
    except ProtocolError as error:
        return found, error.code
    return found, None


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[start:stop] for start, stop in pairwise(edges)]


def test_a_text_and_a_binary_message_come_out_whole() -> None:
    stream = masked("grüß dich".encode()) + masked(b"\x00\xff", BINARY) + masked(b"", TEXT)
    assert read(stream) == ([(TEXT, "grüß dich"), (BINARY, b"\x00\xff"), (TEXT, "")], None)


@pytest.mark.parametrize("size", [0, 125, 126, 127, 65, 5000, MAX_MESSAGE_BYTES])
def test_every_way_to_write_a_length_is_read(size: int) -> None:
    assert read(masked(b"x" * size)) == ([(TEXT, "x" * size)], None)


def test_control_frames_may_stand_between_fragments() -> None:
    stream = masked(b"gr\xc3", fin=False) + masked(b"still here?", PING) + masked(b"\xbc\xc3\x9f", CONTINUATION)
    assert read(stream) == ([(PING, b"still here?"), (TEXT, "grüß")], None)


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (frames.encode(b"not masked"), PROTOCOL),
        (b"\xc1\x80" + bytes(4), PROTOCOL),
        (b"\xa1\x80" + bytes(4), PROTOCOL),
        (b"\x91\x80" + bytes(4), PROTOCOL),
        (masked(b"", 0x3), PROTOCOL),
        (masked(b"", 0xB), PROTOCOL),
        (masked(b"", PING, fin=False), PROTOCOL),
        (masked(b"x" * 126, PING), PROTOCOL),
        (masked(b"alone", CONTINUATION), PROTOCOL),
        (masked(b"one", fin=False) + masked(b"two"), PROTOCOL),
        (b"\x81\xfe\x00\x7d" + bytes(4 + 125), PROTOCOL),
        (b"\x81\xff" + (1000).to_bytes(8, "big"), PROTOCOL),
        (b"\x81\xff" + (1 << 63).to_bytes(8, "big"), PROTOCOL),
        (b"\x81\xff" + (128 << 20).to_bytes(8, "big"), TOO_BIG),
        (masked(b"x" * (MAX_MESSAGE_BYTES + 1)), TOO_BIG),
        (masked(b"x" * MAX_MESSAGE_BYTES, fin=False) + masked(b"x", CONTINUATION), TOO_BIG),
        (masked(b"", fin=False) + masked(b"", CONTINUATION, fin=False) * MAX_FRAGMENTS, POLICY),
        (masked(b"\xc3\x28"), BAD_TEXT),
        (masked(b"\xed\xa0\x80"), BAD_TEXT),
        (masked(b"\xc3", fin=False) + masked(b"", CONTINUATION), BAD_TEXT),
        (masked(b"\x03", CLOSE), PROTOCOL),
        (masked((1005).to_bytes(2, "big"), CLOSE), PROTOCOL),
        (masked((999).to_bytes(2, "big"), CLOSE), PROTOCOL),
        (masked((2999).to_bytes(2, "big"), CLOSE), PROTOCOL),
        (masked((1000).to_bytes(2, "big") + b"\xff", CLOSE), BAD_TEXT),
    ],
)
def test_a_broken_rule_closes_with_its_code(stream: bytes, code: int) -> None:
    assert read(masked(b"before") + stream) == ([(TEXT, "before")], code)
    assert read(*(bytes((byte,)) for byte in masked(b"before") + stream)) == ([(TEXT, "before")], code)


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 3000, 4999])
def test_a_close_gives_its_code(code: int) -> None:
    assert read(masked(code.to_bytes(2, "big") + "tschüß".encode(), CLOSE)) == (
        [(CLOSE, code.to_bytes(2, "big"))],
        None,
    )
    assert read(masked(b"", CLOSE)) == ([(CLOSE, b"")], None)


def test_an_oversized_message_is_refused_before_it_is_sent() -> None:
    incoming = Incoming()
    with pytest.raises(ProtocolError) as refused:
        list(incoming.feed(b"\x82\xff" + (128 << 20).to_bytes(8, "big")))
    assert refused.value.code == TOO_BIG
    assert incoming.held < 32


def test_what_a_client_leaves_unfinished_stays_small() -> None:
    incoming = Incoming()
    list(incoming.feed(masked(b"x" * 16_000, fin=False)))
    list(incoming.feed(masked(b"y" * 384, CONTINUATION)[:-1]))
    assert incoming.held < MAX_MESSAGE_BYTES + 400


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_our_frames_are_read_by_an_independent_client(size: int) -> None:
    from websocket import ABNF
    from websocket._abnf import frame_buffer

    stream = frames.encode(b"x" * size)
    at = 0

    def receive(wanted: int) -> bytes:
        nonlocal at
        at += wanted
        return stream[at - wanted : at]

    found = frame_buffer(receive, skip_utf8_validation=False).recv_frame()
    assert (found.opcode, found.fin, found.data) == (ABNF.OPCODE_TEXT, 1, b"x" * size)


def test_a_close_of_ours_says_only_what_may_travel() -> None:
    assert frames.closing(1001, "later") == b"\x88\x07\x03\xe9later"
    assert frames.closing(1006) == b"\x88\x00"
    assert len(frames.closing(1008, "ü" * 200)) <= 127


def test_an_independent_client_is_understood_whatever_its_mask() -> None:
    from websocket import ABNF

    for size in (0, 1, 3, 125, 126, 9000):
        sent = os.urandom(size)
        assert read(ABNF.create_frame(sent, ABNF.OPCODE_BINARY).format()) == ([(BINARY, sent)], None)


PIECE = st.one_of(
    st.builds(masked, st.binary(max_size=300), st.sampled_from((TEXT, BINARY, CONTINUATION)), fin=st.booleans()),
    st.builds(masked, st.text(max_size=80).map(str.encode), st.just(TEXT), fin=st.booleans()),
    st.builds(masked, st.binary(max_size=130), st.sampled_from((PING, PONG, CLOSE))),
    st.binary(max_size=40),
)


@given(st.lists(PIECE, max_size=12).map(b"".join), st.lists(st.integers(0, 10_000), max_size=20))
def test_any_split_of_any_bytes_gives_the_same_messages(stream: bytes, cuts: list[int]) -> None:
    assert read(*split(stream, cuts)) == read(stream)


@given(st.lists(st.tuples(st.sampled_from((TEXT, BINARY)), st.text(max_size=200)), max_size=8), st.data())
def test_whole_messages_in_any_fragments_come_back_as_they_were(
    said: list[tuple[int, str]], data: st.DataObject
) -> None:
    stream, wanted = b"", []
    for opcode, words in said:
        payload = words.encode()
        parts = split(payload, data.draw(st.lists(st.integers(0, 1000), max_size=5))) or [b""]
        for number, part in enumerate(parts, 1):
            stream += masked(part, CONTINUATION if number > 1 else opcode, fin=number == len(parts))
        wanted.append((opcode, words if opcode == TEXT else payload))
    assert read(stream) == (wanted, None)
