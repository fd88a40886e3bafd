"""A dovecot of our own: one mailbox over IMAP, empty at first, with a password nobody else knows."""

import imaplib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ground import end, free_port, program, wait_until

CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{folder}/mail
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
"""
USER, PASSWORD = "nameplate", "only-these-tests-know"


class Dovecot:
    """One server on one port; stopped and started again it keeps its mails."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"imap://{USER}:{PASSWORD}@127.0.0.1:{self.port}/INBOX"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        who = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        shutil.chown(self.folder, who.pw_uid, who.pw_gid)
        text = CONFIG.format(
            folder=self.folder,
            port=self.port,
            password=PASSWORD,
            user=who.pw_name,
            group=subprocess.check_output(["id", "-gn", who.pw_name], text=True).strip(),
            uid=who.pw_uid,
            gid=who.pw_gid,
        )
        (self.folder / "dovecot.conf").write_text(text)
        command = [_program(), "-F", "-c", str(self.folder / "dovecot.conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, within=20, what="dovecot answers")

    def stop(self) -> None:
        if self.process:
            end(self.process)

    def answers(self) -> bool:
        if self.process and self.process.poll() is not None:
            log = self.folder / "log"
            raise RuntimeError(f"dovecot ended: {log.read_text() if log.exists() else 'without a log'}")
        try:
            self.mails()
        except (OSError, imaplib.IMAP4.error):
            return False
        return True

    def put(self, raw: bytes) -> None:
        """Deliver a mail into the mailbox."""
        with self.client() as server:
            server.append("INBOX", "", imaplib.Time2Internaldate(0), raw)

    def mails(self) -> list[bytes]:
        """Return the numbers of the mails that lie there."""
        with self.client() as server:
            server.select("INBOX", readonly=True)
            return list(server.search(None, "ALL")[1][0].split())

    @contextmanager
    def client(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=10) as server:
            server.login(USER, PASSWORD)
            yield server


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    _program()
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    server = Dovecot(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _program() -> str:
    return "/usr/sbin/dovecot" if Path("/usr/sbin/dovecot").exists() else program("dovecot", package="dovecot-imapd")
