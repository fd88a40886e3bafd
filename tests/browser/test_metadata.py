"""Data for programs on a page: a real browser's policy has nothing to say against it, and runs none of it."""

from playwright.sync_api import Page

from tests.browser.trips import Office
from tests.servers.instance import Instance


def test_the_policy_reports_nothing_on_a_page_that_carries_data(
    page: Page, office: Office, nameplate: Instance
) -> None:
    ref = office.ticket(subject="</script><script>window.hit = 1</script>")
    page.add_init_script(
        "window.refused = []; document.addEventListener('securitypolicyviolation',"
        " (event) => refused.push(`${event.violatedDirective} ${event.blockedURI}`))"
    )
    page.goto(f"{nameplate.url}/t/{ref}")
    found = page.evaluate("JSON.parse(document.querySelector('script[type=\"application/ld+json\"]').textContent)")
    assert found["name"] == "</script><script>window.hit = 1</script>"
    assert page.evaluate("[refused, window.hit]") == [[], None]
