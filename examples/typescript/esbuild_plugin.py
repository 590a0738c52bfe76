"""TypeScript and JSX through an installed esbuild: `npm install esbuild`, or any `esbuild` on the PATH."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from hotchannel import Plugin, TransformError

_LOADERS = {".ts": "ts", ".mts": "ts", ".tsx": "tsx", ".jsx": "jsx"}
_ERROR = re.compile(r"\[ERROR\] (?P<message>.*?)\n\n +.*?:(?P<line>\d+):(?P<column>\d+):", re.DOTALL)


class Esbuild(Plugin):
    """Takes types and JSX out, with a source map, and shows esbuild's errors in the page."""

    name = "esbuild"

    def transform(self, code: str, id: str) -> str | None:
        path, _, _ = id.partition("?")
        loader = _LOADERS.get(Path(path).suffix)
        if loader is None:
            return None
        done = subprocess.run(
            [
                _find(Path(path).parent),
                f"--loader={loader}",
                f"--sourcefile={Path(path).name}",
                "--sourcemap=inline",
                "--format=esm",
                "--target=esnext",
                "--jsx=automatic",
                "--log-level=error",
                "--color=false",
            ],
            input=code,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode == 0:
            return done.stdout
        found = _ERROR.search(done.stderr)
        if found is None:
            raise TransformError(done.stderr.strip())
        raise TransformError(found["message"], int(found["line"]), int(found["column"]))


def _find(folder: Path) -> str:
    """Return the esbuild of the project that the file is in, else the system's."""
    for place in (folder, *folder.parents):
        local = place / "node_modules" / ".bin" / "esbuild"
        if local.exists():
            return str(local)
    found = shutil.which("esbuild")
    if found is None:
        raise TransformError("There is no esbuild. Install it beside your project: npm install esbuild")
    return found
