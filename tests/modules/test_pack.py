"""Modules in one response: what is written into their texts, and what a `data:` URL makes of them."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.modules.javascript import analyze
from hotchannel.modules.pack import ORIGIN, entry, pack, packed, plain
from hotchannel.modules.transform import javascript


def compiled(source: str, **specifiers: str) -> str:
    """A module's text with its marks; `specifiers` are the URLs of the first imports, in order."""
    analysis = analyze(source)
    urls = dict(zip((site.start for site in analysis.imports), specifiers.values(), strict=False))
    return javascript(
        source,
        analysis,
        specifiers={start: ORIGIN + url for start, url in urls.items()},
        hot_url="/a.js",
        client_url=f"{ORIGIN}/@vite/client",
        env="{}",
    )


def as_the_browser_reads(text: str) -> str:
    """A packed text, decoded as the Fetch standard decodes a `data:` URL, on an origin."""
    assert not re.search(r"[#\t\r\n]", text)
    return unquote(text).replace(ORIGIN, "http://x")


@pytest.mark.parametrize(
    ("source", "served"),
    [
        pytest.param("let a;\n", "let a;\n", id="nothing"),
        pytest.param('import "./b.js";\n', 'import "/b.js";\n', id="import"),
        pytest.param("import(a + b);", "import(a + b);", id="computed"),
        pytest.param("#!/usr/bin/node\nlet a;", "#!/usr/bin/node\nlet a;", id="hashbang"),
        pytest.param("let s = '\ue000';", "let s = '\ue000';", id="private-use"),
    ],
)
def test_what_is_served_has_no_marks(source: str, served: str) -> None:
    urls = {} if source == served else {"b": "/b.js"}
    assert plain(compiled(source, **urls)) == served


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        pytest.param("let a;\nlet b;", ["let a;", "let b;"], id="nothing"),
        pytest.param('import "./b.js";', ['import "http://x/b.js";'], id="import"),
        pytest.param(
            "f(import.meta.url);",
            ['import.meta.url = "http://x/a.js";f(import.meta.url);'],
            id="import.meta.url",
        ),
        pytest.param("let a = '100%#\t';\r\nlet b;", ["let a = '100%#\t';\r", "let b;"], id="syntax-of-urls"),
        pytest.param("let a = 'ü 🔥';", ["let a = 'ü 🔥';"], id="unicode"),
    ],
)
def test_what_a_pack_has(source: str, lines: list[str]) -> None:
    text = as_the_browser_reads(packed(compiled(source, b="/b.js"), "/a.js"))
    assert text.split("\n") == [*lines, "//# sourceURL=http://x/a.js"]


def test_a_computed_import_is_resolved_against_the_module() -> None:
    text = as_the_browser_reads(packed(compiled("import('./' + name); import(`./${a}`)"), "/src/a.js"))
    assert "import(__vite__resolve('./' + name)); import(__vite__resolve(`./${a}`))" in text
    assert 'new URL(name, "http://x/src/a.js").href' in text


def test_a_hot_module_has_its_client_and_its_url() -> None:
    text = as_the_browser_reads(packed(compiled("import.meta.hot.accept();"), "/a.js"))
    assert 'from "http://x/@vite/client";' in text
    assert 'createHotContext("/a.js")' in text
    assert text.count("\n") == 1


def test_a_url_is_named_as_the_browser_spells_it() -> None:
    text = as_the_browser_reads(packed(compiled("import.meta.url"), "/ü b.js?x=1"))
    assert 'import.meta.url = "http://x/%C3%BC%20b.js?x=1"' in text
    assert packed("", "/ü b.js").endswith(f"{ORIGIN}/%25C3%25BC%2520b.js")


def test_equal_texts_stay_apart() -> None:
    assert packed("let a;", "/a.js") != packed("let a;", "/b.js")


def test_the_script_has_all_of_it() -> None:
    script = pack("run(__PACK__)", [(["/a.js", "/a.js?t=1"], "text")], {"lib": "https://cdn/lib.js"})
    content = json.loads(script.removeprefix("run(").removesuffix(")"))
    assert content == {
        "mark": ORIGIN,
        "modules": [[["/a.js", "/a.js?t=1"], "text"]],
        "imports": {"lib": "https://cdn/lib.js"},
    }


def test_an_entry_cannot_end_its_script() -> None:
    assert entry("/</script>.js") == r'import "/\u003c/script>.js";'


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_through(source: str) -> None:
    text = as_the_browser_reads(packed(source, "/a.js"))
    assert text.startswith(source.replace(ORIGIN, "http://x")) or "import.meta" in source
