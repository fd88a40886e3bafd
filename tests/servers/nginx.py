"""nginx as deploy/nginx.conf sets it up, on ports of our own and with a certificate made for the test."""

import re
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ground import ROOT, end, free_port, program, wait_until

SHELL = """
daemon off;
worker_processes 2;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/nameplate.conf;
}}
"""


class Nginx:
    """In front of one or more instances given by host:port; `url` is https with a certificate nobody signed."""

    def __init__(self, instances: Sequence[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nginx-"))
        # Its workers give up root and must still reach their files.
        self.folder.chmod(0o755)
        self.plain_port, self.port = free_port(), free_port()
        self.instances = instances
        self.url = f"https://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def configuration(self) -> str:
        """Return deploy/nginx.conf with nothing changed but addresses, ports and files."""
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        servers = "\n".join(f"server {one} max_fails=2 fail_timeout=5s;" for one in self.instances)
        changes = [
            (r"server 127\.0\.0\.1:8000 [^;]*;", servers),
            (r"listen 80;", f"listen 127.0.0.1:{self.plain_port};"),
            (r"listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"),
            (r"listen \[::\][^;]*;", ""),
            (r"/etc/ssl/nameplate/", f"{self.folder}/"),
            (r"/var/log/nginx/", f"{self.folder}/"),
        ]
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text)
            assert count, f"deploy/nginx.conf no longer holds {pattern}"
        return text

    def make_certificate(self) -> None:
        command = [program("openssl", package="openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        command += ["-keyout", str(self.folder / "privkey.pem"), "-out", str(self.folder / "fullchain.pem")]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def trust(self) -> ssl.SSLContext:
        """Return a context that trusts this server and no other."""
        return ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))

    def start(self) -> None:
        self.make_certificate()
        (self.folder / "nameplate.conf").write_text(self.configuration())
        (self.folder / "nginx.conf").write_text(SHELL.format(folder=self.folder))
        command = [
            program("nginx", package="nginx-light"),
            "-c",
            str(self.folder / "nginx.conf"),
            "-p",
            str(self.folder),
        ]
        command += ["-e", str(self.folder / "error.log")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(self.answers, what="nginx listens")

    def answers(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            assert self.process.stderr
            raise RuntimeError(f"nginx ended: {self.process.stderr.read().decode()}")
        return (self.folder / "pid").exists() and bool((self.folder / "pid").read_text())

    def log(self) -> str:
        return (self.folder / "nameplate.log").read_text()


@contextmanager
def nginx(*instances: str) -> Iterator[Nginx]:
    server = Nginx(instances)
    try:
        server.start()
        yield server
    finally:
        if server.process:
            end(server.process)
            if server.process.stderr:
                server.process.stderr.close()
        shutil.rmtree(server.folder, ignore_errors=True)
