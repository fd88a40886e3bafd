"""A process that takes a share of one core and touches nothing else: what sharing a machine alone costs a server."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from tests.servers.ground import ROOT, end

TURN_S = 0.002
"""How often it works and rests: about as often as who hands mails to a server."""


@contextmanager
def burning(cores: float) -> Iterator[None]:
    """Take so many cores until left."""
    count = max(1, ceil(cores))
    command = [sys.executable, "-m", "bench._burn", str(cores / count)]
    burners = [subprocess.Popen(command, cwd=ROOT) for _ in range(count)]
    try:
        yield
    finally:
        for one in burners:
            end(one)


def burn(share: float) -> None:
    """Work for a share of every turn."""
    while True:
        until = time.monotonic() + TURN_S * share
        while time.monotonic() < until:
            pass
        time.sleep(TURN_S * (1 - share))


if __name__ == "__main__":
    burn(float(sys.argv[1]))
