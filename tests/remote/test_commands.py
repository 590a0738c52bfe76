"""`hotchannel ping`, `listen` and `send` against npm's Vite and against hotchannel."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from hotchannel.cli import main
from hotchannel.remote import connect_sync
from hotchannel.wire.payloads import Custom
from support.project import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.project import Project


PATIENCE = 20


def until(condition: Callable[[], bool], *, patience: float = PATIENCE, give_up: bool = False) -> bool:
    """Wait for something; where it does not come, fail, or give up."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            assert give_up, "it does not come"
            return False
        time.sleep(0.02)
    return True


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
    heard, errors = server.root.parent / "heard", server.root.parent / "errors"
    with heard.open("wb") as out, errors.open("wb") as err:
        listening = subprocess.Popen(argv, stdout=out, stderr=err)
    try:
        until(lambda: heard.read_text().startswith('{"type":"connected"}\n'))
        # A watcher may need a moment longer than the server.
        for number in itertools.count():
            server.write("index.html", f"<!doctype html><p>{number}")
            if until(lambda: "full-reload" in heard.read_text(), patience=1, give_up=number < PATIENCE):
                break
        listening.send_signal(signal.SIGINT)
        assert listening.wait(PATIENCE) == 0
    finally:
        listening.kill()
        listening.wait()
    assert {json.loads(line)["type"] for line in heard.read_text().splitlines()} == {
        "connected",
        "full-reload",
    }
    assert errors.read_text() == ""


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
