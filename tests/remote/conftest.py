"""A server that answers, of either make: npm's Vite and hotchannel, each as its user would set it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.project import Project, free_port, hotchannel_command, vite_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "index.html": '<!doctype html><script type="module" src="/main.js"></script>',
    "main.js": "import.meta.hot.accept();\n",
}
VITE = {
    "vite.config.mjs": """
export default {
  plugins: [{
    name: "echo",
    configureServer(server) {
      server.ws.on("my:echo", (data, client) => client.send("my:echoed", data));
      server.ws.on("my:raw", (data) => server.ws.send(data));
    },
  }],
};
""",
}
OURS = {
    "hotchannel.toml": 'plugins = ["echo:Echo"]\n',
    "echo.py": """
from hotchannel import Plugin

class Echo(Plugin):
    def configure_server(self, server):
        server.channel.on("my:echo", lambda data, client: client.send("my:echoed", data))
""",
}


@pytest.fixture(params=["hotchannel", "vite"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """A running server that says `my:echoed` to whoever says `my:echo`."""
    root, port = tmp_path / "site", free_port()
    stock = request.param == "vite"
    command = vite_command(root, port, "/") if stock else hotchannel_command(root, port, "/")
    made = Project(root, tmp_path / "server.log", command, 0.06 if stock else 0.0)
    for path, content in {**FILES, **(VITE if stock else OURS)}.items():
        made.write(path, content)
    made.start()
    yield made
    made.stop()
    print(made.log)
