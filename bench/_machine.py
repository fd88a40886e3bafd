"""The machine under the benchmark: CPU time as the kernel counts it, and waiting until nobody else uses it."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 60.0
QUIET_SHARE = 0.10
LOOK_S = 1.0
SETTLED_S = 0.3


def is_quick() -> bool:
    """Say whether QUICK=1 asks for fewer repetitions."""
    return os.environ.get("QUICK", "") not in ("", "0")


def cpu_us(pids: Iterable[int]) -> float:
    """Return the CPU time that all threads of these processes have used, in µs (schedstat: nanoseconds on a core)."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it may end between the listing and the look
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


def pin(pids: Iterable[int], core: int) -> None:
    """Keep processes, with every thread they have, on one core."""
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), {core})


def part(servers: Iterable[int], clients: int) -> None:
    """Give the servers one core and the clients the others, as far as there are more."""
    first, *others = sorted(os.sched_getaffinity(0))
    pin(servers, first)
    os.sched_setaffinity(clients, others or {first})


def settle(servers: Iterable[int], within_s: float = 10.0) -> None:
    """Wait until servers have done what they do after a start, such as sending the demo's mail."""
    pids, end = list(servers), time.monotonic() + within_s
    while time.monotonic() < end:
        before = cpu_us(pids)
        time.sleep(SETTLED_S)
        if cpu_us(pids) - before < SETTLED_S * 1e6 / 50:
            return


class Quiet:
    """Waits for other processes' CPU to fall below a tenth of the machine; `patience_s` is all it waits in one run."""

    def __init__(self, patience_s: float = PATIENCE_S, look_s: float = LOOK_S) -> None:
        self._patience_s, self._look_s = patience_s, look_s

    def wait(self) -> bool:
        """Wait while others are busy and patience lasts; return whether it is still noisy. Ours must be idle."""
        while True:
            share = busy_share(self._look_s)
            if share < QUIET_SHARE:
                return False
            self._patience_s -= self._look_s
            if self._patience_s <= 0:
                return True


def busy_share(seconds: float) -> float:
    """Return the share of all cores that was busy, or stolen by a neighbour, over a while."""
    before = _jiffies()
    time.sleep(seconds)
    busy, total = (now - then for now, then in zip(_jiffies(), before, strict=True))
    return busy / total if total else 0.0


def _jiffies() -> tuple[int, int]:
    user, nice, system, idle, waiting, *rest = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    busy = user + nice + system + sum(rest)
    return busy, busy + idle + waiting
