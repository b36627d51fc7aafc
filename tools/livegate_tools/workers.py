"""Do the same work on many things, in their order, in this process or spread over several."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import Any, TypeVar

import cv2

from livegate.errors import PadError

S = TypeVar("S")
T = TypeVar("T")

# Enough that no worker waits for the slowest of its neighbours, little enough to stop soon.
AHEAD_PER_JOB = 8


def each(things: Iterable[S], opener: Callable[[], Callable[[S], T]], jobs: int) -> Iterator[T]:
    """Yield what the work that ``opener`` opens makes of every thing, in order, as soon as it and all before are there.

    Each process opens its own, so ``opener`` must be one that can be pickled. Raises what opening raises, and PadError
    when a worker process died.
    """
    if jobs == 1:
        yield from map(opener(), things)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start, initargs=(opener,)) as pool:
        try:
            yield from _in_order(pool, iter(things), jobs * AHEAD_PER_JOB)
        except BrokenProcessPool as exc:
            raise PadError("a worker process died, perhaps for lack of memory; try a smaller --jobs") from exc
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, things: Iterator[Any], ahead: int) -> Iterator[Any]:
    pending: deque[Future[Any]] = deque(pool.submit(_work_on, thing) for thing in islice(things, ahead))
    while pending:
        done = pending.popleft().result()
        pending.extend(pool.submit(_work_on, thing) for thing in islice(things, 1))
        yield done


_work: Callable[[Any], Any] | None = None


def _start(opener: Callable[[], Callable[[Any], Any]]) -> None:
    global _work  # noqa: PLW0603 - a worker process has no other place to keep what it opened between tasks
    # Ctrl-C reaches the whole group of processes; the parent alone decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # As many processes as cores: threads of their own would only stand in each other's way.
    cv2.setNumThreads(1)
    _work = opener()


def _work_on(thing: Any) -> Any:
    if _work is None:
        raise PadError("this worker process was never started; this is a fault of livegate")
    return _work(thing)
