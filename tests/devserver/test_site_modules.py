"""What the dev server answers to who asks for a module, or for the client."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from support.hotfolder import HotFolder, body

if TYPE_CHECKING:
    from pathlib import Path


class TestModules:
    def test_relative_and_root_imports_become_urls(self, folder: HotFolder) -> None:
        folder.write("src/dep.js", "export let a")
        folder.write("main.js", "export let b")
        folder.write("src/a.js", "import {a} from './dep.js'\nimport '../main.js'\nexport * from '/main.js'")

        assert folder.text("/src/a.js") == (
            'import {a} from "/src/dep.js"\nimport "/main.js"\nexport * from "/main.js"'
        )

    def test_a_base_stands_in_front(self, tmp_path: Path) -> None:
        folder = HotFolder(tmp_path.resolve(), base="/app/")
        folder.write("dep.js", "import.meta.hot.accept()")
        folder.write("a.js", "import './dep.js'")

        assert folder.text("/app/a.js") == 'import "/app/dep.js"'
        dep = folder.text("/app/dep.js")
        assert 'from "/app/@vite/client"' in dep
        assert '__vite__createHotContext("/dep.js")' in dep

    @pytest.mark.parametrize(
        ("specifier", "url"),
        [("./dep", "/dep.js"), ("./data", "/data.json?import"), ("./folder", "/folder/index.js")],
    )
    def test_suffixes_are_tried(self, folder: HotFolder, specifier: str, url: str) -> None:
        folder.write("dep.js", "")
        folder.write("data.json", "{}")
        folder.write("folder/index.js", "")
        folder.write("a.js", f"import {specifier!r}")

        assert folder.text("/a.js") == f'import "{url}"'

    @pytest.mark.parametrize(
        "specifier", ["lodash", "https://cdn.example/x.js", "//cdn.example/x.js", "data:,1"]
    )
    def test_what_is_not_ours_is_left_to_the_browser(self, folder: HotFolder, specifier: str) -> None:
        source = f'import x from "{specifier}"'
        folder.write("a.js", source)

        assert folder.text("/a.js") == source

    def test_a_module_that_uses_hot_gets_it_on_its_first_line(self, folder: HotFolder) -> None:
        folder.write("a.js", "#!/usr/bin/env node\nimport.meta.hot.accept()\n")

        served = folder.text("/a.js")

        assert served.startswith(
            "#!/usr/bin/env node\nimport { createHotContext as __vite__createHotContext }"
        )
        assert 'import.meta.hot = __vite__createHotContext("/a.js");import.meta.hot.accept()\n' in served
        assert served.count("\n") == 2

    def test_a_module_that_does_not_is_served_as_it_is(self, folder: HotFolder) -> None:
        source = "// import.meta.hot\nexport const a = 'import.meta.hot.accept()'\n"
        folder.write("a.js", source)

        assert folder.text("/a.js") == source

    def test_accepted_dependencies_are_named_as_on_the_wire(self, folder: HotFolder) -> None:
        folder.write("dep.js", "export let a")
        folder.write("src/a.js", "import '../dep.js'\nimport.meta.hot.accept(['../dep.js'], () => {})")

        assert 'accept(["/dep.js"], () => {})' in folder.text("/src/a.js")

    def test_a_classic_script_is_no_module(self, folder: HotFolder) -> None:
        folder.write("old.js", "var a = (")

        assert folder.text("/old.js", sec_fetch_dest="script", sec_fetch_mode="no-cors") == "var a = ("

    def test_an_imported_stylesheet_is_a_module(self, folder: HotFolder) -> None:
        folder.write("img/a.png", "x")
        folder.write("css/a.css", 'b { background: url("../img/a.png") }')

        served = folder.text("/css/a.css", sec_fetch_dest="script")

        assert "__vite__updateStyle(__vite__id, __vite__css)" in served
        assert r"url(\"/img/a.png\")" in served
        assert "import.meta.hot.accept();" in served

    def test_a_linked_stylesheet_is_css(self, folder: HotFolder) -> None:
        folder.write("css/a.css", '@import "./b.css";')
        folder.write("css/b.css", "")

        response = folder.get("/css/a.css", accept="text/css,*/*;q=0.1")

        assert response.headers["content-type"] == "text/css; charset=utf-8"
        assert body(response) == b'@import "./b.css";'

    def test_without_any_hint_a_stylesheet_is_what_it_is_used_as(self, folder: HotFolder) -> None:
        folder.write("a.css", "b {}")
        folder.write("main.js", "import './a.css'")

        assert folder.text("/a.css") == "b {}"
        folder.text("/main.js")
        assert "updateStyle" in folder.text("/a.css")

    def test_json_is_imported_by_default_and_by_name(self, folder: HotFolder) -> None:
        folder.write("a.json", json.dumps({"name": "x", "not-a-name": 1, "class": 2, "__proto__": {"a": 1}}))

        served = folder.text("/a.json?import")

        assert "export default data" in served
        assert "export const name = data.name;" in served
        assert "class" not in re.findall(r"export const (\S+)", served)

    def test_json_with_an_attribute_is_left_to_the_browser(self, folder: HotFolder) -> None:
        folder.write("a.json", "{}")
        folder.write("a.js", 'import a from "./a.json" with {type: "json"}')

        assert folder.text("/a.js") == 'import a from "/a.json" with {type: "json"}'
        assert folder.text("/a.json") == "{}"

    @pytest.mark.parametrize(
        ("query", "expected"),
        [("?raw", 'export default "<svg/>";\n'), ("?url", 'export default "/a.svg";\n'), ("", None)],
    )
    def test_assets(self, folder: HotFolder, query: str, expected: str | None) -> None:
        folder.write("a.svg", "<svg/>")
        folder.write("a.js", f"import a from './a.svg{query}'")

        specifier = folder.text("/a.js").split('"')[1]
        assert specifier == "/a.svg?import" + query.replace("?", "&")
        assert folder.text(specifier) == (expected or 'export default "/a.svg";\n')

    def test_unicode_and_spaces(self, folder: HotFolder) -> None:
        folder.write("ä b.js", "export let a")
        folder.write("a.js", "import './ä b.js'; import './%C3%A4%20b.js'")

        assert folder.text("/a.js") == 'import "/ä b.js"; import "/ä b.js"'
        assert folder.text("/%C3%A4%20b.js") == "export let a"

    def test_bare_names_of_an_import_map_are_edges(self, folder: HotFolder) -> None:
        folder.write("lib/x.js", "export let a")
        folder.write("a.js", "import 'lib/x.js'; import.meta.hot.accept()")
        folder.write("index.html", '<script type="importmap">{"imports": {"lib/": "./lib/"}}</script>')
        folder.text("/")

        assert "import 'lib/x.js'" in folder.text("/a.js"), "the page's own map says the same"
        folder.text("/lib/x.js")
        folder.save("lib/x.js", "export let b")
        assert re.search(r'import "/lib/x\.js\?t=\d+"', folder.text("/a.js"))


class TestErrors:
    def test_a_syntax_error_is_answered_500_and_shown(self, folder: HotFolder) -> None:
        folder.write("a.js", "let a = 1\nfoo(\n")

        assert folder.get("/a.js").status == 500
        (detail,) = folder.channel.errors.values()
        assert detail.id == folder.file("a.js")
        assert detail.loc is not None
        assert (detail.loc.line, detail.loc.column) == (2, 3)  # type: ignore[union-attr]
        assert "foo(" in str(detail.frame)

    def test_it_is_gone_with_the_next_good_answer(self, folder: HotFolder) -> None:
        folder.write("a.js", "foo(")
        folder.get("/a.js")
        folder.write("a.js", "foo()")
        folder.get("/a.js")

        assert folder.channel.errors == {}

    def test_an_unresolved_import_names_the_nearest_file(self, folder: HotFolder) -> None:
        folder.write("src/counter.js", "")
        folder.write("src/a.js", "import './conter.js'")

        response = folder.get("/src/a.js")

        assert response.status == 500
        (detail,) = folder.channel.errors.values()
        assert detail.message.startswith('Failed to resolve import "./conter.js" from "src/a.js".')
        assert "counter.js" in detail.message

    def test_a_stylesheet_that_is_not_utf_8(self, folder: HotFolder) -> None:
        folder.write("a.css", b"/* caf\xe9 */ b {}")

        response = folder.get("/a.css", accept="text/css")

        assert (response.status, body(response)) == (200, b"/* caf\xe9 */ b {}")
        (detail,) = folder.channel.errors.values()
        assert "not UTF-8" in detail.message

    def test_a_stylesheet_that_names_its_encoding(self, folder: HotFolder) -> None:
        folder.write("a.css", b'@charset "iso-8859-1";/* caf\xe9 */')

        assert "café" in folder.text("/a.css", accept="text/css")
        assert folder.channel.errors == {}

    def test_bad_json_says_where(self, folder: HotFolder) -> None:
        folder.write("a.json", '{\n  "a": ,\n}')

        assert folder.get("/a.json?import").status == 500
        (detail,) = folder.channel.errors.values()
        assert detail.loc.line == 2  # type: ignore[union-attr]


class TestClient:
    def test_it_holds_the_token_and_is_not_stored(self, folder: HotFolder) -> None:
        response = folder.get("/@vite/client")

        assert b'wsToken = "secret-token"' in body(response)
        assert response.headers["cache-control"] == "no-store"

    def test_nothing_is_left_to_fill_in(self, folder: HotFolder) -> None:
        assert re.findall(r"\b__[A-Z_]+__\b", folder.text("/@vite/client")) == []

    def test_its_siblings_are_served(self, folder: HotFolder) -> None:
        for name in re.findall(r'from "\./(\w+\.js)"', folder.text("/@vite/client")):
            assert folder.get(f"/@vite/{name}").status == 200

    @pytest.mark.parametrize(
        "name", ["client.js", "none.js", "../client", "__init__.py", "overlay", "%2e%2e/x"]
    )
    def test_nothing_else_is(self, folder: HotFolder, name: str) -> None:
        assert folder.get(f"/@vite/{name}").status == 404


@pytest.mark.parametrize(
    "text",
    ['{"a": -0}', '{"a": 1e400}', '{"a": ' + "9" * 5000 + "}", '{"a": "\\ud800"}'],
    ids=["-0", "1e400", "5000 digits", "half a pair"],
)
def test_json_is_read_by_the_browser_as_it_stands(folder: HotFolder, text: str) -> None:
    folder.write("a.json", "\ufeff" + text)

    assert f"JSON.parse({json.dumps(text)})" in folder.text("/a.json?import")


@pytest.mark.parametrize("name", ["NaN", "-Infinity"])
def test_what_only_python_takes_for_json_is_an_error(folder: HotFolder, name: str) -> None:
    folder.write("a.json", f'{{"a": {name}}}')

    assert folder.get("/a.json?import").status == 500
    (detail,) = folder.channel.errors.values()
    assert f"there is no {name} in it" in detail.message


@pytest.mark.parametrize("query", ["import", "import&inline"])
def test_a_stylesheet_in_a_string_has_no_byte_order_mark(folder: HotFolder, query: str) -> None:
    folder.write("a.css", "\ufeffa { color: red }")

    assert '"a { color: red }"' in folder.text(f"/a.css?{query}")
