"""What `import hotchannel` offers, and what it does not load."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

import hotchannel

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.parametrize("name", hotchannel.__all__)
def test_every_exported_name_exists(name: str) -> None:
    assert getattr(hotchannel, name) is not None
    assert name in dir(hotchannel)


def test_other_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = hotchannel.nothing_of_that_name


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        pytest.param(
            "import hotchannel",
            ["asyncio", "msgspec", "uvicorn", "click", "websockets", "prometheus_client"],
            id="package",
        ),
        pytest.param(
            "from hotchannel import WebSocketServer",
            ["uvicorn", "click", "watchdog", "starlette", "django", "flask"],
            id="server",
        ),
        pytest.param("import hotchannel.cli", ["asyncio", "msgspec", "uvicorn"], id="command"),
    ],
)
def test_an_import_loads_no_more_than_it_needs(statement: str, unwanted: list[str]) -> None:
    code = f"import sys; {statement}; print(*[name for name in {unwanted!r} if name in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert loaded.stdout.split() == []


async def test_the_example_of_the_readme_works() -> None:
    """The library section, as it stands there, but on a free port and ended after one exchange."""
    section = README.read_text("utf-8").partition("## As a library")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    code = found[1].replace("port=24678", "port=0").replace("asyncio.run(main())\n", "")
    printed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    names: dict[str, Any] = {"print": printed.set_result}
    exec(compile(code, "README.md", "exec"), names)

    running = asyncio.create_task(names["main"]())
    try:
        answer = await asyncio.to_thread(_say_hello, await asyncio.wait_for(printed, 10))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert answer == '{"type":"custom","event":"chat:said","data":"hello"}'


def _say_hello(url: str) -> str:
    with connect(url, subprotocols=[Subprotocol("vite-hmr")], origin=Origin("http://localhost")) as client:
        assert client.recv() == '{"type":"connected"}'
        client.send('{"type":"custom","event":"chat:say","data":"hello"}')
        return str(client.recv())
