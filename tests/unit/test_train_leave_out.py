from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.errors import ConfigError
from livegate.types import Box
from livegate_tools.train.recipe import Judgement, Optimisation, Recipe
from livegate_tools.train.samples import Presentation, Sample, Split

torch = pytest.importorskip("torch", reason="the [train] extra is not installed")
pytestmark = [pytest.mark.training, pytest.mark.timeout(300)]

RECIPE = Recipe(
    optimisation=Optimisation(epochs=1, steps_per_epoch=1, batch=4, bfloat16=False, threads=1),
    judgement=Judgement(confidence=0.001),
)


def make(folder: Path, source: str, kinds: str = "ba", made_of: frozenset[str] = frozenset()) -> list[Sample]:
    rng = np.random.default_rng(len(source))
    found = []
    for split in (Split.TRAIN, Split.DEV):
        for number, kind in enumerate(kinds * 2):
            path = folder / f"{source}-{split}-{number}.png"
            cv2.imwrite(str(path), rng.integers(0, 256, (60, 80, 3), dtype=np.uint8))
            alive = kind == "b"
            found.append(
                Sample(
                    identifier=path.stem,
                    path=path,
                    presentation=Presentation.BONA_FIDE if alive else Presentation.ATTACK,
                    species=None if alive else "print_flat",
                    subject=f"p{number}",
                    source=source,
                    split=split,
                    faces=(Box(20, 10, 26, 36),),
                    made_of=made_of,
                )
            )
    return found


def run_of(folder: Path, found: list[Sample]) -> object:
    from livegate_tools.train.loop import Run

    train, dev = (tuple(s for s in found if s.split is split) for split in (Split.TRAIN, Split.DEV))
    folder.mkdir(exist_ok=True)
    return Run(RECIPE, train, dev, folder)


def test_every_source_is_left_out_with_what_was_made_of_it_and_reported(tmp_path: Path) -> None:
    from livegate_tools.train.leave_out import leave_out

    found = make(tmp_path, "door") + make(tmp_path, "hall") + make(tmp_path, "simulated", made_of=frozenset({"door"}))
    run = run_of(tmp_path / "out", found)
    said: list[str] = []
    results = leave_out(run, ["door"], [1, 2], said.append)
    # The hall's: not the door's, and not what was made of the door's.
    assert "without door, seed 2: 4 pictures to learn from" in said
    assert not any("simulated" in line for line in said)
    assert [(r.source, r.seed, r.bona_fide, r.attacks) for r in results] == [("door", 1, 4, 4), ("door", 2, 4, 4)]
    assert all(set(r.species) == {"print_flat"} and r.auc is not None for r in results)
    report = json.loads((tmp_path / "out" / "leave-one-source-out.json").read_text())
    assert [row["seed"] for row in report] == [1, 2]
    table = (tmp_path / "out" / "leave-one-source-out.md").read_text()
    assert "| door | 4 | 4 | 2 |" in table
    # What is done is not done again, and says the same.
    before = [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").glob("without-*/checkpoint.pt"))]
    assert len(before) == 2
    assert leave_out(run, ["door"], [1, 2], lambda _line: None) == results
    assert before == [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").glob("without-*/checkpoint.pt"))]


def test_a_source_that_is_not_there_or_cannot_be_spared_is_named(tmp_path: Path) -> None:
    from livegate_tools.train.leave_out import leave_out

    run = run_of(tmp_path / "out", make(tmp_path, "door") + make(tmp_path, "live", kinds="bb"))
    with pytest.raises(ConfigError, match="no labelled picture is of that source; there are door, live"):
        leave_out(run, ["hall"], [1], lambda _line: None)
    with pytest.raises(ConfigError, match="split train without door: expected bona fide and attack"):
        leave_out(run, ["door"], [1], lambda _line: None)
    said: list[str] = []
    results = leave_out(run, ["all"], [1], said.append)
    assert "door is not left out" in said[0]
    assert [(result.source, result.auc, result.apcer) for result in results] == [("live", None, None)]
    alone = run_of(tmp_path / "alone", make(tmp_path, "door"))
    with pytest.raises(ConfigError, match="no source leaves both classes"):
        leave_out(alone, ["all"], [1], lambda _line: None)


def test_the_table_has_mean_and_spread() -> None:
    from livegate_tools.train.leave_out import HeldOut, table

    one = HeldOut("door", 1, 5, 0, 1.0, None, 0.2, None, {})
    rows = table([one, dataclasses.replace(one, seed=2, bpcer=0.4)]).splitlines()
    assert rows[2] == "| door | 5 | 0 | 2 | 1.000 (1.000 to 1.000) | - | 0.300 (0.200 to 0.400) | - |"
