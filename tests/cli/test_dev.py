"""`hotchannel dev` as a process: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.project import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 20.0
COMMAND = [sys.executable, "-c", "import sys; from hotchannel.cli import main; sys.exit(main())"]


class Process:
    """A running command and what it has printed."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def printed(self) -> str:
        return self._log.read_text()

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until the output has `pattern`."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = re.search(pattern, self.printed)
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{pattern} did not come: {self.printed}")


@contextmanager
def running(tmp_path: Path, *arguments: str, folder: Path | None = None) -> Iterator[Process]:
    site = folder or tmp_path / "site"
    site.mkdir(exist_ok=True)
    (site / "index.html").write_text("<!doctype html><title>site</title>")
    log = tmp_path / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*COMMAND, "dev", str(site), *arguments], stdout=output, stderr=output, text=True
        )
    try:
        yield Process(process, log)
    finally:
        process.kill()
        process.wait()


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, check=False
    )


def token(url: str) -> str:
    client = urllib.request.urlopen(f"{url}@vite/client").read().decode()
    return str(re.findall(r'wsToken = "([^"]+)"', client)[0])


def test_the_banner_names_a_url_that_answers(tmp_path: Path) -> None:
    with running(tmp_path, "--port", "0") as server:
        url = server.until(r"Local:\s+(http://\S+)\s")[1]
        assert b"<title>site</title>" in urllib.request.urlopen(url).read()
        assert "use --host to expose" in server.printed
        assert re.search(r"ready in \d+ ms", server.printed)


def test_one_line_an_update(tmp_path: Path) -> None:
    with running(tmp_path, "--port", "0") as server:
        server.until(r"Local:\s+(http://\S+)\s")
        index = tmp_path / "site" / "index.html"
        index.write_text("<!doctype html><title>new</title>")
        server.until(r"\[hotchannel\] page reload index\.html\n")


def test_settings_that_change_are_taken_in(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    settings = site / "hotchannel.toml"
    settings.write_text("[headers]\nX-Version = '1'\n")
    with running(tmp_path, "--port", "0") as server:
        url = server.until(r"Local:\s+(http://\S+)\s")[1]
        assert urllib.request.urlopen(url).headers["X-Version"] == "1"
        with connect(url.replace("http", "ws"), subprotocols=["vite-hmr"]) as page:  # type: ignore[list-item]
            assert page.recv(PATIENCE) == '{"type":"connected"}'
            settings.write_text("[headers]\nX-Version = 2\n")
            server.until(r"the settings stay as they are: .*headers")
            settings.write_text("[headers]\nX-Version = '2'\n")
            server.until(r"settings or plugins have changed: restarted")
            with pytest.raises(ConnectionClosed) as closed:
                page.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert urllib.request.urlopen(url).headers["X-Version"] == "2"
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0


def test_plugins_that_are_edited_are_read_again(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    plugin = site / "shouting.py"
    text = "from hotchannel import Plugin\nclass Shout(Plugin):\n    def load(self, id):\n        {}\n"
    plugin.write_text(text.format("return id.uper() if id.endswith('a.js') else None"))
    (site / "a.js").write_text("export {};")
    (site / "hotchannel.toml").write_text("plugins = ['shouting:Shout']")
    with running(tmp_path, "--port", "0") as server:
        url = server.until(r"Local:\s+(http://\S+)\s")[1]
        with pytest.raises(urllib.error.HTTPError, match="500"):
            urllib.request.urlopen(f"{url}a.js")
        plugin.write_text("(")
        server.until(r"the settings stay as they are: plugins = 'shouting:Shout'.*SyntaxError")
        plugin.write_text(text.format("return 'export const shouted = 1;' if id.endswith('a.js') else None"))
        server.until(r"settings or plugins have changed: restarted")
        assert b"shouted" in urllib.request.urlopen(f"{url}a.js").read()


@pytest.mark.parametrize("hook", ["__init__(self)", "configure_server(self, server)"])
def test_a_plugin_that_fails_at_the_start_is_one_line(tmp_path: Path, hook: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "failing.py").write_text(
        "from hotchannel import Plugin\n"
        f"class P(Plugin):\n    def {hook}:\n        raise ValueError('oh no')\n"
    )
    (site / "hotchannel.toml").write_text("plugins = ['failing:P']")
    with running(tmp_path, "--port", "0") as server:
        server.until(r"error: .*ValueError: oh no \(.*failing\.py:4\)")
        assert server.process.wait(PATIENCE) == 2
        assert "Traceback" not in server.printed


def test_a_port_in_use_is_said_and_the_next_one_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(tmp_path, "--port", str(port)) as server:
            url = server.until(r"Local:\s+(http://\S+)\s")[1]
            assert url != f"http://localhost:{port}/"
            assert f"port {port} is in use" in server.printed


def test_a_strict_port_in_use_ends_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("dev", str(tmp_path), "--port", str(port), "--strict-port")

    assert ended.returncode == 2
    assert f"Port {port} is in use" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_channel_s_port_in_use_does_not_keep_the_pages_down(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(tmp_path, "--port", "0", "--ws-port", str(port)) as server:
            url = server.until(r"Local:\s+(http://\S+)\s")[1]
            assert urllib.request.urlopen(url).status == 200
            server.until(rf"port {port} is already in use")
            with connect(url.replace("http", "ws"), subprotocols=["vite-hmr"]) as client:  # type: ignore[list-item]
                assert client.recv() == '{"type":"connected"}'


def test_the_channel_on_a_port_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, "--port", "0", "--ws-port", str(port)) as server:
        url = server.until(r"Local:\s+(http://\S+)\s")[1]
        assert f"wsPort = {port};" in urllib.request.urlopen(f"{url}@vite/client").read().decode()
        address = f"ws://localhost:{port}/?token={token(url)}"
        with connect(address, subprotocols=["vite-hmr"], origin=url) as client:  # type: ignore[list-item, arg-type]
            assert client.recv() == '{"type":"connected"}'


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["nowhere"], "nowhere does not exist", id="missing"),
        pytest.param(["file.txt"], "file.txt is not a folder", id="file"),
        pytest.param(["--port", "x"], "'x' is not a valid integer", id="port"),
        pytest.param(["--host", "203.0.113.7"], "--host", id="host-of-another-machine"),
        pytest.param(["--colour"], "No such option", id="option"),
    ],
)
def test_what_cannot_be_is_refused_with_status_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "file.txt").write_text("")

    ended = run("dev", *arguments, cwd=tmp_path)

    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_setting_ends_with_its_name_and_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.hotchannel]\nprot = 1\n")

    ended = run("dev", cwd=tmp_path)

    assert ended.returncode == 2
    assert "pyproject.toml: prot" in ended.stderr


def test_ctrl_c_ends_it_with_pages_open(tmp_path: Path) -> None:
    with running(tmp_path, "--port", "0") as server:
        url = server.until(r"Local:\s+(http://\S+)\s")[1]
        with (
            socket.create_connection(("localhost", int(url.rsplit(":", 1)[1].strip("/")))) as kept,
            connect(url.replace("http", "ws"), subprotocols=["vite-hmr"]) as client,  # type: ignore[list-item]
        ):
            kept.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert kept.recv(1000).startswith(b"HTTP/1.1 200")
            assert client.recv() == '{"type":"connected"}'
            server.process.send_signal(signal.SIGINT)

            assert server.process.wait(PATIENCE) == 0
            assert "Traceback" not in server.printed


def test_help_lists_every_option() -> None:
    helped = run("dev", "--help").stdout

    for option in (
        "--host",
        "--port",
        "--strict-port",
        "--base",
        "--open",
        "--ws-port",
        "--polling",
        "--log-level",
    ):
        assert option in helped


def test_silence(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, "--port", str(port), "--log-level", "silent") as server:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                assert urllib.request.urlopen(f"http://localhost:{port}/").status == 200
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert server.printed == ""
