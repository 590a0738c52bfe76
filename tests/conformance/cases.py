"""The 247 cases of the Autobahn suite's families 1 to 7 and 10, as a table of our own.

Role: what a peer sends in each case, how it is cut into writes, and what has to come back. Numbers and
octets are the suite's, so that a row here and a row of its report speak of the same thing; expectations
are RFC 6455's (framing: section 5, UTF-8: 8.1, closing: 7), read strictly. Pure.

Two things are done without a clock, where the suite waits a second: that a first fragment was taken
shows in the answer to a ping sent after it, and that bad text fails at once shows in the close frame that
comes although the rest is never sent.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from support.entrances import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CASES", "Case", "Turn"]

NORMAL, PROTOCOL_ERROR, INVALID_DATA = 1000, 1002, 1007

_MASK = b"\x37\xfa\x21\x3d"

HELLO = b"Hello, world!"
BYTES = bytes.fromhex("00 ff fe fd fc fb 00 ff")
RESERVED = b"reserved opcode payload"
GREETING = "Hello-µ@ßöäüàá-UTF-8!!"
COSMOS = bytes.fromhex("ceba e1bdb9 cf83 cebc ceb5")
"""A Greek word: 5 code points, of which the accented one has 3 octets."""
EDITED = b"edited"


@dataclass(frozen=True, slots=True)
class Turn:
    """The peer says something, then hears something.

    Attributes:
        writes: each goes to the socket by itself.
        hears: opcode and payload of each frame that has to come before the next turn.
    """

    writes: tuple[bytes, ...]
    hears: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One row.

    Attributes:
        number: the suite's.
        turns: what is said and heard, up to the server's close frame.
        code: of that close frame; None for one that is empty.
        goodbye: whether the peer closes with 1000 after the last turn. Otherwise it has sent a close frame
            already, or something that the server has to close for.
    """

    number: str
    turns: tuple[Turn, ...]
    code: int | None = NORMAL
    goodbye: bool = False

    @property
    def expectation(self) -> str:
        """In words, for the report."""
        heard = ["pong" if opcode == PONG else "echo" for turn in self.turns for opcode, _ in turn.hears]
        words = [
            word if heard.count(word) == 1 else f"{heard.count(word)} times {word}"
            for word in dict.fromkeys(heard)
        ]
        return ", ".join([*words, "empty close" if self.code is None else f"close {self.code}"])


# Frames of a peer, and ways to cut them into writes.


def _said(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """A frame masked by a key that changes every octet."""
    plain = frame(opcode, payload, fin=fin, rsv=rsv)
    head = plain[: len(plain) - len(payload) - len(_MASK)]
    return head + _MASK + bytes(a ^ b for a, b in zip(payload, cycle(_MASK), strict=False))


def _close(code: int | None = None, reason: bytes = b"") -> bytes:
    return _said(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def _fragments(*payloads: bytes, opcode: int = TEXT) -> tuple[bytes, ...]:
    """A message in as many frames as payloads."""
    last = len(payloads) - 1
    return tuple(
        _said(CONTINUATION if index else opcode, payload, fin=index == last)
        for index, payload in enumerate(payloads)
    )


def _octets(payload: bytes, size: int = 1) -> tuple[bytes, ...]:
    return tuple(payload[start : start + size] for start in range(0, len(payload), size))


def _at_once(frames: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return (b"".join(frames),)


def _octet_by_octet(frames: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return _octets(b"".join(frames))


# At once, frame by frame, octet by octet.
_CUTS: tuple[Callable[[tuple[bytes, ...]], tuple[bytes, ...]], ...] = (_at_once, tuple, _octet_by_octet)


def _echoed(number: str, payload: bytes, writes: tuple[bytes, ...], opcode: int = TEXT) -> Case:
    """The message comes back, whole."""
    return Case(number, (Turn(writes, ((opcode, payload),)),), goodbye=True)


def _failed(number: str, *frames: bytes, code: int = PROTOCOL_ERROR) -> Case:
    """Nothing comes back but the close."""
    return Case(number, (Turn(_at_once(frames)),), code)


def _failed_later(number: str, bad: bytes, cut: int = 0) -> Case:
    """A good message, then a bad frame, then a ping that must not be answered."""
    writes = _CUTS[cut]((_said(TEXT, HELLO), bad, _said(PING)))
    return Case(number, (Turn(writes, ((TEXT, HELLO),)),), PROTOCOL_ERROR)


# 1: sizes of frames, around the limits of the length's three forms (section 5.2).


def _framing() -> Iterator[Case]:
    sizes = (0, 125, 126, 127, 128, 65535, 65536, 65536)
    for part, opcode, octet in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
        for index, size in enumerate(sizes, 1):
            whole = _said(opcode, octet * size)
            writes = _octets(whole, 997) if index == len(sizes) else (whole,)
            yield _echoed(f"1.{part}.{index}", octet * size, writes, opcode)


# 2: pings and pongs (sections 5.5.2 and 5.5.3).


def _pings() -> Iterator[Case]:
    def answered(number: str, payload: bytes, writes: tuple[bytes, ...]) -> Case:
        return Case(number, (Turn(writes, ((PONG, payload),)),), goodbye=True)

    long = b"\xfe" * 125
    yield answered("2.1", b"", (_said(PING),))
    yield answered("2.2", HELLO, (_said(PING, HELLO),))
    yield answered("2.3", BYTES, (_said(PING, BYTES),))
    yield answered("2.4", long, (_said(PING, long),))
    yield _failed("2.5", _said(PING, b"\xfe" * 126))
    yield answered("2.6", long, _octets(_said(PING, long)))
    for number, unasked in (("2.7", b""), ("2.8", b"unsolicited pong payload")):
        yield Case(number, (Turn((_said(PONG, unasked),)),), goodbye=True)
    pong_and_ping = _said(PONG, b"unsolicited pong payload") + _said(PING, b"ping payload")
    yield answered("2.9", b"ping payload", (pong_and_ping,))
    payloads = tuple(b"payload-%d" % index for index in range(10))
    pings = tuple(_said(PING, payload) for payload in payloads)
    pongs = tuple((PONG, payload) for payload in payloads)
    yield Case("2.10", (Turn(_at_once(pings), pongs),), goodbye=True)
    yield Case("2.11", (Turn(_octet_by_octet(pings), pongs),), goodbye=True)


# 3: reserved bits without an extension that gives them a meaning (section 5.2).


def _reserved_bits() -> Iterator[Case]:
    yield _failed("3.1", _said(TEXT, HELLO, rsv=1))
    for cut, rsv in enumerate((2, 3, 4)):
        yield _failed_later(f"3.{rsv}", _said(TEXT, HELLO, rsv=rsv), cut)
    yield _failed("3.5", _said(BINARY, BYTES, rsv=5))
    yield _failed("3.6", _said(BINARY, HELLO, rsv=6))
    yield _failed("3.7", _said(CLOSE, rsv=7))


# 4: reserved opcodes, 3 to 7 and 11 to 15 (section 5.2).


def _reserved_opcodes() -> Iterator[Case]:
    for part, first in ((1, 3), (2, 11)):
        yield _failed(f"4.{part}.1", _said(first))
        yield _failed(f"4.{part}.2", _said(first + 1, RESERVED))
        yield _failed_later(f"4.{part}.3", _said(first + 2))
        yield _failed_later(f"4.{part}.4", _said(first + 3, HELLO))
        yield _failed_later(f"4.{part}.5", _said(first + 4, HELLO), cut=2)


# 5: fragments, and control frames between them (section 5.4).


def _fragmentation() -> Iterator[Case]:
    one, two, three, four, five = (b"fragment%d" % index for index in range(1, 6))
    pair = _fragments(one, two)
    for number, opcode in (("5.1", PING), ("5.2", PONG)):
        yield _failed(number, *_fragments(one, two, opcode=opcode))
    for cut, number in enumerate(("5.3", "5.4", "5.5")):
        yield _echoed(number, one + two, _CUTS[cut](pair))
    for cut, number in enumerate(("5.6", "5.7", "5.8")):
        writes = _CUTS[cut]((pair[0], _said(PING, b"ping payload"), pair[1]))
        hears = ((PONG, b"ping payload"), (TEXT, one + two))
        yield Case(number, (Turn(writes, hears),), goodbye=True)
    for first, fin in ((9, True), (12, False)):
        for cut in range(3):
            orphan = _said(CONTINUATION, b"non-continuation payload", fin=fin)
            writes = _CUTS[cut]((orphan, _said(TEXT, HELLO)))
            yield Case(f"5.{first + cut}", (Turn(writes),), PROTOCOL_ERROR)
    late_orphan = (_said(CONTINUATION, three, fin=False), _said(TEXT, four))
    turn = Turn(_at_once(pair + late_orphan), ((TEXT, one + two),))
    yield Case("5.15", (turn,), PROTOCOL_ERROR)
    for number, fin in (("5.16", False), ("5.17", True)):
        yield _failed(number, *(_said(CONTINUATION, one, fin=fin), *_fragments(two, three)) * 2)
    yield _failed("5.18", _said(TEXT, one, fin=False), _said(TEXT, two))
    parts = _fragments(one, two, three, four, five)
    start = (*parts[:2], _said(PING, b"pongme 1!"))
    rest = (*parts[2:4], _said(PING, b"pongme 2!"), parts[4])
    heard = ((PONG, b"pongme 2!"), (TEXT, one + two + three + four + five))
    for number, cut in (("5.19", 0), ("5.20", 1)):
        # The first pong comes while the message is still under way.
        turns = (Turn(_CUTS[cut](start), ((PONG, b"pongme 1!"),)), Turn(_CUTS[cut](rest), heard))
        yield Case(number, turns, goodbye=True)


# 6: text is UTF-8 (section 8.1); 6.5 to 6.23 follow Markus Kuhn's decoder tests.


def _utf8() -> Iterator[Case]:
    yield _echoed("6.1.1", b"", (_said(TEXT),))
    yield _echoed("6.1.2", b"", _at_once(_fragments(b"", b"", b"")))
    middle = b"middle frame payload"
    yield _echoed("6.1.3", middle, _at_once(_fragments(b"", middle, b"")))
    greeting = GREETING.encode()
    halves = (GREETING[:11].encode(), GREETING[11:].encode())
    yield _echoed("6.2.1", greeting, (_said(TEXT, greeting),))
    yield _echoed("6.2.2", greeting, _at_once(_fragments(*halves)))
    yield _echoed("6.2.3", greeting, _at_once(_fragments(*_octets(greeting))))
    yield _echoed("6.2.4", COSMOS, _at_once(_fragments(*_octets(COSMOS))))
    surrogate = COSMOS + _scaled(0xD800, 3) + EDITED
    yield _failed("6.3.1", _said(TEXT, surrogate), code=INVALID_DATA)
    yield _failed("6.3.2", *_fragments(*_octets(surrogate)), code=INVALID_DATA)
    yield from _fail_fast()
    counts: dict[int, int] = {}
    for section, valid, texts in _SEQUENCES:
        for text in texts:
            counts[section] = counts.get(section, 0) + 1
            number = f"6.{section}.{counts[section]}"
            if valid:
                yield _echoed(number, text, (_said(TEXT, text),))
            else:
                yield _failed(number, _said(TEXT, text), code=INVALID_DATA)


def _fail_fast() -> Iterator[Case]:
    """Text that goes wrong in its middle, and what is left of it is never needed."""
    beyond = _scaled(0x110000, 4)
    thirds = (COSMOS, beyond, EDITED)
    # The second octet of what is beyond Unicode is the first that cannot be.
    to_the_octet = (COSMOS + beyond[:1], beyond[1:2], beyond[2:] + EDITED)
    for number, parts in (("6.4.1", thirds), ("6.4.2", to_the_octet)):
        first, second, _ = _fragments(*parts)
        taken = Turn((first, _said(PING, b"taken?")), ((PONG, b"taken?"),))
        yield Case(number, (taken, Turn((second,))), INVALID_DATA)
    # Within one frame, the frame is judged when it is whole: there the suite's wish is not met.
    for number, parts in (("6.4.3", thirds), ("6.4.4", to_the_octet)):
        whole = _said(TEXT, b"".join(parts))
        third, second_end = len(whole) - len(parts[2]), len(whole) - len(parts[2]) - len(parts[1])
        writes = (whole[:second_end], whole[second_end:third], whole[third:])
        yield Case(number, (Turn(writes),), INVALID_DATA)


def _points(*points: int) -> tuple[bytes, ...]:
    """Each code point as UTF-8."""
    return tuple(chr(point).encode() for point in points)


def _scaled(value: int, size: int) -> bytes:
    """Any number in UTF-8's bit pattern of `size` octets, up to 6, whether Unicode allows that or not."""
    tail = [0x80 | value >> 6 * index & 0x3F for index in range(size - 1)]
    lead = 0xFF << 8 - size - 1 + 1 & 0xFF | value >> 6 * (size - 1)
    return bytes((lead, *reversed(tail)))


def _lonely(first: int, end: int) -> bytes:
    """Lead octets, each with a blank after it."""
    return b"".join(bytes((lead, 0x20)) for lead in range(first, end))


_HIGH = tuple(_scaled(point, 3) for point in (0xD800, 0xDB7F, 0xDB80, 0xDBFF))
_LOW = tuple(_scaled(point, 3) for point in (0xDC00, 0xDF80, 0xDFFF))

# The lowest and the highest number of each length, without the last octet.
_CUT_SHORT = tuple(_scaled(0, size)[:-1] for size in range(2, 7)) + tuple(
    _scaled(highest, size)[:-1]
    for size, highest in ((2, 0x7FF), (3, 0xFFFF), (4, 0x1FFFFF), (5, 0x3FFFFFF), (6, 0x7FFFFFFF))
)

# Section, whether it is UTF-8, and the texts, numbered in order.
_SEQUENCES: tuple[tuple[int, bool, tuple[bytes, ...]], ...] = (
    (5, True, (*(f"hello{char}world".encode() for char in "$¢€𤭢"), COSMOS)),
    # All beginnings of a text; some end within a code point.
    *((6, end in (2, 5, 7, 9, 11), (COSMOS[:end],)) for end in range(1, 12)),
    # The first and the last of each length; 5 and 6 octets are no longer UTF-8 (RFC 3629).
    (7, True, _points(0, 0x80, 0x800, 0x10000)),
    (8, False, (_scaled(0x200000, 5), _scaled(0x4000000, 6))),
    (9, True, _points(0x7F, 0x7FF, 0xFFFF, 0x10FFFF)),
    (10, False, (_scaled(0x1FFFFF, 4), _scaled(0x3FFFFFF, 5), _scaled(0x7FFFFFFF, 6))),
    # Around the surrogates, the replacement character and the end of Unicode.
    (11, True, _points(0xD7FF, 0xE000, 0xFFFD, 0x10FFFF)),
    (11, False, (_scaled(0x110000, 4),)),
    # Continuation octets that continue nothing.
    (12, False, (b"\x80", b"\xbf", *((b"\x80\xbf" * 3)[:size] for size in range(2, 7)))),
    (12, False, (bytes(range(0x80, 0xBF)),)),
    # Leads that nothing follows.
    (13, False, (_lonely(0xC0, 0xDF), _lonely(0xE0, 0xEF), _lonely(0xF0, 0xF7))),
    (13, False, (_lonely(0xF8, 0xFB), _lonely(0xFC, 0xFD))),
    (14, False, _CUT_SHORT),
    (15, False, (b"".join(_CUT_SHORT),)),
    # Octets that no UTF-8 holds.
    (16, False, (b"\xfe", b"\xff", b"\xfe\xfe\xff\xff")),
    # More octets than a number needs: a slash, the highest that would need one less, and NUL.
    (17, False, tuple(_scaled(ord("/"), size) for size in range(2, 7))),
    (
        18,
        False,
        tuple(_scaled(top, 2 + n) for n, top in enumerate((0x7F, 0x7FF, 0xFFFF, 0x1FFFFF, 0x3FFFFFF))),
    ),
    (19, False, tuple(_scaled(0, size) for size in range(2, 7))),
    # Surrogates, alone and in pairs.
    (20, False, _HIGH + _LOW),
    (21, False, tuple(high + low for high in _HIGH for low in (_LOW[0], _LOW[-1]))),
    # The last two of each plane are no characters, and UTF-8 all the same.
    (22, True, _points(*(plane << 16 | last for plane in range(17) for last in (0xFFFE, 0xFFFF)))),
    (23, True, _points(*range(0xFFF9, 0x10000))),
)


# 7: closing (sections 5.5.1, 7.1 and 7.4).


def _closing() -> Iterator[Case]:
    def closed(number: str, *frames: bytes, code: int | None) -> Case:
        return Case(number, (Turn(_at_once(frames)),), code)

    normal, hello = _close(NORMAL), b"Hello World!"
    yield _echoed("7.1.1", hello, (_said(TEXT, hello),))
    # What comes after a close frame is not heard.
    for number, after in (("7.1.2", _said(CLOSE)), ("7.1.3", _said(PING)), ("7.1.4", _said(TEXT, hello))):
        yield closed(number, normal, after, code=NORMAL)
    first, second = _fragments(b"fragment1", b"fragment2")
    yield closed("7.1.5", first, normal, second, code=NORMAL)
    # What came before it is answered first, however much that is.
    long = (b"BAsd7&jh23" * 26215)[: 256 * 1024]
    writes = _at_once((_said(TEXT, long), _said(TEXT, hello), normal, _said(PING)))
    yield Case("7.1.6", (Turn(writes, ((TEXT, long), (TEXT, hello))),))

    yield closed("7.3.1", _close(), code=None)
    yield closed("7.3.2", _said(CLOSE, b"a"), code=PROTOCOL_ERROR)
    yield closed("7.3.3", normal, code=NORMAL)
    yield closed("7.3.4", _close(NORMAL, hello), code=NORMAL)
    yield closed("7.3.5", _close(NORMAL, b"*" * 123), code=NORMAL)
    yield closed("7.3.6", _close(NORMAL, b"*" * 124), code=PROTOCOL_ERROR)
    bad_reason = COSMOS + _scaled(0xD800, 3) + EDITED
    yield closed("7.5.1", _close(NORMAL, bad_reason), code=INVALID_DATA)

    allowed = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    for index, code in enumerate(allowed, 1):
        yield closed(f"7.7.{index}", _close(code), code=code)
    for index, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999), 1):
        yield closed(f"7.9.{index}", _close(code), code=PROTOCOL_ERROR)
    # Beyond what section 7.4.2 gives to anybody.
    for number, code in (("7.13.1", 5000), ("7.13.2", 65535)):
        yield closed(number, _close(code), code=PROTOCOL_ERROR)


# 10: a long message in many frames.


def _many_fragments() -> Iterator[Case]:
    text = b"*" * 65536
    yield _echoed("10.1.1", text, _at_once(_fragments(*_octets(text, 1300))))


CASES: tuple[Case, ...] = (
    *_framing(),
    *_pings(),
    *_reserved_bits(),
    *_reserved_opcodes(),
    *_fragmentation(),
    *_utf8(),
    *_closing(),
    *_many_fragments(),
)
