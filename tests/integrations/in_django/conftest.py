"""A project, and what is asked of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from integrations.in_django.project import PRELUDE, URLS, start

if TYPE_CHECKING:
    from pathlib import Path

    from integrations.in_django.project import Check, Run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an application `shop`, which has templates and static files, and a folder `assets`."""
    (tmp_path / "run").mkdir(mode=0o700)
    files = {
        "urls.py": URLS,
        "shop/__init__.py": "",
        "shop/templates/tagged.html": (
            "{% load hotchannel %}<!doctype html><html><head>{% hotchannel %}<title>T</title></head></html>"
        ),
        "shop/static/shop/main.js": "import './dep.js';\nimport.meta.hot?.accept();\n",
        "shop/static/shop/dep.js": "export const a = 1;\n",
        "assets/main.js": "import './dep.js';\nimport.meta.hot?.accept();\n",
        "assets/dep.js": "export const a = 1;\n",
        "assets/plain.txt": "plain\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    """Run code behind `PRELUDE`, with these settings beside the usual ones, and return what it tells."""

    def ask(code: str, **settings: Any) -> Any:
        done = start(project, settings, "-c", PRELUDE + code)
        told = [line for line in done.stdout.splitlines() if line.startswith("told:")]
        assert done.returncode == 0, done.stderr
        assert told, f"{done.stdout}\n{done.stderr}"
        return json.loads(told[-1].removeprefix("told:"))

    return ask


@pytest.fixture
def check(project: Path) -> Check:
    """Return what `manage.py check` says."""

    def ask(variable: str | None = None, **settings: Any) -> str:
        command = ("-m", "django", "check", "--settings", "given")
        done = start(project, settings, *command, variable=variable)
        return done.stdout + done.stderr

    return ask
