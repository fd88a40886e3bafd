"""F4 and F6: the database is killed or frozen, its disk is full; what was acknowledged is there once, and it heals."""

import http.client
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.drills.writers import Writer, hired, judge
from tests.servers.instance import Instance
from tests.servers.postgres import Postgres, postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ANSWERS_WITHIN_S = 5
HEALS_WITHIN_S = 5
NOISE = 4
"""Short drills share the machine with other tests."""
WRITERS = 4


@dataclass(kw_only=True)
class Patient(Writer):
    """Writes notes of some length until it is stopped; goes on where it was refused."""

    answered_within_s = 60

    length: int = 10
    refused: int = 0
    is_unanswered: bool = False
    """Whether what was sent last may be stored or not: the database went in the middle."""
    waited: list[float] = field(default_factory=list)

    def write(self, until: Callable[["Patient"], bool]) -> None:
        count = len(self.acknowledged)
        while not until(self):
            key = self.key(count)
            note = key.ljust(self.length, ".")
            began = time.monotonic()
            status, told = self.send(key, note)
            self.waited.append(time.monotonic() - began)
            self.is_unanswered = status in (409, 503)
            if status == 201:
                self.acknowledged[note] = int(told["events"][0]["seq"])
                count += 1
            elif self.is_unanswered:  # 409: the one before is still being decided
                self.refused += status == 503
                time.sleep(0.05)
            else:
                self.wrong.append(f"{key}: {status} {told}")


def writing(writers: list[Patient], until: Callable[[Patient], bool]) -> list[threading.Thread]:
    threads = [threading.Thread(target=writer.write, args=(until,)) for writer in writers]
    for thread in threads:
        thread.start()
    return threads


def staff(server: Instance, length: int = 10) -> list[Patient]:
    job = hired(server)
    return [Patient(**job, number=number, length=length) for number in range(WRITERS)]


def look(server: Instance, path: str) -> int:
    line = http.client.HTTPConnection(server.host, server.port, timeout=30)
    line.request("GET", path)
    status = line.getresponse().status
    line.close()
    return status


def take_away(cluster: Postgres, how: str, seconds: float) -> None:
    if how == "frozen":
        cluster.freeze()
        time.sleep(seconds)  # how long it is away is what is tried here
        cluster.thaw()
        return
    cluster.kill()
    time.sleep(seconds)
    (cluster.folder / "cluster" / "postmaster.pid").unlink(missing_ok=True)
    cluster.start()


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_f4_while_the_database_is_away_writes_are_refused_in_time_and_none_is_lost(how: str, full: bool) -> None:
    with postgres() as cluster, cluster.database() as url:
        server = Instance(database_url=url, outbox="process")
        try:
            server.init()
            writers, over = staff(server), threading.Event()
            server.start()
            threads = writing(writers, lambda one: over.is_set() and not one.is_unanswered)
            for _ in range(3 if full else 1):
                time.sleep(1)
                take_away(cluster, how, 12 if full else 6)
                back = [len(writer.acknowledged) for writer in writers]
                healed = time.monotonic()
                while [len(writer.acknowledged) for writer in writers] <= back:
                    assert time.monotonic() < healed + HEALS_WITHIN_S * (1 if full else NOISE)
                    time.sleep(0.05)
            over.set()
            for thread in threads:
                thread.join(60)
            assert sum(writer.refused for writer in writers)
            assert max(max(writer.waited) for writer in writers) < ANSWERS_WITHIN_S * (1 if full else NOISE)
            assert "Traceback" not in server.log()
            judge(server, writers)
        finally:
            server.close()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", folder]).returncode:
        pytest.skip("a small disk takes root's mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_f6_on_a_full_disk_everything_is_read_what_was_acknowledged_is_kept_and_it_heals(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        server = Instance(data_dir=disk)
        try:
            server.init()
            writers = staff(server, length=9000)
            server.start()
            (disk / "ballast").write_bytes(bytes(4 << 20))
            for thread in writing(writers, lambda _one: any(writer.refused > 20 for writer in writers)):
                thread.join(120)
            assert sum(len(writer.acknowledged) for writer in writers)
            assert [look(server, path) for path in ("/", "/readyz", f"/t/{writers[0].ref}")] == [200, 200, 200]
            with pytest.raises(RuntimeError, match="make room"):
                server.flask("doctor")
            (disk / "ballast").unlink()
            before = [len(writer.acknowledged) for writer in writers]
            for thread in writing(writers, lambda _one: [len(one.acknowledged) for one in writers] > before):
                thread.join(60)
            assert "Traceback" not in server.log()
            judge(server, writers)
        finally:
            server.close()
