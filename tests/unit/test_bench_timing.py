"""How times are taken and compared; never how long anything takes."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.errors import PadError
from livegate_tools.bench.timing import interleaved, ratio, timing


def test_calls_take_turns_on_the_same_frame() -> None:
    seen: list[tuple[str, int]] = []
    times = interleaved({"a": lambda i: seen.append(("a", i)), "b": lambda i: seen.append(("b", i))}, 3, warm_up=2)
    assert seen == [(name, index) for index in range(5) for name in "ab"]
    assert {name: values.shape for name, values in times.items()} == {"a": (3,), "b": (3,)}
    assert all((values >= 0).all() for values in times.values())


def test_the_collector_rests_and_comes_back() -> None:
    collecting: list[bool] = []
    interleaved({"a": lambda _: collecting.append(gc.isenabled())}, 2, warm_up=1)
    assert collecting == [False] * 3
    assert gc.isenabled()


def test_the_collector_comes_back_after_a_failure() -> None:
    def fail(_: int) -> None:
        raise PadError("dazzled")

    with pytest.raises(PadError):
        interleaved({"a": fail}, 1)
    assert gc.isenabled()


def test_progress_is_told_of_every_frame() -> None:
    told: list[None] = []
    interleaved({"a": abs}, 4, warm_up=1, on_frame=lambda: told.append(None))
    assert len(told) == 5


def test_percentiles() -> None:
    found = timing(np.arange(1.0, 102.0))
    assert (found.p50_ms, found.p99_ms, found.n) == (51.0, 100.0, 101)


times_ms = st.lists(st.floats(0.01, 100), min_size=20, max_size=60).map(np.array)


@settings(deadline=None)
@given(times_ms, st.floats(0.1, 10))
def test_ratio_of_a_scaled_row_is_the_scale(row: np.ndarray, scale: float) -> None:
    found = ratio(row * scale, row)
    assert found.value == pytest.approx(scale)
    assert found.low == pytest.approx(scale)
    assert found.high == pytest.approx(scale)


@settings(deadline=None)
@given(times_ms)
def test_ratio_interval_is_ordered_and_reproducible(row: np.ndarray) -> None:
    shuffled = row[::-1]
    found = ratio(row, shuffled)
    assert found.low <= found.high
    assert found == ratio(row, shuffled)
