"""What every test may ask for."""

import pytest

pytest_plugins = ["tests.servers.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run drills at their full length and pass marks")
    parser.addoption("--screenshots", action="store_true", help="keep pictures of pages in var/screenshots/")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """True when a drill shall run at its full pass mark, not its short form."""
    return bool(request.config.getoption("--full"))
