import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.modules.html import Page, analyze


@pytest.mark.parametrize(
    ("source", "is_document"),
    [
        pytest.param("<!DOCTYPE html>^<p>", True, id="doctype only"),
        pytest.param("<!doctype html><html><head>^<title>a</title></head>", True, id="head"),
        pytest.param('<HEAD class="<a>">^<base>', True, id="head with attributes"),
        pytest.param("<!-- <head> --><html lang=en>\n^<link>", True, id="head is implied"),
        pytest.param("<!doctype html>\n<!-- a -->\n<html>\n^<body>", True, id="only a body"),
        pytest.param("<html>^<script></script><head>", True, id="head comes too late"),
        pytest.param("<html>^</head><p>", True, id="end of an implied head"),
        pytest.param("^<header></header>", False, id="header is not head"),
        pytest.param("^<p>a<p>b", False, id="fragment"),
        pytest.param("a ^<b>c</b>", False, id="text first"),
        pytest.param("<!-- a -->^ b", False, id="no tag"),
        pytest.param("<?xml version='1.0'?>^<p>", False, id="processing instruction"),
        pytest.param("^", False, id="empty"),
        pytest.param("<html>^<title><head></title>", True, id="head in raw text"),
        pytest.param("^a < b", False, id="no markup"),
        pytest.param("</>^<p>", False, id="nameless end tag"),
        pytest.param("<![CDATA[ <head> ]]>^<p>", False, id="no CDATA in HTML"),
    ],
)
def test_where_to_inject(source: str, is_document: bool) -> None:
    page = analyze(source.replace("^", ""))
    assert (page.inject_at, page.is_document) == (source.index("^"), is_document)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param("a=b", [("a", "b", "a=b", "b", "")], id="bare"),
        pytest.param("A = 'b c'", [("a", "b c", "A = 'b c'", "b c", "'")], id="single quotes"),
        pytest.param(
            'a="b\'"c', [("a", "b'", 'a="b\'"', "b'", '"'), ("c", None, "c", "", "")], id="double quotes"
        ),
        pytest.param("a b=", [("a", None, "a", "", ""), ("b", "", "b=", "", "")], id="without value"),
        pytest.param("a=&amp;&quot;", [("a", '&"', "a=&amp;&quot;", "&amp;&quot;", "")], id="references"),
        pytest.param(
            "a=&#0065;&#x42;&#;", [("a", "AB&#;", "a=&#0065;&#x42;&#;", "&#0065;&#x42;&#;", "")], id="numbers"
        ),
        pytest.param(
            f"a=&#{'9' * 5000};",
            [("a", "\ufffd", f"a=&#{'9' * 5000};", f"&#{'9' * 5000};", "")],
            id="huge number",
        ),
        pytest.param(
            f"a=&#{'0' * 5000};",
            [("a", "\ufffd", f"a=&#{'0' * 5000};", f"&#{'0' * 5000};", "")],
            id="long zero",
        ),
        pytest.param("a='>' b", [("a", ">", "a='>'", ">", "'"), ("b", None, "b", "", "")], id="greater-than"),
        pytest.param("a=b/", [("a", "b/", "a=b/", "b/", "")], id="slash in a bare value"),
        pytest.param('"a =b', [('"a', "b", '"a =b', "b", "")], id="quote in a name"),
        pytest.param("=a", [("=a", None, "=a", "", "")], id="equals sign first"),
        pytest.param("a\n=\n'b\nc'\n/", [("a", "b\nc", "a\n=\n'b\nc'", "b\nc", "'")], id="line ends"),
        pytest.param("", [], id="none"),
    ],
)
def test_attributes(attributes: str, expected: list[tuple[str, str | None, str, str, str]]) -> None:
    source = f"<link rel=stylesheet {attributes}><p>"
    (element,) = analyze(source).stylesheets
    assert source[element.start : element.end] == source.removesuffix("<p>")
    assert [
        (
            each.name,
            each.value,
            source[each.start : each.end],
            source[each.value_start : each.value_end],
            each.quote,
        )
        for each in element.attributes[1:]
    ] == expected


def test_get_takes_the_first_of_a_name() -> None:
    (script,) = analyze("<script SRC=a src=b async></script>").scripts
    assert (script.get("src"), script.get("async"), script.get("defer")) == ("a", "", None)


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        pytest.param("<script>a</script>", ["a"], id="script"),
        pytest.param("<SCRIPT>a<b></p></SCRIPT\n>", ["a<b></p>"], id="any case"),
        pytest.param("<script>a</scripts></script >", ["a</scripts>"], id="longer name"),
        pytest.param("<script>a", ["a"], id="not closed"),
        pytest.param("<script>'<!--'</script><script>b</script>", ["'<!--'", "b"], id="escaped"),
        pytest.param(
            "<script><!--<script>a</script>b</script>", ["<!--<script>a</script>b"], id="twice escaped"
        ),
        pytest.param("<script><!--><script>a</script>", ["<!--><script>a"], id="escape that ends at once"),
        pytest.param("<script><!-- <script> --></script>a", ["<!-- <script> -->"], id="escape that ends"),
        pytest.param("<!-- <script>a</script> --><script>b</script>", ["b"], id="comment"),
        pytest.param("<!--><script>a</script>", ["a"], id="empty comment"),
        pytest.param("<!-- a --!><script>b</script>", ["b"], id="comment with a wrong end"),
        pytest.param("<!-- -- > <script>a</script>", [], id="comment that is not closed"),
        pytest.param("<title><script>a</script></title><script>b</script>", ["b"], id="title"),
        pytest.param("<textarea><script></textarea><script>b</script>", ["b"], id="textarea"),
        pytest.param("<style><script></style><script>b</script>", ["b"], id="style"),
        pytest.param("<noscript><script></noscript><script>b</script>", ["b"], id="noscript"),
        pytest.param("<iframe><script></iframe><script>b</script>", ["b"], id="iframe"),
        pytest.param("<plaintext><script></plaintext><script>b</script>", [], id="plaintext"),
        pytest.param("<template><script>a</script></template>", ["a"], id="template"),
        pytest.param("<p title='<script>'><script>b</script>", ["b"], id="attribute value"),
        pytest.param("<svg><title/><style/></svg><script>a</script>", ["a"], id="closed by itself in SVG"),
        pytest.param("<svg><![CDATA[<script>]]></svg><script>a</script>", ["a"], id="CDATA in SVG"),
        pytest.param("<svg/><title/><script></title><script>b</script>", ["b"], id="not so in HTML"),
        pytest.param("<script src='a", [], id="tag that is cut off in a value"),
        pytest.param("<script src", [], id="tag that is cut off in a name"),
    ],
)
def test_raw_text(source: str, texts: list[str]) -> None:
    scripts = analyze(source).scripts
    assert [source[script.content_start : script.content_end] for script in scripts] == texts
    assert all(source[script.end - 1] == ">" for script in scripts)


def test_links() -> None:
    page = analyze(
        "<link rel='ALTERNATE StyleSheet' href=a.css><link rel=icon href=b><link href=c>"
        "<link rel=modulepreload href=d.js><link rel='stylesheets' href=e>"
    )
    assert [link.get("href") for link in page.stylesheets] == ["a.css"]
    assert [link.get("href") for link in page.preloads] == ["d.js"]


def test_what_a_page_says_once() -> None:
    source = (
        "<base target=a><base href='/x/'><base href='/y/'><style nonce=''></style>"
        "<script nonce=n1 type=' ImportMap '>{}</script><script nonce=n2 type=importmap>[]</script>"
        "<meta http-equiv=content-security-policy content='a &quot;b&quot;'>"
        "<meta http-equiv=refresh content=c>"
        "<meta HTTP-EQUIV='Content-Security-Policy' content=d>"
    )
    page = analyze(source)
    assert (page.base_href, page.nonce, page.csp) == ("/x/", "n1", 'a "b", d')
    assert page.import_map is not None
    assert page.import_map == page.scripts[0]


def test_nothing_to_say() -> None:
    assert analyze("a") == Page(False, 0, (), (), (), None, None, None, None)


PIECES = [
    *(
        "<script",
        "</script>",
        "<style>",
        "</style>",
        "<!--",
        "-->",
        "--!>",
        "<title>",
        "</title>",
        "<svg>",
        "</svg>",
    ),
    *(
        "<![CDATA[",
        "]]>",
        "<head>",
        "<html>",
        "<!doctype",
        "<?",
        "</",
        "<",
        ">",
        "/",
        "=",
        "'",
        '"',
        " ",
        "a",
        "\n",
        "é",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text())
def test_never_raises(source: str) -> None:
    page = analyze(source)
    assert 0 <= page.inject_at <= len(source)
    for element in page.scripts + page.stylesheets + page.preloads:
        assert source.startswith("<", element.start)
        assert element.start < element.end <= element.content_start <= element.content_end <= len(source)
        for attribute in element.attributes:
            assert element.start < attribute.start < attribute.end < element.end
            assert attribute.start <= attribute.value_start <= attribute.value_end <= attribute.end


@pytest.mark.parametrize(
    "unit", [*PIECES, "<a ", "<a b='", "<a b=c ", "<script><!--", "<script>", "</a", "<!", "<a/"]
)
@pytest.mark.parametrize("before", ["", "<script>", "<svg>", "<p a='", "<p "])
def test_repetition_ends(before: str, unit: str) -> None:
    assert isinstance(analyze(before + unit * (100_000 // len(unit))), Page)
