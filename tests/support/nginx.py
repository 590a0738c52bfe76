"""A real nginx on loopback, with a configuration of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from socket import create_connection
from typing import TYPE_CHECKING

from support.project import START_TIMEOUT, free_port

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Nginx"]

# One process, so that its id is all it takes to end it; what it writes stays in its folder.
_CONFIGURATION = """master_process off;
pid pid;
error_log error.log;
events {{}}
http {{
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{blocks}
}}
"""


class Nginx:
    """An nginx.

    Args:
        folder: where it keeps what it writes; is made.

    Attributes:
        port: of its server; one that was free.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it was asked, and its errors."""
        files = [self._folder / name for name in ("access.log", "error.log", "output")]
        return "".join(file.read_text("utf-8", "replace") for file in files if file.exists())

    def start(self, server: str, *, certificate: Path | None = None, beside: str = "") -> str:
        """Start it, and wait until it listens.

        Args:
            server: what stands in the `server` block beside where it listens.
            certificate: with its key, to serve https.
            beside: further blocks.

        Returns:
            The URL of its page.
        """
        command = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin")
        assert command, "nginx is missing: `make test` installs Debian's"
        tls, scheme = "", "http"
        if certificate is not None:
            tls, scheme = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};", "https"
        ssl = " ssl" if tls else ""
        listen = f"listen 127.0.0.1:{self.port}{ssl}; listen 127.0.0.2:{self.port}{ssl};"
        self._folder.mkdir()
        blocks = f"{beside}\nserver {{\n{listen} {tls}\n{server}\n}}"
        (self._folder / "nginx.conf").write_text(_CONFIGURATION.format(blocks=blocks), "utf-8")
        arguments = ["-p", str(self._folder), "-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;"]
        with (self._folder / "output").open("wb") as output:
            self._process = subprocess.Popen([command, *arguments], stdout=output, stderr=output)
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            assert self._process.poll() is None, f"nginx ended at once:\n{self.log}"
            with suppress(OSError), create_connection(("127.0.0.1", self.port)):
                return f"{scheme}://localhost:{self.port}/"
            assert time.monotonic() < deadline, f"nginx does not listen:\n{self.log}"
            time.sleep(0.01)

    def stop(self) -> None:
        """End it; what it has open is cut off."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
