"""Broken HTML is noticed, whole and in fragments."""

import pytest

from tests.html import parse_errors


@pytest.mark.parametrize(
    "body",
    ["<p><div></p>", "<b><i></b></i>", "<a href=x", "<p>&nosuch;</p>", "<table><p></p></table>", "</span>"],
)
def test_what_a_browser_has_to_repair_is_an_error(body: str) -> None:
    assert parse_errors(f"<!doctype html><title>x</title>{body}")


def test_a_good_page_and_a_good_fragment_have_none() -> None:
    page = (
        "<!doctype html><html lang=en><title>x</title><main><ol><li>a &amp; b</li></ol><time>now</time></main></html>"
    )
    assert not parse_errors(page)
    assert not parse_errors("<li>one</li><li>two</li>", fragment=True)
    assert parse_errors("<li>one</b></li>", fragment=True)
    assert "line 1" in parse_errors("<p>no doctype</p>")[0]
