"""Predict many samples in their order, in this process or spread over several."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import Any, TypeAlias, TypeVar

import cv2

from livegate.errors import PadError
from livegate.samples.frames import Terminal
from livegate.samples.manifest import BadLine, Sample
from livegate_tools.evaluate.predictions import Evaluator, JudgeOpener, Prediction
from livegate_tools.evaluate.variants import Variant, VariantEvaluator

T = TypeVar("T")
Entry: TypeAlias = Sample | BadLine

# Enough that no worker waits for the slowest of its neighbours, little enough to stop soon.
AHEAD_PER_JOB = 8


def predict_all(
    entries: Iterable[Entry], open_judge: JudgeOpener, terminal: Terminal, jobs: int
) -> Iterator[Prediction]:
    """Yield the prediction of every entry, in order, as soon as it and all before it are there.

    The predictions are the same whatever ``jobs``, their latencies apart. Raises what opening a Judge raises, and
    PadError when a worker process died.
    """
    return each(entries, partial(_evaluator, open_judge, terminal), jobs)


def predict_variants(
    entries: Iterable[Entry], open_judge: JudgeOpener, terminal: Terminal, variants: Sequence[Variant], jobs: int
) -> Iterator[tuple[Prediction, ...]]:
    """Yield the predictions of every entry by the terminal and by each of its variants, as :func:`predict_all` does."""
    return each(entries, partial(_variant_evaluator, open_judge, terminal, variants), jobs)


def each(entries: Iterable[Entry], opener: Callable[[], Callable[[Entry], T]], jobs: int) -> Iterator[T]:
    """Yield what the work that ``opener`` opens makes of every entry, in order; each process opens its own."""
    if jobs == 1:
        yield from map(opener(), entries)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start, initargs=(opener,)) as pool:
        try:
            yield from _in_order(pool, iter(entries), jobs * AHEAD_PER_JOB)
        except BrokenProcessPool as exc:
            raise PadError("a worker process died, perhaps for lack of memory; try a smaller --jobs") from exc
        finally:
            pool.shutdown(cancel_futures=True)


def _evaluator(open_judge: JudgeOpener, terminal: Terminal) -> Callable[[Entry], Prediction]:
    return Evaluator(open_judge, terminal).predict


def _variant_evaluator(
    open_judge: JudgeOpener, terminal: Terminal, variants: Sequence[Variant]
) -> Callable[[Entry], tuple[Prediction, ...]]:
    return VariantEvaluator(open_judge, terminal, variants).predict


def _in_order(pool: ProcessPoolExecutor, entries: Iterator[Entry], ahead: int) -> Iterator[Any]:
    pending: deque[Future[Any]] = deque(pool.submit(_work_on, entry) for entry in islice(entries, ahead))
    while pending:
        done = pending.popleft().result()
        pending.extend(pool.submit(_work_on, entry) for entry in islice(entries, 1))
        yield done


_work: Callable[[Entry], Any] | None = None


def _start(opener: Callable[[], Callable[[Entry], Any]]) -> None:
    global _work  # noqa: PLW0603 - a worker process has no other place to keep its Judge between tasks
    # Ctrl-C reaches the whole group of processes; the parent alone decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # As many processes as cores: threads of their own would only stand in each other's way.
    cv2.setNumThreads(1)
    _work = opener()


def _work_on(entry: Entry) -> Any:
    if _work is None:
        raise PadError("this worker process was never started; this is a fault of livegate evaluate")
    return _work(entry)
