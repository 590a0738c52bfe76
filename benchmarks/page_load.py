"""How long until a page of many modules is there? hotchannel beside npm's Vite, at one time.

Prints, for pages of 50, 1000 and 5000 modules, with the ratio hotchannel / Vite of each: milliseconds from
navigation until the last module ran, for the first page after the server's start, in fresh profiles, and on
reload; the servers' processor time for a load in a fresh profile; and their memory after all this.

The two take turns load by load. Compare ratios, not milliseconds of different runs. Needs what `make bench`
installs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peers.sites import PATIENCE, Samples, Server, Table, bench, check_installed, turn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["main"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How often everything is done."""

    sizes: tuple[int, ...] = (50, 1000, 5000)
    loads: int = 7


QUICK = Effort(sizes=(50, 1000), loads=3)


def measure(browser: Browser, servers: list[Server], count: int) -> dict[str, Samples]:
    """Milliseconds until the last module ran, and of processor time, the servers taking turns."""
    kinds = ("fresh profile", "reload", "processor time")
    samples: dict[str, Samples] = {kind: {server.name: [] for server in servers} for kind in kinds}
    for number in range(count):
        for server in turn(servers, number):
            context = browser.new_context()
            page = context.new_page()
            before = server.cpu
            page.goto(server.url, timeout=PATIENCE * 1000)
            samples["fresh profile"][server.name].append(_loaded(page))
            samples["processor time"][server.name].append(server.cpu - before)
            page.reload(timeout=PATIENCE * 1000)
            samples["reload"][server.name].append(_loaded(page))
            context.close()
    return samples


def _loaded(page: Page) -> float:
    page.wait_for_function("window.loadedAt", timeout=PATIENCE * 1000)
    return float(page.evaluate("window.loadedAt"))


def run(effort: Effort) -> None:
    """Measure and print everything."""
    table = Table()
    with bench(effort.sizes) as (browser, pairs):
        for size, servers in pairs:
            table.title(f"{size} modules")
            for server in servers:
                server.start()
            table.samples("the server's first", measure(browser, servers, 1)["fresh profile"], p95=False)
            for kind, samples in measure(browser, servers, effort.loads).items():
                table.samples(kind, samples, p95=False)
            ours, vite = (server.memory for server in servers)
            table.row("memory, resident", ours, vite, "MiB")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and no page of 5000 modules")
    arguments = parser.parse_args()
    check_installed()
    run(QUICK if arguments.quick else Effort())


if __name__ == "__main__":
    main()
