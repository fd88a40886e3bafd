"""What programs of strangers make of a ticket's page, asked of a whole server: previews, search engines, editors."""

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import extruct
import pyoembed
import pytest
import rdflib

from tests.servers.instance import Instance, instance

pytestmark = pytest.mark.slow
SCHEMA = rdflib.Namespace("https://schema.org/")


@pytest.fixture(scope="module")
def server() -> Iterator[Instance]:
    with instance(demo=True) as running:
        yield running


@pytest.fixture(scope="module")
def page(server: Instance) -> tuple[str, str]:
    """The address and the HTML of a public ticket."""
    ref = re.findall(r'href="[^"]*/t/([\w-]+)', read(f"{server.url}/"))[0]
    address = f"{server.url}/t/{ref}"
    return address, read(address)


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())


def heading(html: str) -> str:
    return re.sub(r"<[^>]+>", "", re.findall(r"(?s)<h1[^>]*>(.*?)</h1>", html)[0]).strip()


def taken(page: tuple[str, str], syntax: str) -> Any:
    """Return the one thing that extruct, a reader of embedded metadata, finds on the page in this syntax."""
    (found,) = extruct.extract(page[1], base_url=page[0], syntaxes=[syntax])[syntax]
    return found


def test_a_preview_finds_a_title_an_address_and_a_picture_in_opengraph(page: tuple[str, str]) -> None:
    told = dict(taken(page, "opengraph")["properties"])
    assert told["og:title"] == heading(page[1])
    assert told["og:url"] == page[0]
    assert (told["og:image:width"], told["og:image:height"]) == ("1200", "630")
    with urllib.request.urlopen(told["og:image"], timeout=30) as picture:
        assert picture.headers["Content-Type"] == "image/png"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")
def test_a_search_engine_reads_an_action_of_a_person_in_json_ld(page: tuple[str, str]) -> None:
    told = taken(page, "json-ld")
    assert told.pop("@context") == "https://schema.org"  # no test fetches it: its terms are schema.org's own
    graph = rdflib.Graph().parse(data=json.dumps(told | {"@context": {"@vocab": str(SCHEMA)}}), format="json-ld")
    (action,) = graph.subjects(rdflib.RDF.type, SCHEMA.Action)
    assert str(graph.value(action, SCHEMA.name)) == heading(page[1])
    agent = graph.value(action, SCHEMA.agent)
    assert graph.value(agent, rdflib.RDF.type) == SCHEMA.Person
    assert str(graph.value(agent, SCHEMA.url)).startswith(page[0].split("/t/")[0] + "/people/")


def test_an_editor_finds_the_card_by_oembed_s_discovery(page: tuple[str, str]) -> None:
    told = pyoembed.oEmbed(page[0], maxwidth=400)
    assert (told["type"], told["title"]) == ("rich", heading(page[1]))
    assert told["width"] <= 400
    frame = ElementTree.fromstring(told["html"])
    assert frame.tag == "iframe"
    assert told["title"] in read(frame.get("src", ""))
