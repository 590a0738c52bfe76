"""Our analysis beside oxc-parser's, of real packages and of made-up programs: both see the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hotchannel.modules.javascript import JavaScript, analyze
from hotchannel.modules.syntax import SourceError
from modules.programs import modules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "node_modules"
COMMAND = ["node", str(Path(__file__).with_name("oxc.mjs")), str(NODE_MODULES)]

PACKAGES = ["d3", "date-fns", "lodash-es", "rxjs", "svelte", "three", "vite", "vue", "zod"]
ENOUGH = 2000
"""Files that have to be compared at least."""

Finding = dict[str, object]
"""What was found in a module, as `oxc.mjs` writes it down."""


def _listed(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _finding(result: JavaScript, *, details: bool) -> Finding:
    imports = [
        [
            *(site.kind, site.specifier, site.start, site.end, _listed(site.names)),
            *(site.statement_start, site.statement_end),
        ]
        for site in result.imports
    ]
    finding: Finding = {
        "imports": imports,
        "exports": sorted(result.exports),
        "star": result.has_export_star,
        "details": None,
    }
    if details:
        hot = result.hot
        accepted = [] if hot is None else hot.accepted
        finding["details"] = {
            "attributes": [
                [site.statement_start, [list(pair) for pair in site.attributes]]
                for site in result.imports
                if site.attributes and site.kind != "dynamic"  # those of `import()` are an expression to oxc
            ],
            "env": list(result.meta_env),
            "hot": {
                "used": hot is not None,
                "self": hot is not None and hot.self_accepting,
                "accepted": [[each.specifier, each.start, each.end] for each in accepted],
                "exports": None if hot is None else _listed(hot.accepted_exports),
                "error": False,
            },
        }
    return finding


def _package(file: Path) -> str:
    """Return the package that a file is counted to: `d3` has all its parts in packages of their own."""
    name = file.relative_to(NODE_MODULES).parts[0].removeprefix("@")
    return "d3" if name.startswith("d3-") else name


@pytest.fixture(scope="module")
def findings() -> Mapping[Path, Finding | None]:
    """What oxc finds in every JavaScript file of every package, from one process."""
    files = sorted(path for path in NODE_MODULES.rglob("*.*js") if path.suffix in (".js", ".mjs", ".cjs"))
    assert len(files) > ENOUGH, "packages are missing: run `npm ci` (or `make test`)"
    output = subprocess.run(
        COMMAND,
        input="".join(json.dumps({"file": str(file)}) + "\n" for file in files),
        check=True,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    ).stdout
    # Not `splitlines`, which takes U+2028 in a specifier for a line's end.
    answers = [json.loads(line) for line in output.split("\n") if line]
    return dict(zip(files, answers, strict=True))


@pytest.mark.parametrize("package", [*PACKAGES, "all others"])
def test_real_packages(findings: Mapping[Path, Finding | None], package: str) -> None:
    compared = 0
    for file, expected in findings.items():
        name = _package(file)
        if expected is None or (name if name in PACKAGES else "all others") != package:
            continue
        result = analyze(file.read_bytes().decode())
        assert _finding(result, details=expected["details"] is not None) == expected, file
        compared += 1
    assert compared, f"{package} has no module in it"


def test_there_is_enough_to_compare(findings: Mapping[Path, Finding | None]) -> None:
    assert sum(finding is not None for finding in findings.values()) >= ENOUGH


class Oxc:
    """A process that answers one question at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, source: str) -> Finding | None:
        """Return what oxc finds in a module; None where it is none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"source": source}).encode() + b"\n")
        self._process.stdin.flush()
        answer: Finding | None = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@pytest.fixture(scope="module")
def oxc() -> Iterator[Oxc]:
    process = Oxc()
    yield process
    process.close()


@settings(max_examples=500, deadline=None)
@given(source=modules())
def test_made_up_programs(oxc: Oxc, source: str) -> None:
    expected = oxc.ask(source)
    assume(expected is not None)
    assert _finding(analyze(source), details=True) == expected


MADE = [
    pytest.param('export * as import from "./x"; import "./y"', id="namespace called import"),
    pytest.param('export * as export from "./x"; export let a', id="namespace called export"),
    pytest.param('export { import as export, export as import } from "./x"', id="names import and export"),
    pytest.param('import { import as a, export as b } from "./x"', id="imported import"),
    pytest.param('import defer * as a from "./x" with { type: "json" }', id="defer with attributes"),
    pytest.param('import source a from "./x"; import.source("./y"); import.defer("./z")', id="phases"),
    pytest.param('import source from "./x"; import defer from "./y"; import from from "./z"', id="no phases"),
    pytest.param('import "./x" with { "a-b": "c" }; import a, {} from "./y"', id="string key"),
    pytest.param("import.meta.hot.accept(['./x', variable])", id="accepting a variable"),
    pytest.param("import.meta.hot.accept(`./${x}`)", id="accepting a computed template"),
    pytest.param("import.meta.hot.acceptExports(['a', b])", id="accepting a variable export"),
    pytest.param("import.meta['hot'].accept(); import.meta.hot['accept']()", id="accepting by key"),
    pytest.param("(import.meta).hot.accept(); (import.meta.hot).accept()", id="accepting in parentheses"),
    pytest.param("import.meta.hot.accept`x`; new import.meta.hot.accept", id="accept without a call"),
    pytest.param("#!/x `'\r\nimport './x'\r\n", id="hashbang, CR LF"),
    pytest.param(
        "\ufeffimport './x'\r\nexport default '😀'; export * from './y'", id="byte order mark, CR LF"
    ),
]


@pytest.mark.parametrize("source", MADE)
def test_rare_programs(oxc: Oxc, source: str) -> None:
    expected = oxc.ask(source)
    assert expected is not None, "this is no valid module"
    details = expected["details"]
    assert isinstance(details, dict)
    if details["hot"]["error"]:
        with pytest.raises(SourceError, match="only accept string literals"):
            analyze(source)
    else:
        assert _finding(analyze(source), details=True) == expected


@given(source=st.text("ab'\"`/\\\n\r${}()[] \u2028;=*", max_size=12))
@settings(max_examples=1000, deadline=None)
def test_what_oxc_reads_is_read(oxc: Oxc, source: str) -> None:
    expected = oxc.ask(source)
    if expected is not None:
        assert _finding(analyze(source), details=True) == expected
