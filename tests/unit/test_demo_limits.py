from __future__ import annotations

import pytest

from livegate import assets
from livegate.configfile import load
from livegate_drivers.clips import read_clips
from livegate_drivers.timeline import lay_out
from livegate_tools.demo.playlist import arrange, read_visits

# As fast as the demonstration may be played.
MOST_SPEED = 4.0
ROUNDS = 6


@pytest.mark.parametrize("seed", range(1, 6))
def test_however_long_the_demonstration_runs_no_owner_is_locked_out_for_what_thieves_did(seed: int) -> None:
    (limit,) = load(assets.config("demo")).gate.limit
    visits = read_visits(assets.visits())
    shown = arrange(visits, ROUNDS * len(visits), seed)
    clips = {clip.id: clip for clip in read_clips(assets.visits())}
    layout = lay_out([clips[visit.id].times_ms for visit in shown])
    starts_s: dict[object, list[float]] = {}
    for visit, start_ms in zip(shown, layout.starts_ms, strict=True):
        if visit.is_attack:
            starts_s.setdefault(visit.card, []).append(start_ms / 1000 / MOST_SPEED)
    for times_s in starts_s.values():
        spans_s = [last - first for first, last in zip(times_s, times_s[limit.max - 1 :], strict=False)]
        assert spans_s
        assert min(spans_s) > limit.window_s
