"""A visitor notices what a person would: errors, blocked content, what axe finds; and two people share nothing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from tests.browser.visitor import LOOKS, PRESENT, Visitor, visiting
from tests.servers.ground import wait_until
from tests.servers.site import ForeignSite, Page

GOOD = "<!doctype html><html lang=en><title>Good</title><main><h1>Good</h1><p>Plain words.</p></main></html>"
STRICT = {"Content-Security-Policy": "default-src 'none'"}


@pytest.mark.parametrize(
    ("body", "headers", "complaint"),
    [
        ("<script>console.error('a slip')</script>", {}, "a slip"),
        ("<script>undefined_thing()</script>", {}, "undefined_thing"),
        ("<script>1</script>", STRICT, "Content Security Policy"),
        ("<p style='color: red'>x</p>", STRICT, "Content Security Policy"),
        ("<script src=/missing.js></script>", {}, "404"),
    ],
    ids=["console-error", "exception", "inline-script", "inline-style", "missing-file"],
)
def test_a_page_that_complains_fails_the_test(
    chromium: Browser, blog: ForeignSite, body: str, headers: dict[str, str], complaint: str
) -> None:
    blog.pages["/"] = Page(f"<!doctype html><title>Bad</title>{body}", headers=headers)

    def visit() -> None:
        with visiting(chromium) as visitor:
            visitor.page.goto(blog.url, wait_until="networkidle")

    with pytest.raises(AssertionError, match=complaint):
        visit()


def test_an_expected_complaint_is_forgiven(visitor: Visitor, blog: ForeignSite) -> None:
    visitor.forgive("404")
    answer = visitor.page.goto(f"{blog.url}/nothing")
    assert answer
    assert answer.status == 404
    # The console may tell of it after the page has come; asking the page something lets the browser's events in.
    wait_until(lambda: visitor.page.evaluate("true") and visitor.complaints, what="the complaint is heard")


def test_axe_is_asked_on_phone_and_desktop_in_light_and_dark(visitor: Visitor) -> None:
    style = "<style>p {color: #888; background: #777} @media (prefers-color-scheme: light) {p {color: #000}}</style>"
    visitor.page.set_content(GOOD)
    visitor.assert_accessible()
    visitor.page.set_content(GOOD.replace("<main>", f"{style}<main>"))
    with pytest.raises(AssertionError, match="color-contrast") as found:
        visitor.assert_accessible()
    assert "phone, dark: color-contrast" in str(found.value)
    assert "desktop, dark: color-contrast" in str(found.value)
    assert "light: color-contrast" not in str(found.value)
    assert len(LOOKS) == 4


def test_a_failed_test_tells_where_its_people_were_and_what_they_waited_for(
    visitor: Visitor, blog: ForeignSite
) -> None:
    blog.pages["/"] = Page(GOOD)
    visitor.page.goto(blog.url)
    visitor.page.route("**/slow", lambda _route: None)
    with visitor.page.expect_request("**/slow"):
        visitor.page.evaluate("void fetch('/slow').catch(() => 0)")
    visitor.forgive("odd")
    visitor.page.evaluate("console.error('odd')")
    wait_until(lambda: visitor.page.evaluate("true") and visitor.complaints, what="the complaint is heard")
    told = visitor.whereabouts()
    assert f"at {blog.url}/" in told
    assert f"waits for GET {blog.url}/slow" in told
    assert "odd" in told
    assert visitor in PRESENT


def test_who_leaves_lets_a_page_on_its_way_come(visitor: Visitor, blog: ForeignSite) -> None:
    blog.pages["/"] = Page(GOOD)
    visitor.page.goto(blog.url)
    come: list[str] = []
    visitor.page.on("requestfinished", lambda request: come.append(request.url))
    visitor.page.route("**/late", lambda route: route.fulfill(body=GOOD, content_type="text/html"))
    visitor.page.evaluate("void setTimeout(() => (location.href = '/late'))")
    visitor.page.wait_for_event("request")
    visitor.leave()
    assert come == [f"{blog.url}/late"]


def test_two_people_share_no_cookies(visitors: Callable[..., Visitor], blog: ForeignSite) -> None:
    blog.pages["/"] = Page(GOOD, headers={"Set-Cookie": "who=ann"})
    ann, bob = visitors(), visitors()
    ann.page.goto(blog.url)
    assert ann.context.cookies(blog.url)
    assert not bob.context.cookies(blog.url)


def test_nothing_outside_this_machine_is_reachable(visitor: Visitor) -> None:
    visitor.forgive("ERR_NAME_NOT_RESOLVED")
    with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        visitor.page.goto("http://nameplate.example/")
