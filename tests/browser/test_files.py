"""Files that are imported as something else than code, and pages below a base."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.project import StartProject
    from support.tab import Tab

PAGE = """<!doctype html>
<html><head><title>Test</title></head>
<body><p id="out"></p><script type="module" src="/src/main.js"></script></body></html>
"""

SHOW = 'export const show = (text) => { document.querySelector("#out").textContent = text; };\n'


def test_files_are_imported_as_url_and_as_text(project: StartProject, tab: Tab) -> None:
    main = SHOW + (
        'import plain from "./logo.svg";\nimport asked from "./note.txt?url";\n'
        'import text from "./note.txt?raw";\n'
        'const bare = (url) => url.split("?")[0];\nshow([bare(plain), bare(asked), text].join(" "));\n'
        "import.meta.hot.accept();\n"
    )
    # Over 4 KiB: smaller images stock puts into the importer as a data URL.
    svg = '<svg xmlns="http://www.w3.org/2000/svg">' + "<g/>" * 1200 + "</svg>"
    site = project({"index.html": PAGE, "src/main.js": main, "src/logo.svg": svg, "src/note.txt": "v1"})
    tab.open(site.url)
    tab.text("/src/logo.svg /src/note.txt v1")
    site.write("src/note.txt", "v2")
    tab.text("/src/logo.svg /src/note.txt v2")
    assert tab.kept


def test_everything_works_below_a_base(project: StartProject, tab: Tab) -> None:
    css = "body { color: rgb(1, 1, 1); }"
    counter = SHOW + (
        "import.meta.hot.data.clicks ??= 0;\nwindow.press = () => { import.meta.hot.data.clicks += 1; };\n"
        "show(`v1 clicks=${import.meta.hot.data.clicks}`);\nimport.meta.hot.accept();\n"
    )
    page = PAGE.replace("</head>", '<link rel="stylesheet" href="style.css"></head>')
    page = page.replace("/src/main.js", "src/main.js")
    files = {"src/main.js": 'import "/src/counter.js";\n', "src/counter.js": counter, "style.css": css}
    site = project({"index.html": page, **files}, base="/app/")
    assert site.url.endswith("/app/")
    tab.open(site.url)
    tab.page.evaluate("press()")
    site.edit("src/counter.js", "v1", "v2")
    tab.text("v2 clicks=1")
    site.edit("style.css", "1, 1, 1", "2, 2, 2")
    tab.style("rgb(2, 2, 2)")
    assert tab.kept
