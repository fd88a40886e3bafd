"""The files in deploy/ do what docs/operations.md promises of them."""

import configparser
import http.client
import shlex
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import websocket

from tests.servers.ground import free_port, wait_until
from tests.servers.instance import instance
from tests.servers.nginx import Nginx, nginx
from tracker.settings import Settings

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
REF = "8F3K2M9Q4T7W"


class Told(BaseHTTPRequestHandler):
    """Stands where an instance would and tells which headers reached it."""

    def do_GET(self) -> None:
        body = "\n".join(f"{name.lower()}: {value}" for name, value in self.headers.items()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def proxy() -> Iterator[Nginx]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Told) as behind:
        Thread(target=behind.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        with nginx(f"127.0.0.1:{behind.server_port}") as server:
            yield server
        behind.shutdown()


def get(proxy: Nginx, path: str, **headers: str) -> tuple[str, http.client.HTTPMessage]:
    request = urllib.request.Request(f"{proxy.url}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=30, context=proxy.trust()) as answer:
        return answer.read().decode(), answer.headers


@pytest.mark.slow
def test_an_instance_behind_nginx_is_told_who_asks_whatever_the_client_claims(proxy: Nginx) -> None:
    body, headers = get(proxy, "/", **{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example"})
    assert "x-forwarded-for: 127.0.0.1" in body
    assert "x-forwarded-proto: https" in body
    assert "203.0.113.9" not in body
    assert "evil.example" not in body
    assert "max-age=" in headers["Strict-Transport-Security"]
    assert headers["Server"] == "nginx"


@pytest.mark.slow
def test_sockets_are_upgraded_and_pages_are_not(proxy: Nginx) -> None:
    body, _ = get(proxy, "/socket.io/?EIO=4&transport=websocket", Upgrade="websocket", Connection="Upgrade")
    assert "upgrade: websocket" in body
    assert "connection: upgrade" in body
    assert "x-forwarded-for: 127.0.0.1" in body
    body, _ = get(proxy, "/")
    assert "upgrade" not in body


@pytest.mark.slow
def test_a_body_over_the_limit_ends_at_nginx(proxy: Nginx) -> None:
    connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=30, context=proxy.trust())
    connection.putrequest("POST", "/api/v1/tickets")
    connection.putheader("Content-Length", str(7 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.slow
def test_plain_http_leads_to_https(proxy: Nginx) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain_port, timeout=30)
    connection.request("GET", "/desks/water")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, "https://127.0.0.1/desks/water")
    connection.close()


@pytest.mark.slow
def test_refs_and_secret_links_stay_out_of_the_log(proxy: Nginx) -> None:
    for path in (
        f"/t/{REF}?key=secret",
        f"/api/v1/tickets/{REF}",
        "/signin/secret",
        f"/e/{REF}/badge.svg",
        "/desks/water",
    ):
        get(proxy, path, Referer=f"https://tickets.example.org/t/{REF}")
    wait_until(lambda: "GET /desks/* 200" in proxy.log(), what="the last request is in the log")
    log = proxy.log()
    assert REF not in log
    assert "secret" not in log


@pytest.mark.slow
def test_with_no_instance_up_people_and_programs_are_told_to_come_back() -> None:
    with nginx(f"127.0.0.1:{free_port()}") as proxy:
        for path, kind, words in (
            ("/t/x", "text/html; charset=utf-8", "Back in a moment"),
            ("/api/v1/tickets", "application/json", "Idempotency-Key"),
        ):
            with pytest.raises(urllib.error.HTTPError) as told:
                get(proxy, path)
            with told.value as answer:
                assert (answer.code, answer.headers["Retry-After"]) == (503, "5")
                assert answer.headers["Content-Type"] == kind
                assert words in answer.read().decode()


@pytest.mark.slow
def test_a_whole_instance_behind_nginx_serves_pages_and_opens_sockets() -> None:
    with instance(demo=True, proxies=1) as running, nginx(f"127.0.0.1:{running.port}") as proxy:
        body, _ = get(proxy, "/")
        assert "<main" in body
        where = f"wss://127.0.0.1:{proxy.port}/socket.io/?EIO=4&transport=websocket"
        trust = {"ca_certs": str(proxy.folder / "fullchain.pem")}
        socket = websocket.create_connection(where, timeout=30, sslopt=trust, suppress_origin=True)
        greeting = socket.recv()
        socket.close()
        assert isinstance(greeting, str)
        assert greeting.startswith('0{"sid"')


def unit(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / name)
    return parser["Service"]


def test_the_service_runs_as_the_configuration_says_and_with_no_rights() -> None:
    command = shlex.split(unit("nameplate.service")["ExecStart"])
    assert unit("nameplate.service")["WorkingDirectory"], "gunicorn reads gunicorn.conf.py from there"
    assert not {"--workers", "--worker-class", "--threads", "-w", "-k", "-c"} & set(command)
    for name in ("nameplate.service", "nameplate-outbox.service", "nameplate-mail-in.service"):
        assert unit(name)["User"] == "nameplate"
        assert unit(name)["NoNewPrivileges"] == "yes"
        assert unit(name)["EnvironmentFile"] == "/etc/nameplate/environment"


def test_the_environment_file_holds_no_secret_and_is_usable_once_it_has_one() -> None:
    words = shlex.split((DEPLOY / "nameplate.env").read_text(), comments=True)
    given = dict(word.split("=", 1) for word in words)
    with pytest.raises(SystemExit, match="TRACKER_SECRET_KEY"):
        Settings.from_environ(given)
    settings = Settings.from_environ({**given, "TRACKER_SECRET_KEY": "x" * 40})
    assert (settings.mode, settings.https, settings.proxies) == ("production", True, 1)


def test_the_command_reads_the_services_settings_and_becomes_its_user(tmp_path: Path) -> None:
    """`nameplate doctor` must see what the service sees: another folder or key would be another house."""
    flask = tmp_path / ".venv" / "bin" / "flask"
    flask.parent.mkdir(parents=True)
    flask.write_text('#!/bin/sh\necho "$PWD|$TRACKER_MAIL_FROM|$TRACKER_SECRET_KEY|$*"\n')
    other = tmp_path / "runuser"
    other.write_text('#!/bin/sh\ntest "$1 $2 $3" = "-u nameplate --" && shift 3 && exec "$@"\n')
    for one in (flask, other):
        one.chmod(0o755)
    settings = tmp_path / "environment"
    settings.write_text((DEPLOY / "nameplate.env").read_text().replace("SECRET_KEY=''", "SECRET_KEY='a$b c'"))
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "NAMEPLATE_ENVIRONMENT": str(settings)}
    environ["NAMEPLATE_SOURCE"] = str(tmp_path)
    done = subprocess.run(
        [DEPLOY / "nameplate", "desk", "add", "Front desk"], env=environ, capture_output=True, text=True
    )
    told = f"{tmp_path}|Example Desk <desk@example.org>|a$b c|--app wsgi tracker desk add Front desk\n"
    assert (done.stdout, done.stderr) == (told, "")
