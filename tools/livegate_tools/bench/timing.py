"""Time named calls fairly: one after the other on every frame, warmed up, without the garbage collector."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Call = Callable[[int], object]
"""Does one thing's work on the frame of that number; what it returns is thrown away."""
Samples = NDArray[np.float64]

WARM_UP = 20
_RESAMPLES = 2_000
_SEED = 640480


@dataclass(frozen=True, slots=True)
class Timing:
    """Median and 99th percentile of ``n`` measured times."""

    p50_ms: float
    p99_ms: float
    n: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """Our median over a peer's, with its 95 % interval by bootstrap over frames."""

    value: float
    low: float
    high: float


def interleaved(
    calls: Mapping[str, Call],
    frames: int,
    warm_up: int = WARM_UP,
    on_frame: Callable[[], object] = lambda: None,
    *,
    small: bool = False,
) -> dict[str, Samples]:
    """Return the times of each call in milliseconds, (frames,) float64, the same frame at the same place in each.

    Every call sees frame 0, then every call frame 1, and so on, so that a slow second of the machine is everyone's.
    Frame numbers run on over the warm-up, whose times are not kept; ``on_frame`` is called after each frame. ``small``
    calls are timed in CPU time of this thread, right after the same call was made untimed: what a microsecond costs
    would else depend on what was in the processor's caches, and on who else uses it.
    """
    clock = time.thread_time_ns if small else time.perf_counter_ns
    times_ns = {name: np.empty(frames, dtype=np.int64) for name in calls}
    with _no_collection():
        for index in range(warm_up + frames):
            for name, call in calls.items():
                if small:
                    call(index)
                started_ns = clock()
                call(index)
                elapsed_ns = clock() - started_ns
                if index >= warm_up:
                    times_ns[name][index - warm_up] = elapsed_ns
            on_frame()
    return {name: values / 1e6 for name, values in times_ns.items()}


def timing(samples_ms: Samples) -> Timing:
    """Return median and 99th percentile of ``samples_ms``, which may not be empty."""
    p50_ms, p99_ms = np.percentile(samples_ms, [50, 99])
    return Timing(round(float(p50_ms), 4), round(float(p99_ms), 4), int(samples_ms.size))


def ratio(ours_ms: Samples, peer_ms: Samples) -> Ratio:
    """Return the ratio of the medians of two rows of times taken on the same frames, interleaved."""
    rng = np.random.default_rng(_SEED)
    rows = rng.integers(ours_ms.size, size=(_RESAMPLES, ours_ms.size))
    # Both are drawn by frame, so what made a frame slow for both stays together.
    drawn = np.median(ours_ms[rows], axis=1) / np.median(peer_ms[rows], axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Ratio(float(np.median(ours_ms) / np.median(peer_ms)), float(low), float(high))


@contextmanager
def _no_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
