"""The servers that other tests stand on do what those tests take for granted."""

import smtplib
import socket
import threading
import urllib.error
import urllib.request
from email.message import EmailMessage

import psycopg
import pytest
import redis as redis_client

from tests.servers import ground
from tests.servers.ground import free_port, program, wait_until
from tests.servers.postgres import Postgres, postgres
from tests.servers.redis import Redis
from tests.servers.relay import relay
from tests.servers.site import ForeignSite, Page, foreign_site
from tests.servers.smtp import Mailserver


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@desk.test", "cara@home.test", "Grüße"
    message.set_content("The part is on its way.")
    return message


def send(sink: Mailserver, *, timeout: float = 20) -> None:
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=timeout) as client:
        client.send_message(letter())


def connect(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), connect_timeout=20)


def test_the_mail_sink_keeps_what_it_is_sent(mail_sink: Mailserver) -> None:
    send(mail_sink)
    mail = mail_sink.to("cara@home.test")
    assert mail.sender == "ann@desk.test"
    assert mail.message["Subject"] == "Grüße"
    assert "on its way" in mail.message.get_content()


@pytest.mark.parametrize(("behaviour", "code"), [("try_later", 451), ("reject", 550)])
def test_the_mail_sink_answers_with_the_code_it_was_told(mail_sink: Mailserver, behaviour: str, code: int) -> None:
    mail_sink.behaviour = behaviour  # type: ignore[assignment]
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        send(mail_sink)
    assert refusal.value.smtp_code == code
    assert mail_sink.attempts == 1
    assert not mail_sink.mails


def test_the_mail_sink_can_hang_drop_refuse_and_come_back_on_its_port(mail_sink: Mailserver) -> None:
    mail_sink.behaviour = "hang"
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(mail_sink, timeout=0.3)
    mail_sink.behaviour = "drop"
    with pytest.raises(smtplib.SMTPServerDisconnected, match="unexpectedly closed"):
        send(mail_sink)
    mail_sink.refuse()
    with pytest.raises(ConnectionRefusedError):
        send(mail_sink)
    mail_sink.accept_again()
    send(mail_sink)
    assert len(mail_sink.mails) == 1


def test_a_foreign_site_serves_its_pages_with_their_headers(blog: ForeignSite) -> None:
    blog.pages["/"] = Page("<p>Hello</p>", headers={"Content-Security-Policy": "default-src 'none'"})
    with urllib.request.urlopen(f"{blog.url}/?a=1", timeout=20) as answer:
        assert answer.read() == b"<p>Hello</p>"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{blog.url}/nothing", timeout=20)
    missing.value.close()
    assert missing.value.code == 404
    assert blog.asked == ["/", "/nothing"]
    assert blog.url.startswith("http://127.0.0.2:")


def test_a_free_port_is_not_one_that_somebody_listens_on(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(ground, "PORTS", (port,) * 1000)
    monkeypatch.setattr(ground, "_given", set())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(OSError, match="no free port"):
            free_port()
    assert free_port() == port


def test_no_two_servers_of_a_run_are_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "_given", set())
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "2")
    given = []
    for worker in ("gw0", "gw1"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        given.append([free_port() for _ in range(300)])
    one, other = map(set, given)
    assert len(one) == len(other) == 300
    assert not one & other


def test_waiting_ends_with_the_answer_or_with_an_error_that_names_it() -> None:
    rung = threading.Event()
    threading.Timer(0.05, rung.set).start()
    assert wait_until(rung.is_set, within=5)
    with pytest.raises(TimeoutError, match="the bell"):
        wait_until(lambda: False, within=0.05, what="the bell")


def test_a_missing_program_skips_but_fails_where_nothing_may_be_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install nowhere"):
        program("no-such-program", package="nowhere")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install nowhere"):
        program("no-such-program", package="nowhere")


@pytest.mark.slow
def test_redis_comes_back_empty_on_the_same_port_after_a_kill(redis_server: Redis) -> None:
    with redis_client.Redis.from_url(redis_server.url) as client:
        client.set("word", "kept in memory only")
        redis_server.kill()
        with pytest.raises(redis_client.ConnectionError):
            client.ping()
        redis_server.start()
        assert client.get("word") is None


def words(url: str) -> None:
    with connect(url) as connection:
        connection.execute("CREATE TABLE word (id serial PRIMARY KEY, text text)")
        connection.execute("INSERT INTO word (text) VALUES ('there from the beginning')")
        connection.execute("CREATE TABLE said (word int REFERENCES word)")


@pytest.mark.postgres
def test_every_postgres_test_gets_its_own_copy_of_the_template(postgres_cluster: Postgres) -> None:
    urls = []
    change = "INSERT INTO word (id, text) VALUES (7, 'mine'); INSERT INTO said VALUES (7); UPDATE word SET text = 'x'"
    template = postgres_cluster.template("words", words)
    settled = "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET work_mem = 64'; END $$"
    for done in (change, settled, "ALTER TABLE word ADD more int", change, "ALTER TABLE said RENAME TO told", change):
        with postgres_cluster.copy(template) as url, connect(url) as connection:
            assert connection.execute("SELECT * FROM word").fetchall() == [(1, "there from the beginning")]
            assert connection.execute("SELECT * FROM said").fetchall() == []
            assert connection.execute("SHOW work_mem").fetchone() == ("4MB",)
            connection.execute(done)
            connection.commit()
            urls.append(url)
    for url in urls[:-1]:
        with pytest.raises(psycopg.OperationalError):
            connect(url)


@pytest.mark.postgres
def test_whoever_is_still_connected_to_a_copy_is_cut_off(postgres_cluster: Postgres) -> None:
    with postgres_cluster.copy(postgres_cluster.template("words", words)) as url:
        left = connect(url)
        left.execute("INSERT INTO word (text) VALUES ('not committed yet')")
    with left, pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    with postgres_cluster.copy("words") as url, connect(url) as connection:
        assert connection.execute("INSERT INTO word (text) VALUES ('next') RETURNING id").fetchone() == (2,)


@pytest.mark.postgres
def test_a_committed_row_survives_the_killing_of_postgres() -> None:
    with postgres() as cluster, cluster.database() as url:
        with connect(url) as connection:
            connection.execute("CREATE TABLE word (text text)")
            connection.execute("INSERT INTO word VALUES ('kept')")
        cluster.kill()
        with pytest.raises(psycopg.OperationalError):
            connect(url)
        cluster.start()
        with connect(url) as connection:
            assert connection.execute("SELECT text FROM word").fetchall() == [("kept",)]


@pytest.mark.postgres
def test_a_frozen_postgres_answers_nobody_until_it_is_thawed() -> None:
    with postgres() as cluster, cluster.database() as url, connect(url) as connection:
        cluster.freeze()
        answered = threading.Event()

        def ask() -> None:
            connection.execute("SELECT 1")
            answered.set()

        asker = threading.Thread(target=ask)
        asker.start()
        assert not answered.wait(0.5)
        cluster.thaw()
        assert answered.wait(10)
        asker.join(10)


def _is_lost(held: socket.socket) -> bool:
    """Say whether the other end is gone, politely or not."""
    try:
        return held.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_relay_passes_bytes_loses_them_when_cut_and_passes_them_again() -> None:
    with relay() as wire, foreign_site("127.0.0.1", index="through the wire") as site:
        wire.lead_to(site.server_port)

        def get() -> bytes:
            with urllib.request.urlopen(wire.url, timeout=20) as answer:
                return bytes(answer.read())

        assert get() == b"through the wire"
        wait_until(lambda: not wire.connections, what="the first connection is gone")
        with socket.create_connection(("127.0.0.1", wire.port), timeout=20) as held:
            held.sendall(b"GET / HTTP/1.1\r\n")
            wait_until(lambda: wire.connections, what="the relay has it")
            wire.cut()
            assert _is_lost(held)
        with pytest.raises(OSError):
            get()
        wire.mend()
        assert get() == b"through the wire"
