"""What may stand in HTML of ours, as a browser's parser sees it: the judge of every exit."""

import json
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib

from tracker.richtext import HREF, REL, TAGS

PAGE_TAGS = frozenset(
    [
        "html",
        "head",
        "body",
        "meta",
        "title",
        "link",
        "script",
        "a",
        "header",
        "nav",
        "main",
        "section",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "ol",
        "ul",
        "li",
        "span",
        "b",
        "q",
        "bdi",
        "time",
        "s",
        "details",
        "summary",
        "form",
        "label",
        "input",
        "textarea",
        "select",
        "option",
        "button",
        "fieldset",
        "legend",
        "small",
        "svg",
        "path",
        "rect",
        "progress",
        "footer",
        "aside",
        "article",
        "dl",
        "dt",
        "dd",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "code",
        "strong",
        "em",
        "br",
        "blockquote",
        "img",
        "abbr",
        "ticket-timeline",
        "keep-typed",
        "copy-button",
        "live-list",
        "write-keys",
        "output",
        "datalist",
        "kbd",
        "noscript",
        "draft-keeper",
        "workspace-keys",
        "dialog",
        "hr",
        "col",
        "colgroup",
        "tfoot",
        "ticket-badge",
        "badge-builder",
        "polyline",
        "text",
        "g",
        "line",
        "circle",
        "figcaption",
        "figure",
        "attach-files",
        "audio",
        "mark",
        "is-writing",
    ]
)
OURS_ONLY = re.compile(r"/(?!/)|#|\?|https?://localhost(/|$)|$")
ADDRESSES = frozenset(
    ["href", "src", "action", "formaction", "poster", "data", "srcset", "background", "cite", "manifest", "ping"]
)
SAID = ("said", "said--old")


def wrong(html: str, *, fragment: bool = False) -> list[str]:
    """Return what does not belong in a page of ours (or, as a fragment, in words somebody typed)."""
    if fragment:
        tree = html5lib.parseFragment(html, namespaceHTMLElements=False)
        return [fault for one in tree.iter() if one is not tree for fault in _in_words(one)]
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    said = {id(child) for one in tree.iter() if _is_said(one) for child in one.iter() if child is not one}
    faults = []
    for one in tree.iter():
        faults += _in_words(one) if id(one) in said else _in_page(one)
    return faults


def _is_said(one: Element) -> bool:
    return one.tag == "div" and bool(set(SAID) & set(one.get("class", "").split()))


def _in_words(one: Element) -> Iterator[str]:
    if not isinstance(one.tag, str):
        yield f"a comment in typed words: {one.text!r}"
        return
    if one.tag not in TAGS:
        yield f"<{one.tag}> in typed words"
    for name, value in one.attrib.items():
        if one.tag == "a" and name == "href" and HREF.fullmatch(value):
            continue
        if (one.tag, name, value) == ("a", "rel", REL) or (one.tag == "ol" and name == "start" and value.isdigit()):
            continue
        yield f"<{one.tag} {name}={value!r}> in typed words"


def _in_data(one: Element) -> Iterator[str]:
    """Browsers run no script of this type; what breaks out of it has not been parsed as part of it."""
    try:
        told = json.loads(one.text or "")
    except ValueError:
        yield f"no JSON in a script that holds data: {one.text!r}"
        return
    if not isinstance(told, dict) or one.get("src"):
        yield f"a script that holds something else than data: {one.text!r}"


def _in_page(one: Element) -> Iterator[str]:
    if not isinstance(one.tag, str):
        if (one.text or "").strip():
            yield f"a comment: {one.text!r}"
        return
    tag = one.tag.rpartition("}")[2]
    if tag not in PAGE_TAGS and not (tag == "iframe" and one.get("src")):
        yield f"<{tag}>"
    if tag == "script" and one.get("type") == "application/ld+json":
        yield from _in_data(one)
    elif tag == "script" and (not one.get("src") or (one.text or "").strip()):
        yield f"an inline script: {one.text!r}"
    for name, value in one.attrib.items():
        if name.startswith("on") or name == "style" or name == "srcdoc":
            yield f"<{tag} {name}={value!r}>"
        if name.rpartition("}")[2] in ADDRESSES and not OURS_ONLY.match(value):
            yield f"<{tag} {name}={value!r}> leads elsewhere"
