"""Plain mails say what the HTML says, laid out so that it can be read."""

import pytest

from tracker import plainly, richtext

TYPED = {
    "One.\n\nTwo,\nof two lines.": "One.\n\nTwo,\nof two lines.",
    "Three:\n\n1. the *pump*\n2. the\n   riser\n   - deep\n\nGood.": (
        "Three:\n\n1. the pump\n2. the\n   riser\n   - deep\n\nGood."
    ),
    "- a\n\n  more of a\n- b": "- a\n\n  more of a\n- b",
    "Said:\n\n> quoted\n>\n> twice\n\nSo.": "Said:\n\n> quoted\n>\n> twice\n\nSo.",
    "Look:\n\n```\ncode  <here>\n  deeper\n```": "Look:\n\n    code  <here>\n      deeper",
    "[the plan](https://example.org/plan) & https://example.org/x": (
        "the plan <https://example.org/plan> & https://example.org/x"
    ),
    "": "",
}


@pytest.mark.parametrize("typed", list(TYPED))
def test_words_keep_their_layout_in_a_plain_mail(typed: str) -> None:
    assert plainly.lines(richtext.render(typed)) == TYPED[typed]


def test_a_link_whose_words_lie_shows_where_it_leads() -> None:
    html = richtext.render("[https://bank.example](https://evil.example/)")
    assert plainly.lines(html) == "https://bank.example <https://evil.example/>"


def test_what_does_not_end_is_read_in_time() -> None:
    assert len(plainly.lines("<blockquote><p>x" * 500)) < 2_000_000
