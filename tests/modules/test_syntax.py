import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.errors import HotChannelError
from hotchannel.modules.syntax import SourceError, code_frame, position


@pytest.mark.parametrize(
    ("source", "offset", "expected"),
    [
        pytest.param("", 0, (1, 0), id="empty"),
        pytest.param("ab", 2, (1, 2), id="end of the only line"),
        pytest.param("a\nb", 1, (1, 1), id="at the line feed"),
        pytest.param("a\nb", 2, (2, 0), id="after the line feed"),
        pytest.param("a\r\nb", 3, (2, 0), id="CR LF is one end"),
        pytest.param("a\rb", 2, (2, 0), id="CR"),
        pytest.param("a\u2028b\u2029c", 4, (3, 0), id="line and paragraph separator"),
        pytest.param("😀x", 1, (1, 1), id="characters, not UTF-16 units"),
    ],
)
def test_position(source: str, offset: int, expected: tuple[int, int]) -> None:
    assert position(source, offset) == expected


def test_frame_shows_the_line_its_neighbours_and_a_caret() -> None:
    source = "".join(f"line {number}\n" for number in range(1, 21))
    assert code_frame(source, source.index("11") + 1).splitlines() == [
        " 9 |  line 9",
        "10 |  line 10",
        "11 |  line 11",
        "   |        ^",
        "12 |  line 12",
        "13 |  line 13",
    ]


@pytest.mark.parametrize(
    ("source", "offset", "expected"),
    [
        pytest.param("", 0, [" 1 |", "   |  ^"], id="empty source"),
        pytest.param("ab", 2, [" 1 |  ab", "   |    ^"], id="behind the last character"),
        pytest.param("\tb", 1, [" 1 |  \tb", "   |  \t^"], id="tabs keep the caret in place"),
    ],
)
def test_frame_at_the_edges(source: str, offset: int, expected: list[str]) -> None:
    assert code_frame(source, offset).splitlines() == expected


@pytest.mark.parametrize("offset", [0, 30, 60, 500, 939, 1000])
def test_long_lines_are_cut_around_the_caret(offset: int) -> None:
    source = "".join(chr(0x4E00 + number) for number in range(1000))
    line, caret = code_frame(source, offset).splitlines()
    assert len(line) <= 120 + len(" 1 |  ")
    assert offset == len(source) or line[caret.index("^")] == source[offset]


@given(st.text(), st.data())
def test_caret_points_at_the_offset(source: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(source)))
    line, column = position(source, offset)
    frame = code_frame(source, offset, context=0).split("\n")
    assert frame[0].startswith(f"{line:>2} |")
    assert frame[-1].endswith("^")
    assert column <= offset


def test_source_error_carries_message_and_offset() -> None:
    error = SourceError("This string is not closed.", 7)
    assert isinstance(error, HotChannelError)
    assert (str(error), error.message, error.offset) == ("This string is not closed.", error.message, 7)
