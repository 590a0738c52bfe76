"""`hotchannel ping`, `listen` and `send` against npm's Vite and against hotchannel."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from hotchannel.cli import main
from hotchannel.remote import connect_sync
from hotchannel.wire.payloads import Custom
from support.project import free_port

if TYPE_CHECKING:
    from support.project import Project


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_ping(server: Project) -> None:
    status, output = run("ping", server.url, "--count", "3")

    assert status == 0
    assert len(re.findall(r"answers in [0-9]+\.[0-9] ms\n", output)) == 3


@pytest.mark.parametrize("command", [["ping"], ["listen"], ["send", "a:b"]], ids=lambda command: command[0])
def test_nobody_there(command: list[str]) -> None:
    name, *rest = command

    status, output = run(name, f"http://127.0.0.1:{free_port()}", *rest)

    assert status == 1
    assert output.startswith("error: nobody answers at http://127.0.0.1:")


def test_what_is_sent_is_heard(server: Project) -> None:
    entry = "import sys; from hotchannel.cli import main; sys.exit(main())"
    argv = [sys.executable, "-c", entry, "listen", server.url, "--json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listening:
        assert listening.stdout is not None
        assert json.loads(listening.stdout.readline()) == {"type": "connected"}
        server.write("index.html", "<!doctype html><p>changed")
        assert json.loads(listening.stdout.readline())["type"] == "full-reload"
        listening.send_signal(signal.SIGINT)
        output, errors = listening.communicate(timeout=10)
    assert (listening.returncode, output, errors) == (0, "", "")


def test_an_event_arrives(server: Project) -> None:
    with connect_sync(server.url) as remote:
        next(remote)
        assert run("send", server.url, "my:echo", '{"a": [1]}') == (0, "")
        assert run("send", server.url, "my:echo") == (0, "")
        remote.send("my:echo", "mine")
        assert next(remote) == Custom("my:echoed", "mine"), "answers go to who asked"


def test_data_that_is_no_json() -> None:
    status, output = run("send", "http://localhost:1", "a:b", "text")

    assert status == 2
    assert "it is not JSON" in output
