"""Is this the HTML it means to be: the parse errors of a page, as a browser's parser would meet them."""

import html5lib
from html5lib.constants import E


def parse_errors(text: str, *, fragment: bool = False) -> list[str]:
    """Return each parse error with its line; a fragment is judged as the inside of <body>."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    if fragment:
        parser.parseFragment(text, container="body")
    else:
        parser.parse(text)
    return [f"line {line}: {E[code] % (details or {})}" for (line, _), code, details in parser.errors]


def terms(markup: str) -> dict[str, str]:
    """Return what a page says of each term of its lists, by the term."""
    found: dict[str, str] = {}
    term = ""
    for element in html5lib.parse(markup, namespaceHTMLElements=False).iter():
        if element.tag in ("dt", "dd"):
            words = " ".join("".join(element.itertext()).split())
            term, said = (words, "") if element.tag == "dt" else (term, f"{found[term]} {words}".strip())
            found[term] = said
    return found
