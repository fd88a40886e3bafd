"""A mail as it came over the wire, read within bounds: who, to whom, which words, which files; hostile or not."""

import html
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses

LARGEST = 15 * 1024 * 1024
MOST_HEAD_BYTES = 128 * 1024
MOST_BRACKETS = 1000
MOST_HEADERS = 300
MOST_LINES = 300_000
MOST_BOUNDARIES, MOST_PARTS = 40, 5_000
"""Every open boundary is looked for in every line: both counts bound what reading costs."""
DEEPEST = 8
MOST_FILES = 20
LONGEST_VALUE = 2_000
LONGEST_RECIPIENTS = 20_000
MOST_HOPS = 50
LONGEST_TEXT = 200_000

CHARSETS = re.compile(
    r"(us-)?ascii|utf-?(7|8|16|16le|16be)|iso-?8859-?\d{1,2}|latin-?1|(windows|cp)-?(125\d|874|932|936|949|950)|koi8-[ru]"
    r"|gb2312|gbk|gb18030|big5|shift_?jis|iso-2022-jp|euc-?(jp|kr)|macintosh|mac-?roman|tis-620",
    re.IGNORECASE,
)
"""Python's other codecs are no charsets of mails, or slow (punycode)."""
BOUNDARY = re.compile(rb"boundary\s*=|message/(rfc822|partial|delivery-status)", re.IGNORECASE)
RECIPIENTS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to")
LISTED = ("list-id", "list-unsubscribe", "list-post", "x-auto-response-suppress")


class Unreadable(Exception):
    """A mail nobody could answer; the reason is for the list of dead letters."""


@dataclass(frozen=True)
class Attached:
    """A file that came with a mail, as declared; nothing about it has been checked."""

    name: str
    content_type: str
    content: bytes
    is_inline: bool = False
    """Shown within the words: a pasted picture, or a logo of the signature."""


@dataclass(frozen=True)
class Mail:
    """What a mail says. `automatic`: why no person wrote it, "" when one may have."""

    message_id: str
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    subject: str
    words: str
    files: tuple[Attached, ...]
    automatic: str
    listed: str
    """Why it is not to be answered by a machine though a person may have written it; "" when nothing says so."""
    loops: tuple[str, ...]
    """Whose X-Loop it carries."""
    language: str


def read(raw: bytes) -> Mail:
    """Read a mail. Raises Unreadable; costs a few seconds at worst, whatever the bytes are."""
    _check_size(raw)
    try:
        return _read(raw)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None


def _read(raw: bytes) -> Mail:
    message = message_from_bytes(raw, policy=compat32)
    headers = _headers(message)
    recipients, listed = tuple(_recipients(headers)), _listed(headers)
    name, sender = _sender(headers, recipients if listed else ())
    texts, files = _content(message)
    return Mail(
        message_id=_first(headers, "message-id").strip()[:500],
        sender=sender,
        sender_name=_decoded(name),
        recipients=recipients,
        subject=" ".join(_decoded(_first(headers, "subject")).split()),
        words="\n".join(texts)[:LONGEST_TEXT],
        files=tuple(files),
        automatic=_automatic(message, headers),
        listed=listed,
        loops=tuple(value.strip().lower() for value in headers.get("x-loop", [])),
        language=_first(headers, "content-language").split(",")[0].strip()[:12],
    )


def _check_size(raw: bytes) -> None:
    head = re.search(rb"\r?\n\r?\n", raw[: MOST_HEAD_BYTES + 4])
    if len(raw) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST // 1024**2} MB")
    if head is None and len(raw) > MOST_HEAD_BYTES:
        raise Unreadable(f"its head is larger than {MOST_HEAD_BYTES // 1024} KB")
    if raw[: head.start() if head else None].count(b"(") > MOST_BRACKETS:  # comments nest; not every Python gives up
        raise Unreadable("it is nested too deeply")
    if raw.count(b"\n") > MOST_LINES or raw.count(b"\r") > MOST_LINES:
        raise Unreadable(f"it has more than {MOST_LINES:,} lines")
    if sum(1 for _ in BOUNDARY.finditer(raw)) > MOST_BOUNDARIES or raw.count(b"\n--") > MOST_PARTS:
        raise Unreadable("it has too many parts")


def _headers(message: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for count, (name, value) in enumerate(message.raw_items()):
        if count >= MOST_HEADERS:
            raise Unreadable(f"it has more than {MOST_HEADERS} header lines")
        name = name.lower()
        longest = LONGEST_RECIPIENTS if name in RECIPIENTS else LONGEST_VALUE
        text = str(value)[:longest].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        found.setdefault(name, []).append(" ".join(text.split()))
    return found


def _first(headers: dict[str, list[str]], name: str) -> str:
    return headers.get(name, [""])[0]


def _addresses(value: str) -> list[tuple[str, str]]:
    return [(name, address) for name, address in getaddresses([value]) if "@" in address]


def _sender(headers: dict[str, list[str]], lists: Collection[str]) -> tuple[str, str]:
    """Return name and address of who wrote it; a list that writes in their stead says so in Reply-To."""
    found = [one for value in headers.get("from", []) for one in _addresses(value)]
    if len(found) != 1:
        raise Unreadable("it names no sender, or several")
    instead = _addresses(_first(headers, "reply-to"))
    return instead[0] if len(instead) == 1 and found[0][1].lower() in lists else found[0]


def _recipients(headers: dict[str, list[str]]) -> Iterator[str]:
    for name in RECIPIENTS:
        for value in headers.get(name, [])[:10]:
            yield from (address.lower() for _name, address in _addresses(value)[:100])


def _decoded(value: str) -> str:
    try:
        parts = decode_header(value[:LONGEST_VALUE])
    except (HeaderParseError, ValueError):
        return value
    return "".join(part if isinstance(part, str) else _text(part, charset or "ascii") for part, charset in parts)


def _text(raw: bytes, charset: str) -> str:
    charset = charset if CHARSETS.fullmatch(charset) else "utf-8"
    try:
        if charset.lower() not in ("ascii", "us-ascii", "utf-8", "utf8"):
            return raw.decode(charset, "replace")
    except (LookupError, UnicodeError):
        pass
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:  # said to be ASCII or UTF-8, and is not: the most common lie
        return raw.decode("windows-1252", "replace")


def _automatic(message: Message, headers: dict[str, list[str]]) -> str:
    """Say why this is no person's mail (RFC 3834, section 2; RFC 3464), or nothing."""
    if _first(headers, "auto-submitted").split(";")[0].strip().lower() not in ("", "no"):
        return "it says Auto-Submitted"
    if _first(headers, "precedence").lower() in ("bulk", "junk", "auto_reply"):
        return "it says Precedence: bulk"
    if any(name in headers for name in ("x-autoreply", "x-autorespond")):
        return "it is an auto-responder's"
    if _first(headers, "return-path").replace(" ", "") == "<>" or message.get_content_type() == "multipart/report":
        return "it is a report of a mail server"
    if len(headers.get("received", [])) > MOST_HOPS:
        return f"it passed more than {MOST_HOPS} servers"
    return ""


def _listed(headers: dict[str, list[str]]) -> str:
    if _first(headers, "precedence").lower() == "list" or any(name in headers for name in LISTED):
        return "it came through a list, or wants no automatic answer"
    return ""


def _content(message: Message) -> tuple[list[str], list[Attached]]:
    files: list[Attached] = []
    texts = _texts(message, files, 0)
    return texts, files


def _texts(part: Message, files: list[Attached], depth: int) -> list[str]:
    """Return the words of a part and what is in it; files it carries are added to `files`."""
    if depth > DEEPEST:
        raise Unreadable("it is nested too deeply")
    kind = part.get_content_type()
    if kind.startswith("message/"):
        return []  # somebody else's mail: its words are not the sender's
    if part.is_multipart():
        children = [one for one in part.get_payload() if isinstance(one, Message)]
        found = [(one.get_content_type(), _texts(one, files, depth + 1)) for one in children]
        if kind != "multipart/alternative":
            return [text for _kind, texts in found for text in texts]
        found.sort(key=lambda pair: pair[0] != "text/plain")  # the first with any words
        return next((texts for _kind, texts in found if any(text.strip() for text in texts)), [])
    if kind in ("text/plain", "text/html") and not _is_file(part):
        text = _text(_bytes(part), str(part.get_content_charset("utf-8")))[:LONGEST_TEXT]
        return [words_of_html(text) if kind == "text/html" else text]
    if len(files) < MOST_FILES:
        is_inline = part.get_content_disposition() != "attachment" and part.get("Content-ID") is not None
        files.append(Attached(_file_name(part), kind, _bytes(part), is_inline))
    return []


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _file_name(part: Message) -> str:
    return " ".join(_decoded(str(part.get_filename() or "")[:LONGEST_VALUE]).split())[-120:]


def _bytes(part: Message) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


BLOCKS = frozenset(
    ("p", "div", "br", "li", "tr", "table", "ul", "ol", "hr", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6")
)
UNSEEN = frozenset(("style", "script", "head", "title"))
OUTLOOK = re.compile(r"appendonsend|divrplyfwdmsg|mail-editor-reference-message", re.IGNORECASE)
TAG = re.compile(r"<(/?)([a-z][a-z0-9]{0,20})([^<>]*)>", re.IGNORECASE)
ORIGINAL = "-----Original Message-----"
DASHES = "-- "
"""What stands above a signature (RFC 3676, section 4.3); without its space it is somebody's own line."""


def words_of_html(page: str) -> str:
    """Return the words of a mail's HTML: blocks as lines, quotes behind >, where Outlook's history begins marked.

    One pass, linear in its length: parsers that follow the standard are slow on hostile input.
    """
    found: list[str] = []
    quotes, at = 0, 0
    while at < len(page):
        opens = page.find("<", at)
        opens = len(page) if opens < 0 else opens
        found.append(re.sub(r"\s+", " ", html.unescape(page[at:opens])))
        tag = TAG.match(page, opens)
        if tag is None:
            at = _past_no_element(page, opens)
            continue
        closes, name, at = bool(tag[1]), tag[2].lower(), tag.end()
        if name in UNSEEN and not closes:
            ends = re.compile(f"</{name}", re.IGNORECASE | re.ASCII).search(page, at)
            at = ends.start() if ends else len(page)
        if name == "blockquote":
            quotes = max(0, quotes + (-1 if closes else 1))
        if name in BLOCKS:
            found.append("\n" + "> " * min(quotes, 3) + ("- " if name == "li" and not closes else ""))
        if OUTLOOK.search(tag[3]):
            found.append(f"\n{ORIGINAL}\n")
    lines = (line if line == DASHES else " ".join(line.split()) for line in "".join(found).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _past_no_element(page: str, opens: int) -> int:
    """Return where words go on after a comment, a doctype, what Word says to itself, or a < that is none of these."""
    if page[opens + 1 : opens + 2] not in ("!", "?"):
        return opens + 1
    mark = "-->" if page.startswith("<!--", opens) else ">"
    shut = page.find(mark, opens)
    return len(page) if shut < 0 else shut + len(mark)
