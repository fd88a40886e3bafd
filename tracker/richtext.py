"""What people type: one road from raw text to stored text, safe names, safe HTML and plain words."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any, Final

from bleach.sanitizer import Cleaner
from confusable_homoglyphs.categories import unique_aliases
from confusable_homoglyphs.confusables import confusables_data
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from tracker.errors import Invalid

RENDERER_VERSION: Final = 1
LONGEST_SOURCE: Final = 10_000
LONGEST_SUBJECT: Final = 140
LONGEST_NAME: Final = 80
LONGEST_STACK_OF_MARKS: Final = 4
REL: Final = "nofollow ugc noopener noreferrer"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")
TAGS: Final = frozenset(("a", "p", "strong", "em", "code", "pre", "ul", "ol", "li", "br", "blockquote"))
# bleach's own protocol list passes javascript:1 and //host, so a link is a full match of this or it is no link.
HREF: Final = re.compile(
    r"""https?://[\w.-]+(?::\d{1,5})?(?:[/?#][^\s<>"`\\\x00-\x20\x7f-\x9f]*)?"""
    r"""|mailto:[\w.!#$&'*+/=?^{|}~-]{1,64}@[\w.-]{1,253}""",
    re.IGNORECASE,
)

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_NONCHARACTERS = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(plane * 0x10000 + end) for plane in range(17) for end in (0xFFFE, 0xFFFF)) + "]"
)
_BIDI_CONTROLS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_VARIATION_SELECTORS = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_EDGES = "".join(chr(c) for c in range(0x3001) if chr(c).isspace()) + "\u200b\u2060\ufeff"
_BREAKS = re.compile(r"[\n\t\u2028\u2029]+")
_NATURAL_MIXES = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "BOPOMOFO"},
    {"LATIN", "HAN", "HANGUL"},
)


def normalise_text(text: str, *, field: str, max_length: int, min_length: int = 0, multiline: bool = True) -> str:
    """Give typed text as it is stored (NFC, LF, no control characters, trimmed) or raise Invalid naming `field`.

    Lengths count characters (code points); `min_length` counts only those that can be seen.
    """
    _refuse_unstorable(text, field)
    text = _BIDI_CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = unicodedata.normalize("NFC", text if multiline else _BREAKS.sub(" ", text)).strip(_EDGES)
    if len(text) > max_length:
        raise _invalid(field, f"Keep this to {max_length:,} characters: it has {len(text):,}.")
    if sum(map(_can_be_seen, text)) < min_length:
        at_least = "Please fill this in." if min_length == 1 else f"Write at least {min_length} characters."
        raise _invalid(field, at_least)
    return text


def storable(text: str) -> str:
    """Give a record of others word for word, with U+FFFD for what storage refuses and without bidi controls."""
    for pattern in (_SURROGATES, _CONTROLS, _NONCHARACTERS):
        text = pattern.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _BIDI_CONTROLS.sub("", text)


def normalise_name(text: str, *, field: str, reserved: Collection[str] = ()) -> str:
    """Give a person's name as it is shown (NFKC, nothing invisible, one script) or raise Invalid naming `field`.

    One script is UTS 39's "highly restrictive" level; a name that looks like one in `reserved` is refused.
    """
    _refuse_unstorable(text, field)
    if len(text) > LONGEST_SOURCE:
        raise _invalid(field, f"Keep the name to {LONGEST_NAME} characters.")
    visible = _only_visible(unicodedata.normalize("NFKC", _BREAKS.sub(" ", text)))
    name = " ".join(unicodedata.normalize("NFKC", visible).split())
    if not any(map(_can_be_seen, name)):
        raise _invalid(field, "Write a name.")
    if len(name) > LONGEST_NAME:
        raise _invalid(field, f"Keep the name to {LONGEST_NAME} characters: it has {len(name)}.")
    if not _is_one_script(name):
        raise _invalid(field, "Write the name in one script: it mixes letters of alphabets that look alike.")
    if _has_stacked_marks(name):
        raise _invalid(field, f"Use at most {LONGEST_STACK_OF_MARKS} marks on one letter.")
    if not _looks(name).isdisjoint(look for other in reserved for look in _looks(other)):
        raise _invalid(field, "This name belongs to somebody here or is reserved. Choose another.")
    return name


def render(source: str) -> str:
    """Turn the Markdown subset people may write into safe HTML with the tags of TAGS only."""
    if len(source) > LONGEST_SOURCE:
        raise Invalid(f"Keep the text to {LONGEST_SOURCE:,} characters: it has {len(source):,}.")
    return clean(_markdown().render(source)).strip()


def clean(html: str) -> str:
    """Take everything out of HTML that `render` would not write; its own output stays as it is."""
    filters: Any = [_mark_links]
    # A cleaner keeps the state of its parser, so threads must not share one.
    cleaner = Cleaner(
        tags=TAGS, attributes=_is_allowed, protocols={"http", "https", "mailto"}, strip=True, filters=filters
    )
    return str(cleaner.clean(html))


def plain(html: str) -> str:
    """Give the words of rendered HTML as one paragraph."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    return " ".join("".join(reader.words).split())


def plain_text(source: str) -> str:
    """Give the words of a Markdown source as one paragraph."""
    return plain(render(source))


def shortened(subject: str) -> str:
    """Return a subject as short as one may be, ending in … when some of it is left out."""
    return subject if len(subject) <= LONGEST_SUBJECT else subject[: LONGEST_SUBJECT - 1].rstrip() + "…"


def cell(text: str) -> str:
    """Return a text as a cell of a table that spreadsheets read: they would run what starts like a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def excerpt(html: str, length: int) -> str:
    """Give the first words of rendered HTML, at most `length` characters, ending in … when some are left out."""
    words = plain(html)
    if len(words) <= length:
        return words
    head = words[: max(length - 1, 0)]
    if words[len(head)].isalnum() and " " in head:
        head = head[: head.rindex(" ")]
    return (head.rstrip(" ,;:") + "…")[:length]


def _invalid(field: str, what_to_do: str) -> Invalid:
    return Invalid(f"{field.replace('_', ' ').capitalize()}: {what_to_do}", fields={field: what_to_do})


def _refuse_unstorable(text: str, field: str) -> None:
    for pattern, name in (
        (_SURROGATES, "broken characters (lone surrogates)"),
        (_CONTROLS, "control characters"),
        (_NONCHARACTERS, "code points that are no characters"),
    ):
        if found := pattern.search(text.replace("\r", "\n")):
            code = f"U+{ord(found[0]):04X} at character {found.start() + 1}"
            raise _invalid(field, f"Take out the {name}, such as {code}, and send it again.")


def _can_be_seen(character: str) -> bool:
    return unicodedata.category(character) not in ("Cf", "Zs", "Zl", "Zp", "Cc") and character not in _BLANKS


def _only_visible(name: str) -> str:
    return "".join(c for c in name if c.isspace() or (_can_be_seen(c) and not _VARIATION_SELECTORS.match(c)))


def _is_one_script(name: str) -> bool:
    scripts = unique_aliases(name) - {"COMMON", "INHERITED", "Unknown"}
    return len(scripts) <= 1 or any(scripts <= mix for mix in _NATURAL_MIXES)


def _has_stacked_marks(name: str) -> bool:
    stack = 0
    for character in unicodedata.normalize("NFD", name):
        stack = stack + 1 if unicodedata.combining(character) else 0
        if stack > LONGEST_STACK_OF_MARKS:
            return True
    return False


def _looks(name: str) -> frozenset[str]:
    """Fold a name to what a glance sees (UTS 39 skeleton), once by its capitals and once by its small letters."""
    wide = unicodedata.normalize("NFKC", name)
    bare = "".join(c for c in wide if unicodedata.category(c)[0] not in "PZ") or wide
    return frozenset({_skeleton(bare).casefold(), _skeleton(bare.casefold()), _skeleton(_skeleton(bare).casefold())})


def _skeleton(text: str) -> str:
    return "".join(map(_prototype, unicodedata.normalize("NFD", text)))


@cache
def _prototype(character: str) -> str:
    twins = [str(twin["c"]) for twin in confusables_data.get(character, ())]
    if len(twins) != 1:
        return character
    # A pair may be listed from both ends: then neither is the prototype, and the smaller stands for both.
    mutual = len(confusables_data.get(twins[0], ())) == 1
    return min(character, twins[0]) if mutual else twins[0]


class _Parser(MarkdownIt):
    """Markdown without HTML, headings, rules, images and entities, whose links all match HREF."""

    def validateLink(self, url: str) -> bool:
        return HREF.fullmatch(url) is not None

    def normalizeLinkText(self, link: str) -> str:
        # The stock one decodes %E2%80%AE and so smuggles a bidi control past normalise_text.
        return link


@cache
def _markdown() -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "breaks": True})
    # Entities would bring back the characters that normalise_text took out; references would make typed words vanish.
    unwanted = "html_block html_inline heading lheading hr image entity reference code"
    parser.disable(unwanted.split())
    parser.core.ruler.after("inline", "web_addresses", _link_web_addresses)
    # The first rendering puts the rules together; threads that came in half-way would miss some.
    parser.render("a")
    return parser


def _link_web_addresses(state: StateCore) -> None:
    """Make links of the web addresses in the text.

    bleach's LinkifyFilter is not used: it decodes what Markdown has escaped, so a typed &lt; or &#x202e; came alive.
    """
    for block in state.tokens:
        if block.type == "inline" and block.children:
            block.children = list(_with_links(block.children, state.md))


def _with_links(tokens: list[Token], parser: MarkdownIt) -> Iterator[Token]:
    depth = 0
    for token in tokens:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type == "text" and depth == 0 and "://" in token.content:
            yield from _split_at_links(token.content, parser)
        else:
            yield token


_WEB_ADDRESS = re.compile(r"""\bhttps?://[^\s<>"]+""", re.IGNORECASE)


def _split_at_links(text: str, parser: MarkdownIt) -> Iterator[Token]:
    end = 0
    for found in _WEB_ADDRESS.finditer(text):
        shown = _without_closing_punctuation(found[0])
        href = parser.normalizeLink(shown)
        if parser.validateLink(href):
            yield Token("text", "", 0, content=text[end : found.start()])
            yield Token("link_open", "a", 1, attrs={"href": href})
            yield Token("text", "", 0, content=shown)
            yield Token("link_close", "a", -1)
            end = found.start() + len(shown)
    yield Token("text", "", 0, content=text[end:])


def _without_closing_punctuation(address: str) -> str:
    surplus = address.count(")") - address.count("(")
    end = len(address)
    while end and (address[end - 1] in ".,:;!?'*_~]}" or (address[end - 1] == ")" and surplus > 0)):
        surplus -= address[end - 1] == ")"
        end -= 1
    return address[:end]


def _is_allowed(tag: str, name: str, value: str) -> bool:
    if tag == "a" and name == "href":
        return HREF.fullmatch(value.replace("&amp;", "&")) is not None and "&#" not in value
    return tag == "ol" and name == "start" and re.fullmatch(r"[0-9]{1,9}", value) is not None


def _mark_links(source: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Say on every link that a guest of the site wrote it."""
    for token in source:
        if token.get("name") == "a" and token["type"] == "StartTag":
            token["data"][(None, "rel")] = REL
        yield token


class _Words(HTMLParser):
    """Collects the text of HTML with a space wherever a block or a line ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "li", "p", "pre", "blockquote"):
            self.words.append(" ")
