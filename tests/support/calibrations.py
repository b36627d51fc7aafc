"""A terminal's own calibration, as values."""

from __future__ import annotations

from dataclasses import replace

from livegate.acceptance.file import Learnt, Source, Tables
from livegate.decide.recalibration import ClassShift

MODELS = {"detector": "a" * 64, "fusion": "b" * 64, "own.net": "c" * 64}
TABLES = Tables(
    Learnt(("detector", "near_infrared"), 0.25, 0.3, "2026-11-22T05:00:00Z"),
    ClassShift(12, 9.5, 0.5, 0.3),
    ClassShift(0, 0.0, 0.0, 0.7),
    Source("d" * 64, 3),
    MODELS,
)


def shifting(shift_llr: float, *cues: str, tables: Tables = TABLES) -> Tables:
    """Return ``tables`` with another shift, for other cues where any are named."""
    learnt = tables.recalibration
    return replace(tables, recalibration=replace(learnt, shift_llr=shift_llr, cues=cues or learnt.cues))
