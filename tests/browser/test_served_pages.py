"""Every page a newcomer meets first, as the running server gives it: nothing blocked, no error, accessible, valid."""

import re

import pytest

from tests.browser.visitor import Visitor
from tests.html import parse_errors
from tests.servers.instance import Instance

PAGES = ["/", "/new", "/signin", "/dev/mailbox"]


def check(visitor: Visitor, url: str, name: str) -> None:
    answer = visitor.page.goto(url)
    assert answer
    assert answer.ok, f"{url}: {answer.status}"
    assert not parse_errors(answer.text())
    visitor.assert_accessible(of=name)


@pytest.mark.parametrize("path", PAGES)
def test_a_first_page_is_whole(nameplate: Instance, visitor: Visitor, path: str) -> None:
    check(visitor, f"{nameplate.url}{path}", f"served{path.replace('/', '-')}")


def links(visitor: Visitor, kind: str) -> list[str]:
    """The addresses of one kind that the open page links to."""
    found = visitor.page.eval_on_selector_all("a[href]", "links => links.map(link => link.href.split('#')[0])")
    return sorted({link for link in found if re.search(rf"/{kind}/[\w-]+$", link)})


@pytest.mark.parametrize("kind", ["t", "desks", "people"])
def test_what_a_ticket_leads_to_is_whole(nameplate: Instance, visitor: Visitor, kind: str) -> None:
    visitor.page.goto(nameplate.url)
    tickets = links(visitor, "t")
    visitor.page.goto(tickets[0])
    wanted = tickets if kind == "t" else links(visitor, kind)
    assert wanted, f"no link leads to a page of {kind}"
    for number, link in enumerate(wanted[:3]):
        check(visitor, link, f"served-{kind}-{number}")
