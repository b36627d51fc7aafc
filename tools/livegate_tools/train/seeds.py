"""What several seeds of one training came to: differences within their spread prove nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np


class LeftOutRun(Protocol):
    """One run without ``source``, with one seed; the figures are further attributes, None where there is none."""

    @property
    def source(self) -> str:
        """The source that was left out."""

    @property
    def bona_fide(self) -> int:
        """Its bona fide pictures."""

    @property
    def attacks(self) -> int:
        """Its attacks."""


def left_out_table(runs: Sequence[LeftOutRun], figures: Mapping[str, str]) -> str:
    """Return a Markdown table, a line a source: of each of ``figures``, attribute to heading, the mean over seeds.

    In brackets the least and the largest.
    """
    lines = [
        f"| left out | bona fide | attacks | seeds | {' | '.join(figures.values())} |",
        "|---" * (4 + len(figures)) + "|",
    ]
    for source in dict.fromkeys(run.source for run in runs):
        rows = [run for run in runs if run.source == source]
        cells = [_spread([getattr(row, name) for row in rows]) for name in figures]
        lines.append(f"| {source} | {rows[0].bona_fide} | {rows[0].attacks} | {len(rows)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = f"{np.mean(known):.3f}"
    return mean if len(known) == 1 else f"{mean} ({min(known):.3f} to {max(known):.3f})"
