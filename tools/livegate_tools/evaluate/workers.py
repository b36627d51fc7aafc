"""Predict many samples in their order, in this process or spread over several."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context

import cv2

from livegate.errors import PadError
from livegate.samples.frames import Terminal
from livegate.samples.manifest import BadLine, Sample
from livegate_tools.evaluate.predictions import Evaluator, JudgeOpener, Prediction

# Enough that no worker waits for the slowest of its neighbours, little enough to stop soon.
AHEAD_PER_JOB = 8


def predict_all(
    entries: Iterable[Sample | BadLine], open_judge: JudgeOpener, terminal: Terminal, jobs: int
) -> Iterator[Prediction]:
    """Yield the prediction of every entry, in order, as soon as it and all before it are there.

    The predictions are the same whatever ``jobs``, their latencies apart. Raises what opening a Judge raises, and
    PadError when a worker process died.
    """
    if jobs == 1:
        evaluator = Evaluator(open_judge, terminal)
        yield from map(evaluator.predict, entries)
        return
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_start, initargs=(open_judge, terminal)
    ) as pool:
        try:
            yield from _in_order(pool, iter(entries), jobs * AHEAD_PER_JOB)
        except BrokenProcessPool as exc:
            raise PadError("a worker process died, perhaps for lack of memory; try a smaller --jobs") from exc
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, entries: Iterator[Sample | BadLine], ahead: int) -> Iterator[Prediction]:
    pending: deque[Future[Prediction]] = deque(pool.submit(_predict, entry) for entry in islice(entries, ahead))
    while pending:
        prediction = pending.popleft().result()
        pending.extend(pool.submit(_predict, entry) for entry in islice(entries, 1))
        yield prediction


_evaluator: Evaluator | None = None


def _start(open_judge: JudgeOpener, terminal: Terminal) -> None:
    global _evaluator  # noqa: PLW0603 - a worker process has no other place to keep its Judge between tasks
    # Ctrl-C reaches the whole group of processes; the parent alone decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # As many processes as cores: threads of their own would only stand in each other's way.
    cv2.setNumThreads(1)
    _evaluator = Evaluator(open_judge, terminal)


def _predict(entry: Sample | BadLine) -> Prediction:
    if _evaluator is None:
        raise PadError("this worker process was never started; this is a fault of livegate evaluate")
    return _evaluator.predict(entry)
