"""The description of the API: valid OpenAPI 3.1, true to what is answered, readable, and matched by docs/."""

import copy
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks as _checks  # noqa: F401  registers the checks
from werkzeug.test import TestResponse

from api import catalogue, spec
from tests import make
from tests.houses import Visitor
from tests.html import parse_errors
from tracker import tickets
from tracker.kinds import KINDS
from tracker.models import Ticket

API = "/api/v1"
DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture
def written(house: Flask) -> dict[str, Any]:
    return copy.deepcopy(spec.written())


def tightened(written: dict[str, Any]) -> dict[str, Any]:
    """Return the description with every object closed, so that a field which is not described is found."""

    def close(one: Any) -> None:
        if isinstance(one, dict):
            if one.get("type") == "object" and one.get("properties"):
                one.setdefault("additionalProperties", False)
            for each in one.values():
                close(each)
        elif isinstance(one, list):
            for each in one:
                close(each)

    found = copy.deepcopy(written)
    close(found["components"]["schemas"])
    return found


def told_of(ticket: Ticket) -> dict[str, dict[str, str]]:
    """Return headers of everybody who may stand to a ticket."""
    customer = {"Authorization": f"Bearer {tickets.give_key(ticket)}"}
    return {"nobody": {}, "customer": customer, "staff": make.bearer(ticket.assignee)}


def full_timeline() -> Ticket:
    desk = make.desk()
    one, other = make.ticket(desk, impact="No tea.", feeling="worried"), make.agent(desk)
    update = make.post(one, "update").seq
    make.post(one, "note")
    make.post(one, "promise_moved")
    make.post(one, "waiting")
    make.post(one, "reply", publish=False)
    make.post(one, "reply_published", target=next(e.seq for e in make.events_of(one) if e.kind == "reply"))
    make.post(one, "corrected", target=update)
    make.post(one, "handoff_offered", to=other)
    make.post(one, "handoff_declined", by=other)
    make.post(one, "reassigned", by=make.admin(desk), to=other)
    make.post(one, "redacted", target=update)
    make.post(one, "resolved")
    make.post(one, "feedback")
    make.post(one, "reopened")
    make.record(one, "imported", what="note", summary="Kept elsewhere", to=None, status=None)
    return make.fresh(one)


def test_the_description_is_valid_openapi(written: dict[str, Any]) -> None:
    assert written["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(written).validate()
    broken = copy.deepcopy(written)
    broken["paths"][f"{API}/desks"]["get"]["responses"]["200"] = {"content": 7}
    with pytest.raises(Exception, match="7"):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_operation_is_described_with_its_errors(house: Flask, written: dict[str, Any]) -> None:
    served = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in house.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and not rule.endpoint.startswith("docs_api.")
    }
    described = {(path, method): one for path, methods in written["paths"].items() for method, one in methods.items()}
    described = {key: one for key, one in described.items() if key[1] != "parameters"}
    assert described.keys() == served
    for (path, method), one in described.items():
        assert one["summary"], path
        expected = {"400", "429", "500", "503", "default"}
        if "requestBody" in one:
            expected |= {"401", "403", "413", "415", "422"}
        if "{" in path:
            expected |= {"404"}
        assert expected <= {str(status) for status in one["responses"]}, (method, path)


@pytest.mark.parametrize("who", ["nobody", "customer", "staff"])
def test_answers_are_as_described_and_hold_nothing_more(client: Visitor, written: dict[str, Any], who: str) -> None:
    ticket = full_timeline()
    headers = told_of(ticket)[who]
    described = schemathesis.openapi.from_dict(tightened(written))
    places = {"ref": ticket.ref, "slug": ticket.desk.slug}
    answered = []
    for path in written["paths"]:
        if "get" not in written["paths"][path]:
            continue
        slug = ticket.assignee.slug if "people" in path else ticket.desk.slug
        url = path.replace("{ref}", places["ref"]).replace("{slug}", slug)
        answer = client.get(url, headers=headers, query_string={"limit": 200} if path.endswith("events") else None)
        described[path]["GET"].validate_response(answer)
        answered.append(answer.status_code)
    assert answered.count(200) >= 9
    read = client.get(f"{API}/tickets/{ticket.ref}/events", headers=headers, query_string={"limit": 200}).get_json()
    if who == "staff":
        assert {event["kind"] for event in read["events"]} >= {"note", "corrected", "handoff_declined", "imported"}


def test_a_field_that_is_not_described_is_found(client: Visitor, written: dict[str, Any]) -> None:
    ticket = full_timeline()
    shape = written["components"]["schemas"]["Ticket"]
    del shape["properties"]["passed_on"]
    shape["required"].remove("passed_on")
    described = schemathesis.openapi.from_dict(tightened(written))
    answer: TestResponse = client.get(f"{API}/tickets/{ticket.ref}")
    with pytest.raises(Exception, match="passed_on"):
        described[f"{API}/tickets/{{ref}}"]["GET"].validate_response(answer)


def test_every_example_of_a_body_fits_its_description(written: dict[str, Any], client: Visitor) -> None:
    content = written["paths"][f"{API}/tickets/{{ref}}/events"]["post"]["requestBody"]["content"]["application/json"]
    assert content["examples"].keys() == {name for name, kind in KINDS.items() if kind.posted_by}
    one = make.ticket()
    for example in content["examples"].values():
        answer = client.post(f"{API}/tickets/{one.ref}/events", json=example["value"])
        assert answer.status_code in (201, 401, 403, 409), (example, answer.text)


def test_the_description_is_open_to_other_sites(client: Visitor, house: Flask) -> None:
    answer = client.get(f"{API}/openapi.json", headers={"Origin": "https://elsewhere.example"})
    assert answer.get_json()["openapi"] == "3.1.0"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert client.get(f"{API}/openapi.json", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_docs_page_shows_every_operation_without_script_or_outside_help(client: Visitor, house: Flask) -> None:
    page = client.get(f"{API}/docs").text
    for path, methods in spec.written()["paths"].items():
        for method in methods.keys() - {"parameters"}:
            assert f"<code>{method.upper()} {path}</code>" in page
    for name in KINDS:
        assert name in page
    assert not parse_errors(page)
    assert 'src="http' not in page
    assert 'rel="stylesheet" href="http' not in page


def test_the_document_names_every_operation(written: dict[str, Any]) -> None:
    text = (DOCS / "api.md").read_text()
    for path, methods in written["paths"].items():
        for method in methods.keys() - {"parameters"}:
            assert f"`{method.upper()} {path.removeprefix(API)}`" in text, f"docs/api.md lacks {method.upper()} {path}"


def test_the_document_of_events_is_as_the_kinds_say() -> None:
    assert (DOCS / "events.md").read_text() == catalogue.page(), "write catalogue.page() into it"


def ask(operation: Any, ref: str, headers: dict[str, str], examples: int) -> None:
    """Send made-up requests, valid and broken ones, to one operation."""
    strategy = operation.as_strategy() | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

    @given(case=strategy)
    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    def send(case: Any) -> None:
        if "ref" in (case.path_parameters or {}):
            case.path_parameters["ref"] = ref
        answer = case.call(headers=headers)
        assert answer.status_code < 500, answer.text
        case.operation.validate_response(answer)

    send()


@pytest.mark.slow
@pytest.mark.parametrize("who", ["nobody", "customer", "staff"])
def test_made_up_requests_break_nothing_and_get_what_is_described(house: Flask, who: str, full: bool) -> None:
    ticket = full_timeline()
    headers = told_of(ticket)[who]
    described = schemathesis.openapi.from_wsgi(f"{API}/openapi.json", house)
    asked = [operation.ok() for operation in described.get_all_operations()]
    for operation in asked:
        ask(operation, ticket.ref, headers, examples=200 if full else 12)
    assert len(asked) >= 19
