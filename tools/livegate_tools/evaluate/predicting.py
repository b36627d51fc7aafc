"""Predict many samples in their order, in this process or spread over several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from livegate.samples.frames import Terminal
from livegate.samples.manifest import BadLine, Sample
from livegate_tools.evaluate.predictions import Evaluator, JudgeOpener, Prediction
from livegate_tools.evaluate.variants import Variant, VariantEvaluator
from livegate_tools.workers import each

Entry: TypeAlias = Sample | BadLine


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


def _evaluator(open_judge: JudgeOpener, terminal: Terminal) -> Callable[[Entry], Prediction]:
    return Evaluator(open_judge, terminal).predict


def _variant_evaluator(
    open_judge: JudgeOpener, terminal: Terminal, variants: Sequence[Variant]
) -> Callable[[Entry], tuple[Prediction, ...]]:
    return VariantEvaluator(open_judge, terminal, variants).predict
