"""Care: personal data is seen before it is public, pictures go with words, reports are decided, people can go."""

import base64
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.trips import (
    SOON,
    Office,
    become_customer,
    fill_opening,
    press,
    ref_of,
    send_opening,
    sign_in,
    sign_in_as,
    watch,
)
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
from tests.test_faces import orientation, picture

DROP = """([form, name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const options = { bubbles: true, cancelable: true };
  const sent = { drop: () => new DragEvent('drop', { ...options, dataTransfer: transfer }),
                 paste: () => new ClipboardEvent('paste', { ...options, clipboardData: transfer }) };
  document.querySelector(form[0]).dispatchEvent(sent[form[1]]());
}"""
PICTURE = picture("PNG", (640, 420), color=(90, 140, 170))


def bring(page: Page, place: str, how: str, name: str = "tap.png") -> None:
    """Drop or paste a picture on a place of the page."""
    page.evaluate(DROP, [[place, how], name, "image/png", base64.b64encode(PICTURE).decode()])


@pytest.mark.parametrize("scripts", [True, False])
def test_whoever_writes_a_number_sees_it_marked_before_everyone_does(
    office: Office, visitors: Callable[..., Visitor], scripts: bool
) -> None:
    cara = visitors(java_script_enabled=scripts)
    cara.forgive("422")
    cara.page.goto(f"{office.url}/new")
    made = time.time()
    fill_opening(cara.page, subject="Water on the stairs", text="Call me: 030 5550147, or write to cara@else.example.")
    cara.page.locator("#files").locator("xpath=ancestor::details").locator("summary").click()
    cara.page.locator("#files").set_input_files({"name": "tap.png", "mimeType": "image/png", "buffer": PICTURE})
    cara.page.locator("#files-alt").fill("The wet stairs")
    cara.page.get_by_label("Everyone, also search engines").check()
    send_opening(cara.page, made)
    expect(cara.page.get_by_role("heading", name="Before everyone reads this")).to_be_visible()
    expect(cara.page.locator("mark")).to_have_text(["030 5550147 phone number", "cara@else.example mail address"])
    if scripts:
        cara.assert_accessible(of="care-personal")
    cara.page.get_by_role("button", name="Hide it and send").click()
    cara.page.wait_for_url("**/opened")
    ref = ref_of(cara.page)
    cara.page.goto(f"{office.url}{office.link('confirm', ref)}")
    cara.page.get_by_role("button", name="Open my ticket").click()
    expect(cara.page.locator("#e1")).to_contain_text("030 5550147")
    expect(cara.page.locator("#e1")).to_contain_text("Readers do not see: phone number, mail address")
    reader = visitors()
    reader.page.goto(f"{office.url}/t/{ref}")
    expect(reader.page.locator("#e1")).to_contain_text("‹phone number hidden›")
    expect(reader.page.get_by_role("img", name="The wet stairs")).to_be_visible()
    assert "5550147" not in reader.page.content()


def test_a_picture_dropped_and_one_pasted_are_on_every_page_at_once(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    agent, reader = visitors(), visitors()
    ref = office.ticket(subject="The tap drips")
    sign_in(agent, office, ref)
    agent.page.goto(f"{office.url}/workspace/t/{ref}")
    agent.page.locator("#update-text").fill("I was there: this is what it looks like.")
    bring(agent.page, "#update-text", "drop", "before.png")
    bring(agent.page, "#update-text", "paste", "after.png")
    bring(agent.page, "#update-text", "paste", "wrong.png")
    expect(agent.page.locator("[data-chosen]")).to_have_count(3)
    agent.page.get_by_role("button", name="Leave out wrong.png").click()
    expect(agent.page.locator("[data-chosen]")).to_have_count(2)
    agent.page.locator("#update-files-alt").fill("The tap, before and after")
    agent.assert_accessible(of="care-composer")
    seen = watch(reader, office, ref)
    agent.page.locator("label", has=agent.page.locator("[data-key='3']")).click()
    agent.page.get_by_role("button", name="Say it").click()
    pictures = seen.get_by_role("img", name="The tap, before and after")
    expect(pictures).to_have_count(2, timeout=SOON)
    wait_until(lambda: seen.evaluate("[...document.querySelectorAll('.file img')].every((one) => one.naturalWidth)"))
    reader.assert_accessible(of="care-pictures")


def test_a_phone_s_picture_leaves_small_and_upright_and_too_much_is_said_before_it_is_sent(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    page = visitors().page
    page.goto(f"{office.url}/new")
    page.locator("attach-files summary").click()
    taken = picture("JPEG", (4_080, 3_072), exif=orientation(6))
    page.locator("#files").set_input_files({"name": "stairs.jpg", "mimeType": "image/jpeg", "buffer": taken})
    chosen = """async () => {
      const [file] = document.querySelector('#files').files;
      const { width, height } = await createImageBitmap(file);
      return [file.name, width, height];
    }"""
    wait_until(lambda: page.evaluate(chosen) == ["stairs.jpg", 1_506, 2_000], what="the picture is small and upright")
    long = [{"name": f"{name}.txt", "mimeType": "text/plain", "buffer": b"x" * 3 * 2**20} for name in "ab"]
    page.locator("#files").set_input_files(long)
    expect(page.locator("[data-too-much]")).to_contain_text("6.0 MB together, and 5 MB go along")
    assert not page.locator("#files").evaluate("input => input.validity.valid")
    page.get_by_role("button", name="Leave out b.txt").click()
    expect(page.locator("[data-too-much]")).to_be_empty()
    assert page.locator("#files").evaluate("input => input.validity.valid")


def test_a_reader_reports_and_who_runs_the_desk_decides(office: Office, visitors: Callable[..., Visitor]) -> None:
    reader, lead = visitors(), visitors()
    ref = office.ticket(subject="A loud neighbour")
    office.say(ref, text="Zxq of the second floor did it.")
    reader.page.goto(f"{office.url}/t/{ref}")
    press(reader.page.get_by_role("link", name="Report something here"))
    made = time.time()
    reader.page.get_by_label(re.compile("Zxq of")).check()
    reader.page.get_by_label("Why should it not be public?").fill("It names somebody who has nothing to do with it.")
    reader.assert_accessible(of="care-report")
    wait_until(lambda: time.time() > made + 2, within=30)
    reader.page.get_by_role("button", name="Report it").click()
    expect(reader.page.get_by_role("heading", name="Thank you")).to_be_visible()
    sign_in_as(lead, office, "rosa@example.org")
    lead.page.goto(f"{office.url}/workspace/reports")
    case = lead.page.locator(".report", has_text="A loud neighbour")
    lead.assert_accessible(of="care-reports")
    case.get_by_label("Your reason").fill("It named a neighbour.")
    case.get_by_role("button", name="Hide these words").click()
    expect(lead.page.get_by_text("words hidden by Rosa Ortega")).to_be_visible()
    reader.page.goto(f"{office.url}/t/{ref}")
    expect(reader.page.locator("main")).not_to_contain_text("Zxq")
    expect(reader.page.locator("main")).to_contain_text("It named a neighbour.")


def test_whoever_erases_themselves_sees_what_goes_and_is_gone(office: Office, visitors: Callable[..., Visitor]) -> None:
    cara, reader = visitors(), visitors()
    ref = office.ticket(subject="My cellar is wet", text="zxq: it is my cellar.")
    become_customer(cara, office, ref)
    seen = watch(reader, office, ref)
    cara.page.locator("#erase summary").click()
    press(cara.page.get_by_role("link", name="See what goes"))
    cara.assert_accessible(of="care-erase")
    cara.page.get_by_label("I am sure").check()
    cara.page.get_by_role("button", name="Erase it").click()
    expect(cara.page.get_by_role("heading", name="Erased")).to_be_visible()
    expect(seen.locator("main")).not_to_contain_text("zxq", timeout=SOON)
    reader.page.goto(f"{office.url}/t/{ref}")
    expect(reader.page.get_by_role("heading", name="Subject removed")).to_be_visible()
    assert "Cara" not in reader.page.content()
