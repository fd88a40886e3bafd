"""What people type: stored text, names, safe HTML and plain words."""

import re
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import html5lib
import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import richtext
from tracker.errors import Invalid

ALLOWED = {"a": {"href", "rel"}, "ol": {"start"}}
ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<iframe src=javascript:alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](vbscript:1)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](//evil.example)",
    "[x](\\\\evil.example)",
    "[x](https:/evil.example)",
    "[x](https:evil.example)",
    "[x](https://good.example@evil.example)",
    "[x](https://good.example&#64;evil.example)",
    "[x](https://good.example%40evil.example)",
    "[x](https://good.example\\@evil.example)",
    "[x](mailto:a@b.example?bcc=c@d.example)",
    "[x](mailto:a@b.example%0d%0abcc:c)",
    "[x](file:///etc/passwd)",
    "[x](https://a.example/ \"onmouseover='alert(1)'\")",
    '[x](https://a.example/"onmouseover="alert(1))',
    "<javascript:alert(1)>",
    "<https://a.example/\"onclick='alert(1)'>",
    "![x](https://a.example/x.png)",
    "![x](javascript:alert(1))",
    'https://a.example/"onmouseover="alert(1)',
    "https://a.example/<script>alert(1)</script>",
    '```"><script>alert(1)</script>\nx\n```',
    "`<script>alert(1)</script>`",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "[x]: javascript:alert(1)\n\n[x]",
    "[a](https://a.example)<b onmouseover=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x202e;gnirts",
    "<https://a.example/%E2%80%AEgnp.exe>",
)
PIECES = (
    *(
        "*",
        "**",
        "_",
        "`",
        "```\n",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "7) ",
        "    ",
        "\t",
        "\\",
        "~~",
        "#",
        "---\n",
        "|",
    ),
    *("---\n", "&", "&amp;", "&lt;", "&quot;", "<", ">", '"', "'", "(", ")", "[", "](", "<br>", "</p>"),
    *("https://a.example/b_c?d=1&e=2", "http://", "mailto:a@b.example", "word", " ", "é", "日本", "🙂", ".", "!"),
)
MARKUP = st.lists(st.sampled_from(ATTACKS + PIECES), max_size=30).map("".join)
TYPED = st.one_of(MARKUP, st.text(max_size=200))


def stored(text: str) -> str:
    """Give any text as the tracker would store it, or as much of it as it would accept."""
    try:
        return richtext.normalise_text(text, field="text", max_length=10_000)
    except Invalid:
        kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Cn"))
        return richtext.normalise_text(kept, field="text", max_length=10_000)


def elements(html: str) -> list[tuple[str, dict[str, str]]]:
    """Parse as a browser does and give every element with its attributes."""
    tree: Any = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)
    return [(element.tag, dict(element.attrib)) for element in tree.iter() if element is not tree]


def structure(html: str) -> Any:
    """Give what a browser makes of the HTML, whatever way it is written."""
    tree: Any = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)
    return [(e.tag, sorted(e.attrib.items()), e.text or "", e.tail or "") for e in tree.iter()]


def assert_harmless(html: str) -> None:
    for tag, attributes in elements(html):
        assert tag in richtext.TAGS
        assert set(attributes) <= ALLOWED.get(tag, set())
        if tag == "a":
            assert attributes["rel"] == "nofollow ugc noopener noreferrer"
            assert re.match(r"(?i)https?://[^@/?#\\]+($|[/?#])|mailto:[^?]*$", attributes.get("href", "mailto:"))


def calls_made_by(source: str) -> int:
    """Count the calls made to render a source: the same on every machine, unlike its time."""
    calls = 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        richtext.render(source)
    finally:
        sys.setprofile(None)
    return calls


def test_the_markdown_subset_becomes_html() -> None:
    source = "Hi **you** and *me*\nsame `code`\n\n> said\n\n3. three\n4. four\n\n- dot\n\n```js\n<b>\n```"
    assert richtext.render(source) == (
        "<p>Hi <strong>you</strong> and <em>me</em><br>\nsame <code>code</code></p>\n"
        "<blockquote>\n<p>said</p>\n</blockquote>\n"
        '<ol start="3">\n<li>three</li>\n<li>four</li>\n</ol>\n'
        "<ul>\n<li>dot</li>\n</ul>\n"
        "<pre><code>&lt;b&gt;\n</code></pre>"
    )


def test_what_is_not_in_the_subset_stays_as_typed() -> None:
    source = "# no heading\n---\n![no image](x)\n<b>no tag</b> &copy; &lt;\n[r]: https\n    four spaces"
    assert richtext.plain_text(source) == " ".join(source.split())


@pytest.mark.parametrize(
    ("source", "href"),
    [
        ("see https://a.example/b_c_d.", "https://a.example/b_c_d"),
        ("(https://a.example/w_(x)), ok", "https://a.example/w_(x)"),
        ("https://a.example?x=1&copy;=2&y=3!", "https://a.example?x=1&copy;=2&y=3"),
        ("[words](https://a.example:8443/ä)", "https://a.example:8443/%C3%A4"),
        ("<mailto:ann@a.example> ", "mailto:ann@a.example"),
        ("HTTP://A.EXAMPLE/x", "HTTP://A.EXAMPLE/x"),
    ],
)
def test_web_and_mail_addresses_become_links(source: str, href: str) -> None:
    links = [attributes for tag, attributes in elements(richtext.render(source)) if tag == "a"]
    assert links == [{"href": href, "rel": "nofollow ugc noopener noreferrer"}]


@pytest.mark.parametrize(
    "source",
    [
        "example.com and setup.py",
        "`https://a.example`",
        "```\nhttps://a.example\n```",
        "https://",
        "xhttps://a.example",
        "https://ann@evil.example",
        "https://ann:secret@evil.example/",
        *(
            attack
            for attack in ATTACKS
            if attack.startswith("[x](") and "\\" not in attack and "a.example" not in attack
        ),
    ],
)
def test_what_is_no_safe_address_is_no_link(source: str) -> None:
    assert not [tag for tag, _ in elements(richtext.render(source)) if tag == "a"]


def test_a_link_is_not_made_twice() -> None:
    html = richtext.render("[see https://a.example/x](https://b.example/)")
    assert [attributes["href"] for tag, attributes in elements(html) if tag == "a"] == ["https://b.example/"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_harmless_and_readable(attack: str) -> None:
    for source in (attack, f"- {attack}", f"> **{attack}**", f"[{attack}](https://a.example)", attack * 3):
        assert_harmless(richtext.render(source))
        assert_harmless(richtext.clean(source))
    if "alert(1)" in attack and "a.example" not in attack and not attack.startswith("```"):
        assert "alert(1)" in richtext.plain_text(attack)


@given(TYPED)
def test_rendered_html_is_harmless_and_cleaning_leaves_it_alone(text: str) -> None:
    html = richtext.render(stored(text))
    assert_harmless(html)
    assert all("href" in attributes for tag, attributes in elements(html) if tag == "a")
    assert richtext.clean(html) == html


@given(TYPED)
def test_an_independent_sanitiser_finds_nothing_to_take_out(text: str) -> None:
    html = richtext.render(stored(text))
    oracle = nh3.clean(
        html,
        tags=set(richtext.TAGS),
        attributes=ALLOWED,
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    assert structure(oracle) == structure(html)


@given(TYPED)
def test_cleaning_foreign_html_is_harmless_and_idempotent(text: str) -> None:
    once = richtext.clean(text)
    assert richtext.clean(once) == once
    for tag, attributes in elements(once):
        assert tag in richtext.TAGS
        assert set(attributes) <= ALLOWED.get(tag, set())


@given(TYPED)
def test_rendering_brings_back_no_character_that_was_taken_out(text: str) -> None:
    words = richtext.plain_text(stored(text))
    assert stored(words) == words


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs", "Cn")), max_size=200))
def test_every_typed_letter_and_digit_is_shown(text: str) -> None:
    source = stored(text)
    letters = [c for c in source if c.isalnum()]
    shown = re.sub(r'start="([0-9]+)"', r"> \1 <", richtext.render(source))
    counted = [c for c in richtext.plain(shown) if c.isalnum()]
    assert sorted(counted) == sorted(letters) or re.search(r"(?m)^\W*[0-9]+[.)]|```|~~~|&|<", source)


def test_threads_that_render_at_once_do_not_mix_their_texts() -> None:
    sources = [f"**t{n}** <b> & [x](https://a.example/{n})\n\n- a{n}\n- b" for n in range(200)]
    alone = [richtext.render(source) for source in sources]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(richtext.render, sources)) == alone
    finally:
        sys.setswitchinterval(interval)


def test_text_beyond_the_cap_is_refused_before_it_is_parsed() -> None:
    assert calls_made_by("x" * 10_000) > 100
    with pytest.raises(Invalid, match="10,000"):
        richtext.render("x" * 10_001)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "](",
        "*a ",
        "**a _b ",
        "`",
        "> ",
        "- ",
        "\n1. ",
        "<",
        "&",
        "<p><b>",
        "\\",
        "![",
        "[a](",
        "(",
        "http://a.b ",
        "https://",
        ")",
        "a@b.c ",
        "~~~\n",
        "\n",
        "\t",
        "*_",
    ],
)
def test_work_grows_in_step_with_the_text(piece: str) -> None:
    half, whole = (calls_made_by((piece * n)[:n]) for n in (4_000, 8_000))
    assert whole < 2.6 * half + 5_000
    assert whole < 1_500_000


def test_plain_words_are_one_paragraph() -> None:
    assert richtext.plain_text("Hi **you**\nthere\n\n- a\n- b &\n\n> c `<d>`") == "Hi you there a b & c <d>"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (100, "Your parcel, found at last"),
        (26, "Your parcel, found at last"),
        (25, "Your parcel, found at…"),
        (13, "Your parcel…"),
        (12, "Your parcel…"),
        (11, "Your…"),
        (3, "Yo…"),
        (0, ""),
    ],
)
def test_an_excerpt_ends_at_a_word_and_says_that_more_follows(length: int, words: str) -> None:
    assert richtext.excerpt("<p>Your <em>parcel</em>,<br>found at last</p>", length) == words


@given(TYPED, st.integers(0, 60))
def test_an_excerpt_is_never_longer_than_asked(text: str, length: int) -> None:
    html = richtext.render(stored(text))
    assert len(richtext.excerpt(html, length)) <= length
