"""Who is one too many: the counting behind the limits, with a clock that is told the time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.channel.backplane.roles import Presence
from hotchannel.options import WsOptions
from hotchannel.websocket import limits
from hotchannel.websocket.handshake import Reason, Reject
from hotchannel.websocket.limits import Admission, TokenBucket


def test_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(2.0, 3, 10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10.5), bucket.take(10.5)] == [True, False]
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]


@given(
    rate=st.floats(min_value=0.1, max_value=1000),
    burst=st.integers(min_value=1, max_value=50),
    pauses=st.lists(st.floats(min_value=0, max_value=2), max_size=100),
)
def test_no_more_than_burst_and_rate_allow(rate: float, burst: int, pauses: list[float]) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= burst + now * rate + 1e-6
    assert taken >= min(len(pauses), burst)


def test_no_rate_is_no_limit() -> None:
    bucket = TokenBucket(None, 1, 0.0)
    assert all(bucket.take(0.0) for _ in range(1000))


def test_clients_in_all() -> None:
    admission = Admission(WsOptions(max_clients=2))
    for address in ("::1", "127.0.0.1"):
        assert admission.enter(address) is None
        admission.entered(address)
    assert admission.enter("10.0.0.1") == Reject(503, Reason.CLIENTS, (("Retry-After", "5"),))
    admission.left("::1")
    assert admission.enter("10.0.0.1") is None


def test_clients_of_an_address() -> None:
    admission = Admission(WsOptions(max_clients_per_address=1))
    admission.entered("10.0.0.1")
    assert admission.enter("10.0.0.1") == Reject(429, Reason.ADDRESS_CLIENTS, (("Retry-After", "5"),))
    assert admission.enter("10.0.0.2") is None
    admission.left("10.0.0.1")
    assert admission.enter("10.0.0.1") is None


def test_an_address_has_no_limit_unless_asked_for() -> None:
    admission = Admission(WsOptions())
    for _ in range(100):
        assert admission.knock("10.0.0.1", 0.0) is None
        assert admission.enter("10.0.0.1") is None
        admission.entered("10.0.0.1")


def test_handshakes_of_an_address() -> None:
    admission = Admission(WsOptions(max_connections_per_second_per_address=2.0))
    assert [admission.knock("10.0.0.1", 0.0) for _ in range(2)] == [None, None]
    too_many = Reject(429, Reason.ADDRESS_RATE, (("Retry-After", "5"),))
    assert admission.knock("10.0.0.1", 0.1) == too_many
    assert admission.knock("10.0.0.2", 0.1) is None
    assert admission.knock("10.0.0.1", 1.0) is None


@pytest.mark.parametrize("gap", [pytest.param(0.0, id="all at once"), pytest.param(2.0, id="one by one")])
def test_addresses_are_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch, gap: float) -> None:
    monkeypatch.setattr(limits, "_MAX_REMEMBERED", 10)
    admission = Admission(WsOptions(max_connections_per_second_per_address=1.0))
    for index in range(50):
        assert admission.knock(f"10.0.0.{index}", index * gap) is None
        assert len(admission._buckets) <= 10
    assert admission.knock("10.0.0.49", 49 * gap) is not None


def shares(rate: float) -> Admission:
    return Admission(WsOptions(max_connections_per_second_per_address=rate, shared_limits=True))


def heard(admission: Admission) -> Presence:
    return Presence(0, *admission.shared())


def test_handshakes_of_an_address_count_in_every_process() -> None:
    here, there = shares(4.0), shares(4.0)
    assert [there.knock("10.0.0.1", 0.0) for _ in range(3)] == [None] * 3
    here.met({"there": heard(there)}, 0.0)
    assert here.knock("10.0.0.1", 0.0) is None
    assert here.knock("10.0.0.1", 0.0) is not None
    assert here.knock("10.0.0.2", 0.0) is None


def test_handshakes_that_were_refused_count_nowhere() -> None:
    here, there = shares(4.0), shares(4.0)
    assert [there.knock("10.0.0.1", 0.0) is None for _ in range(30)] == [True] * 4 + [False] * 26
    here.met({"there": heard(there)}, 0.0)
    assert here.knock("10.0.0.1", 0.0) is not None
    assert here.knock("10.0.0.1", 0.25) is None


def test_what_a_process_tells_twice_counts_once_and_what_was_missed_counts_too() -> None:
    here, there = shares(8.0), shares(8.0)
    first, second, third = [(there.knock("10.0.0.1", 0.0), heard(there))[1] for _ in range(3)]
    for told in (first, first, third, third, second):
        here.met({"there": told}, 0.0)
    assert [here.knock("10.0.0.1", 0.0) is None for _ in range(6)] == [True] * 5 + [False]


def test_what_was_taken_elsewhere_is_paid_back_in_time() -> None:
    here, there = shares(2.0), shares(2.0)
    for admission in (here, there):
        assert [admission.knock("10.0.0.1", 0.0) for _ in range(2)] == [None, None]
    here.met({"there": heard(there)}, 0.0)
    assert here.knock("10.0.0.1", 1.0) is not None
    assert here.knock("10.0.0.1", 2.0) is None


def test_nothing_is_told_where_nothing_is_shared() -> None:
    alone = Admission(WsOptions(max_connections_per_second_per_address=2.0))
    alone.knock("10.0.0.1", 0.0)
    assert heard(alone) == Presence(0)
