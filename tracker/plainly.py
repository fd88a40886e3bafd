"""Rendered words as a plain mail has them: paragraphs, lists and quotes by their signs, links with their address."""

import re
from html.parser import HTMLParser

BLOCKS = frozenset(("p", "pre", "blockquote", "ul", "ol", "li"))
SPACE = re.compile(r"[ \t\r\n]+")


def lines(html: str) -> str:
    """Return the words of HTML that richtext made, laid out by line breaks alone."""
    reader = _Lines()
    reader.feed(html)
    reader.close()
    return "".join(reader.done)


class _Lines(HTMLParser):
    """Lays out one block after the other; `lists` holds the last item of each list we are in: number, width of mark."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.done: list[str] = []
        self.text, self.mark, self.href = "", "", ""
        self.link_at = self.quotes = 0
        self.lists: list[tuple[int | None, int]] = []
        self.is_code = False
        self.before = (0, False)
        """Quotes, and whether in a list, of the block before."""

    def handle_data(self, data: str) -> None:
        self.text += data if self.is_code else SPACE.sub(" ", data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS:
            self._lay_down()
        if tag == "br":
            self.text += "\n"
        elif tag == "a":
            self.href, self.link_at = dict(attrs).get("href") or "", len(self.text)
        elif tag == "pre":
            self.is_code = True
        elif tag == "blockquote":
            self.quotes += 1
        elif tag in ("ul", "ol"):
            self.lists.append((0 if tag == "ol" else None, 0))
        elif tag == "li" and self.lists:
            self.mark = self._next_mark()

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self._lay_down()
        if tag == "a" and self.href.removeprefix("mailto:") != self.text[self.link_at :]:
            self.text += f" <{self.href}>"
        elif tag == "pre":
            self.is_code = False
        elif tag == "blockquote":
            self.quotes -= 1
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()

    def close(self) -> None:
        super().close()
        self._lay_down()

    def _next_mark(self) -> str:
        count = self.lists[-1][0]
        mark = "- " if count is None else f"{count + 1}. "
        self.lists[-1] = (None if count is None else count + 1, len(mark))
        return mark

    def _lay_down(self) -> None:
        text, self.text = self.text.strip("\n") if self.is_code else self.text.strip(), ""
        if not text:
            return
        widths = [width for _count, width in self.lists] or [0]
        before, hung = "> " * self.quotes + " " * sum(widths[:-1]), " " * widths[-1]
        first, *rest = ("    " * self.is_code + line.strip(" " * (not self.is_code)) for line in text.split("\n"))
        laid = [before + (self.mark or hung) + first, *(before + hung + line for line in rest)]
        if self.done:
            quoted = ("> " * min(self.quotes, self.before[0])).rstrip()
            self.done.append("\n" if self.mark and self.before[1] else f"\n{quoted}\n")
        self.done.append("\n".join(laid))
        self.mark, self.before = "", (self.quotes, bool(self.lists))
