"""Every case of `cases.py`, over a real socket, and what `docs/autobahn.md` says of the suite's own run."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.cases import CASES
from conformance.echo import echo_server
from support.entrances import CLOSE, Peer, handshake

if TYPE_CHECKING:
    from conformance.cases import Case

REPORT = Path(__file__).resolve().parents[2] / "docs" / "autobahn.md"

FAMILIES = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "10": 1}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
async def test_case(case: Case) -> None:
    async with echo_server() as port:
        peer = Peer(*await asyncio.open_connection("127.0.0.1", port))
        try:
            await _play(case, peer)
        finally:
            peer.vanish()


async def _play(case: Case, peer: Peer) -> None:
    await peer.write(handshake("/"))
    assert (await peer.answer()).status == 101
    for turn in case.turns:
        for data in turn.writes:
            await peer.write(data)
            # Once for the loop to see that there is something to read, and once for the server to read it:
            # what is written by itself is also received by itself.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        for expected in turn.hears:
            assert await peer.receive() == expected
    if case.goodbye:
        await peer.send(CLOSE, b"\x03\xe8")
    opcode, payload = await peer.receive()
    assert (opcode, payload[:2]) == (CLOSE, b"" if case.code is None else case.code.to_bytes(2, "big"))
    assert await peer.hung_up() == b""


def test_no_case_is_missing() -> None:
    numbers = [case.number for case in CASES]
    assert len(set(numbers)) == len(numbers) == 247
    assert Counter(number.partition(".")[0] for number in numbers) == FAMILIES


def rows_of_the_report(first: str) -> list[list[str]]:
    """The cells of its tables' rows that begin so."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in REPORT.read_text("utf-8").splitlines()
        if re.match(rf"\| {first}", line)
    ]


def test_the_report_has_every_case_and_none_failed() -> None:
    rows = rows_of_the_report(r"(\d|10)\.")
    assert [row[0] for row in rows] == [case.number for case in CASES]
    assert {row[1] for row in rows} <= {"OK", "NON-STRICT", "INFORMATIONAL"}
    assert {row[2] for row in rows} <= {"OK", "INFORMATIONAL"}
    assert all(row[5] for row in rows if row[1:3] != ["OK", "OK"]), "why not OK?"


def test_the_report_has_every_group_of_compression_and_none_failed() -> None:
    rows = rows_of_the_report(r"1[23]\.")
    assert [row[0] for row in rows] == [*(f"12.{n}" for n in range(1, 6)), *(f"13.{n}" for n in range(1, 8))]
    assert {tuple(row[1:]) for row in rows} == {("18", "0")}
