"""Mails are read within bounds: whatever the bytes are, there is an answer, and a soon one."""

import base64
import random
import zlib

import pytest

from tracker import mime, quoting
from tracker.mime import Unreadable

HEAD = (
    b"From: Cara Lindt <cara@home.example>\r\nTo: desk@in.example\r\nSubject: Water\r\nMessage-ID: <1@home.example>\r\n"
)


def mail(head: bytes = b"", body: bytes = b"It drips.") -> bytes:
    return HEAD + head + b"\r\n" + body


def nested(depth: int) -> bytes:
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
    )
    return HEAD + opening + b"Content-Type: text/plain\r\n\r\ndeep\r\n"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (HEAD + b"To: " + b"(" * 19_000 + b"\r\n\r\nhi", "nested too deeply"),
        (HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\n" * 9_000, "too many parts"),
        (b"", "names no sender"),
        (b"\x00\xff\xfe" * 1000, "names no sender"),
        (HEAD + b"From: <other@home.example>\r\n\r\nhi", "names no sender, or several"),
        (mail(b"X-Long: " + b"a" * 200_000), "head is larger"),
        (mail(b"".join(b"X-%d: a\r\n" % n for n in range(400))), "header lines"),
        (mail(body=b"\r\n" * 400_000), "lines"),
        (mail(body=b"a" * (16 * 1024 * 1024)), "larger than 15 MB"),
        (nested(12), "nested too deeply"),
        (nested(3000), "too many parts"),
        (HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 500 + b"hi", "too many parts"),
    ],
    ids=[
        "comments",
        "parts",
        "empty",
        "noise",
        "two-senders",
        "head",
        "headers",
        "lines",
        "size",
        "deep",
        "deeper",
        "mails-in-mails",
    ],
)
def test_hostile_mail_is_unreadable_with_a_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        mime.read(raw)


@pytest.mark.parametrize(
    "declared",
    ["utf-8", "us-ascii", "iso-8859-1", "zlib", "punycode", "rot13", "unicode_escape", "no-such", "utf-16", "x" * 5000],
)
def test_a_lie_about_the_charset_costs_no_words_that_can_be_read(declared: str) -> None:
    head = f"Content-Type: text/plain; charset={declared}\r\nContent-Transfer-Encoding: 8bit\r\n".encode()
    read = mime.read(mail(head, "Grüße".encode("cp1252") + zlib.compress(b"a" * 10_000)))
    assert isinstance(read.words, str)
    if declared in ("utf-8", "us-ascii", "iso-8859-1", "no-such"):
        assert read.words.startswith("Grüße")


def test_encoded_headers_are_read_and_broken_ones_left_as_they_are() -> None:
    assert (
        mime.read(mail().replace(b"Water", b"=?utf-8?q?Kein_Wasser?= =?iso-8859-1?b?/A==?=")).subject == "Kein Wasserü"
    )
    assert mime.read(mail().replace(b"Water", b"=?utf-8?b?!!!?= x")).subject
    assert mime.read(mail().replace(b"Water", b"=?punycode?q?" + b"a" * 1900 + b"?=")).subject
    assert mime.read(mail().replace(b"Water", "Rohr über".encode())).subject == "Rohr über"


def test_the_words_of_a_forwarded_mail_are_not_its_senders() -> None:
    head = b'Content-Type: multipart/mixed; boundary="b"\r\n'
    body = (
        b"--b\r\n\r\nMine.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@y.example\r\n\r\nTheirs.\r\n--b--\r\n"
    )
    assert mime.read(mail(head, body)).words.strip() == "Mine."


def test_files_are_told_from_words() -> None:
    picture = base64.encodebytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    head = b'Content-Type: multipart/mixed; boundary="b"\r\n'
    body = b"--b\r\n\r\nSee the picture.\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
    body += b'Content-Disposition: attachment; filename="=?utf-8?q?Wand=C3=BC.png?="\r\n\r\n' + picture
    body += b'\r\n--b\r\nContent-Type: text/plain; name="log.txt"\r\n\r\na log\r\n--b--\r\n'
    read = mime.read(mail(head, body))
    assert read.words.strip() == "See the picture."
    assert [(one.name, one.content_type) for one in read.files] == [
        ("Wandü.png", "image/png"),
        ("log.txt", "text/plain"),
    ]
    assert read.files[0].content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "head",
    [
        b"Auto-Submitted: auto-replied\r\n",
        b"Auto-Submitted: auto-generated; type=x\r\n",
        b"Precedence: bulk\r\n",
        b"X-Autoreply: yes\r\n",
        b"Return-Path: <>\r\n",
        b'Content-Type: multipart/report; boundary="b"\r\n',
        b"Received: from a by b\r\n" * 51,
    ],
)
def test_machines_are_recognised(head: bytes) -> None:
    assert mime.read(mail(head)).automatic


def test_people_are_not_taken_for_machines() -> None:
    head = b"Auto-Submitted: no\r\nPrecedence: normal\r\nReturn-Path: <cara@home.example>\r\n" + b"Received: a\r\n" * 9
    assert mime.read(mail(head)).automatic == mime.read(mail(head)).listed == ""
    listed = mime.read(mail(b"List-Id: <list.example>\r\n"))
    assert (listed.automatic, listed.listed) == ("", "it came through a list, or wants no automatic answer")


def test_html_becomes_words_with_quotes_marked() -> None:
    page = "<style>p{}</style><p>One &amp; <b>two</b></p><ul><li>a<li>b</ul>"
    page += "<blockquote>old<br>older</blockquote>new<script>x"
    assert mime.words_of_html(page) == "One & two\n\n- a\n- b\n\n> old\n> older\nnew"


def test_letters_that_grow_when_made_small_cost_no_words() -> None:
    page = "<p>" + "\u0130" * 40 + "</p><STYLE>p{}</Style><p>Words after it, every one of them.</p>"
    assert mime.words_of_html(page) == "\u0130" * 40 + "\n\nWords after it, every one of them."


@pytest.mark.parametrize(
    "piece", ["<", "<!", "<!-->", "<!--", "<style>", "<div ", "&#", "<blockquote>", "</blockquote>", "<a b='", "]]>"]
)
def test_hostile_html_ends(piece: str) -> None:
    assert isinstance(mime.words_of_html(piece * (mime.LONGEST_TEXT // len(piece))), str)


HOSTILE = [
    "Am x schrieb ",
    "On ",
    "On 1 wrote:\n",
    "<a@",
    "> ",
    "From: a\n",
    "_" * 30 + "\n",
    "-- \n",
    "a <a@b> 1:\n",
    ":\n",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_ends(piece: str) -> None:
    text = piece * (mime.LONGEST_TEXT // len(piece))
    assert isinstance(quoting.own_words(text) + quoting.unsigned(text), str)


@pytest.mark.slow
def test_no_noise_makes_reading_fail_in_another_way() -> None:
    made_up, parts = random.Random(5), [b'Content-Type: multipart/mixed; boundary="b"', b"--b", b"--b--", b"\r\n", b":"]
    parts += [b"Content-Type: text/html", b"Content-Transfer-Encoding: base64", b"=?utf-8?b?", b"?=", b"\xff", b"\x00"]
    parts += [b"From: a@b.example", b"Content-Type: message/rfc822", b"Subject: ", b"To: <<>>,,;", b"<blockquote>"]
    for _ in range(3000):
        raw = HEAD + b"\r\n".join(made_up.choices(parts, k=made_up.randrange(40)))
        try:
            quoting.own_words(mime.read(raw).words)
        except Unreadable:
            continue
