"""The official JavaScript client, in Chromium and from another site, finds on our engine what it finds elsewhere."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.visitor import Visitor
from tests.servers.ground import ROOT, wait_until
from tests.servers.instance import Instance
from tests.servers.site import ForeignSite, Page

LIBRARY = (ROOT / "tests" / "data" / "socket.io-client" / "socket.io.min.js").read_text()
PAGE = '<!doctype html><title>A page</title><link rel="icon" href="data:,"><script src="/socket.io.min.js"></script>'


@pytest.fixture(scope="module")
def server() -> Iterator[Instance]:
    running = Instance(application="tests.live_app:app")
    try:
        running.init(demo=True)
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def page(visitor: Visitor, blog: ForeignSite, server: Instance) -> Callable[..., Any]:
    """Open a client with options; the page then runs expressions that know it as `io`, what it heard as `heard`."""
    # A poll that is on its way when its client says goodbye is refused by the library, and Chromium tells of it.
    visitor.forgive(r"status of 400 .*transport=polling&t=\w+&sid=")
    blog.pages |= {"/": Page(PAGE), "/socket.io.min.js": Page(LIBRARY, type="text/javascript")}
    visitor.page.goto(blog.url)

    def run(expression: str, options: dict[str, Any] | None = None) -> Any:
        if options is not None:
            visitor.page.evaluate(
                """([url, options]) => {
                  window.heard = [];
                  window.socket = io(url, {reconnectionDelay: 100, reconnectionDelayMax: 300, ...options});
                  socket.onAny((...said) => heard.push(said));
                  socket.on('disconnect', (why) => heard.push(['disconnect', why]));
                  socket.on('question', (words, answer) => answer(`because ${words}`));
                  return new Promise((done, fail) => {
                    socket.once('connect', done);
                    socket.once('connect_error', fail);
                  });
                }""",
                [server.url + options.pop("namespace", ""), options],
            )
        return visitor.page.evaluate(expression)

    return run


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="-".join)
def test_it_connects_is_answered_joins_rooms_and_hears(page: Callable[..., Any], transports: list[str]) -> None:
    last = transports[-1]
    page("0", {"transports": transports})
    wait_until(lambda: page("socket.io.engine.transport.name") == last)
    assert page("socket.emitWithAck('watch_list', {})") == {"ok": True}
    assert page("socket.emitWithAck('shout', 'hey', {n: [1, null, 'ü']})") == "hey"
    assert page("socket.emitWithAck('join', 'den')") == "joined"
    page("fetch('" + page("socket.io.uri") + "/test/emit?to=den&payload=news', {mode: 'no-cors'}).then(() => 0)")
    wait_until(lambda: ["said", "news"] in page("heard"))
    page("socket.close()")


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_bytes_callbacks_and_namespaces_work(page: Callable[..., Any], transport: str) -> None:
    page("0", {"transports": [transport]})
    swapped = "socket.emitWithAck('bytes', new Uint8Array([0, 255, 7])).then((b) => [...new Uint8Array(b)])"
    assert page(swapped) == [0, 255, 7, 33]
    assert page("socket.emitWithAck('quiz')") == "asked"
    page("socket.close()")
    page("0", {"transports": [transport], "namespace": "/chat", "auth": {"name": "ann"}})
    page("socket.send('hello')")
    wait_until(lambda: ["message", "HELLO"] in page("heard"))
    page("socket.close()")


def test_it_comes_back_by_itself_when_the_server_does(
    page: Callable[..., Any], server: Instance, visitor: Visitor
) -> None:
    visitor.forgive("WebSocket connection to .* failed")
    page("0", {"transports": ["websocket"]})
    for end in (server.kill_workers, server.restart):
        page("heard.length = 0")
        end()
        wait_until(lambda: any(said[0] == "disconnect" for said in page("heard")), within=15)
        wait_until(lambda: page("socket.connected"), within=20)
        assert page("socket.emitWithAck('watch_list', {})") == {"ok": True}
    page("socket.close()")
