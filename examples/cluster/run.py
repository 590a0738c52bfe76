"""Starts the demo: Redis, three processes and nginx, all on loopback; Ctrl-C ends them.

python examples/cluster/run.py
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("red", "green", "blue")
REDIS_PORT = 6390
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"))


def program(name: str, package: str) -> str:
    found = shutil.which(name, path=PATH)
    if found is None:
        sys.exit(f"{name} is missing (Debian: apt-get install {package})")
    return found


def main() -> None:
    redis, nginx = program("redis-server", "redis-server"), program("nginx", "nginx-light")
    # However this ends, so do they.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        commands = [
            [redis, "--bind", "127.0.0.1", "--port", str(REDIS_PORT), "--save", "", "--loglevel", "warning"]
        ]
        environs = [{}]
        for number, name in enumerate(NAMES, 1):
            uvicorn = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "main:app"]
            commands.append(
                [*uvicorn, "--port", str(8000 + number), "--no-access-log", "--log-level", "warning"]
            )
            environs.append({"NAME": name, "BACKPLANE": f"redis://127.0.0.1:{REDIS_PORT}/0?channel=demo"})
        commands.append([nginx, "-p", folder, "-c", str(HERE / "nginx.conf"), "-e", "stderr"])
        environs.append({})
        running = [
            subprocess.Popen(command, cwd=folder, env=os.environ | environ)
            for command, environ in zip(commands, environs, strict=True)
        ]
        print("\n  ➜  http://localhost:8000/  in several tabs; press Ctrl-C to stop\n", flush=True)
        try:
            while all(process.poll() is None for process in running):
                time.sleep(0.2)
            print("one of them has ended, so all do", file=sys.stderr)
        except KeyboardInterrupt:
            pass
        finally:
            # Redis last: without it the others would say that it does not answer.
            for process in reversed(running):
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
