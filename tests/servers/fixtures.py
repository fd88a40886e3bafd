"""The test servers as fixtures; tests/conftest.py names this file as a plugin."""

import gc
from collections.abc import Generator, Iterator

import pytest

from tests.live_client import DIALLED
from tests.servers.dovecot import Dovecot, dovecot
from tests.servers.instance import RUNNING, Instance, instance
from tests.servers.postgres import Postgres, postgres
from tests.servers.receiver import Receiver, receiver
from tests.servers.redis import Redis, redis
from tests.servers.site import ForeignSite, foreign_site
from tests.servers.smtp import Mailserver, mailserver


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of a failed test what the servers that run beside it said last."""
    report = yield
    if call.when == "call" and report.failed:
        report.sections += [(f"the server at {one.url}", one.log()[-4000:]) for one in RUNNING]
    return report


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Postgres]:
    """One PostgreSQL for the whole run."""
    with postgres() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Postgres) -> Iterator[str]:
    """An empty PostgreSQL database for this test alone."""
    with postgres_cluster.database() as url:
        yield url


@pytest.fixture
def redis_server() -> Iterator[Redis]:
    with redis() as server:
        yield server


@pytest.fixture
def mail_sink() -> Iterator[Mailserver]:
    with mailserver() as sink:
        yield sink


@pytest.fixture
def mailbox() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture
def far() -> Iterator[Receiver]:
    """Where webhooks and chats arrive."""
    with receiver() as one:
        yield one


@pytest.fixture
def blog() -> Iterator[ForeignSite]:
    """Somebody else's site, on an origin of its own."""
    with foreign_site() as site:
        yield site


@pytest.fixture(scope="module")
def nameplate(request: pytest.FixtureRequest) -> Iterator[Instance]:
    """A running Nameplate on SQLite with the demo's people and tickets, shared by the tests of one file."""
    with instance(demo=True) as running:
        yield running


@pytest.fixture(scope="module")
def _collected() -> Iterator[None]:
    """Forget what clients left open while their own tests are still running, not in the middle of others."""
    yield
    gc.collect()


@pytest.fixture
def hung_up(_collected: None) -> Iterator[None]:
    """Close what a test has dialled."""
    yield
    while DIALLED:
        DIALLED.pop().close()
