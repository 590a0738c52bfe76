"""Real packages, read by us and by oxc-parser: both must see the same imports and exports."""

import json
import subprocess
from pathlib import Path

import pytest

from hotchannel.modules.javascript import analyze

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "node_modules"


@pytest.mark.parametrize("package", ["vite", "oxc-parser", "typescript"])
def test_same_as_oxc(package: str) -> None:
    folder = NODE_MODULES / package
    assert folder.is_dir(), f"{folder.relative_to(ROOT)} is missing: run `npm ci` (or `make test`)"
    output = subprocess.run(
        ["node", Path(__file__).with_name("oxc.mjs"), NODE_MODULES, folder],
        check=True,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    ).stdout
    # Not `splitlines`, which takes U+2028 in a specifier for a line's end.
    modules = [json.loads(line) for line in output.split("\n") if line]
    assert modules
    for module in modules:
        source = Path(module["file"]).read_bytes().decode()
        result = analyze(source)
        imports = [
            [
                *(site.kind, site.specifier, site.start, site.end),
                None if site.names is None else sorted(site.names),
                *(site.statement_start, site.statement_end),
            ]
            for site in result.imports
        ]
        assert imports == module["imports"], module["file"]
        assert sorted(result.exports) == module["exports"], module["file"]
        assert result.has_export_star == module["star"], module["file"]
