from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from livegate.crop_calibration import fit_scorer
from livegate.decide.fitting import Line
from livegate.detect.crop_manifest import read_crop_manifest
from livegate.errors import ConfigError
from livegate.own_classifier import _bounded, calibrate
from livegate.samples.measuring import Measured
from livegate_tools.train.scorer_file import write_scorer
from support.onnx_files import write_classifier

RNG = np.random.default_rng(3)


def presentations(living: float, attack: float, count: int = 60) -> list[Measured]:
    """People and attacks whose log-odds lie about two means."""
    found = []
    for species, mean in ((None, living), ("print_flat", attack)):
        for i, value in enumerate(RNG.normal(mean, 1.0, count).tolist()):
            found.append(Measured(species, "lab", f"{species}-{i}", {"second": ((value,),)}))
    return found


def test_a_scorer_turns_log_odds_into_the_llr_of_its_samples(tmp_path: Path) -> None:
    seen = presentations(3.0, 1.0)
    scorer = fit_scorer("second", seen)
    assert scorer.llr(np.array([3.0])) > 0 > scorer.llr(np.array([1.0]))
    # Two normals of deviation 1 at 3 and 1: even at 2, rising by 2.
    assert scorer.llr(np.array([2.0])) == pytest.approx(0.0, abs=0.6)
    assert scorer.llr(np.array([3.0])) - scorer.llr(np.array([2.0])) == pytest.approx(2.0, rel=0.4)
    assert scorer.max_llr == pytest.approx(np.log(60 / 3))


def test_a_classifier_that_takes_attacks_for_people_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not tell people from attacks"):
        fit_scorer("second", presentations(1.0, 3.0))


def test_one_class_alone_cannot_calibrate() -> None:
    with pytest.raises(ConfigError, match="both classes"):
        fit_scorer("second", [seen for seen in presentations(3.0, 1.0) if seen.species is None])


def test_a_scorer_takes_the_place_of_the_one_before_it_and_nothing_else(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path)
    before = tomllib.loads((folder / "manifest.toml").read_text())
    scorer = fit_scorer("second", presentations(3.0, 1.0))
    for _ in range(2):
        write_scorer(folder, scorer)
    after = tomllib.loads((folder / "manifest.toml").read_text())
    assert read_crop_manifest(folder).scorer == scorer
    assert {name: table for name, table in after.items() if name != "scorer"} == {
        name: table for name, table in before.items() if name != "scorer"
    }


def test_a_bad_line_is_named_before_anything_is_judged(tmp_path: Path) -> None:
    samples = tmp_path / "mine.jsonl"
    samples.write_text(json.dumps({"id": "a", "rgb": "a.png", "label": "real"}) + "\n")
    with pytest.raises(ConfigError, match="line 1: 'label'"):
        calibrate(write_classifier(tmp_path / "m", calibrated=False), samples)


def test_too_few_faces_are_counted(tmp_path: Path) -> None:
    samples = tmp_path / "mine.jsonl"
    samples.write_text(json.dumps({"id": "a", "rgb": "missing.png", "label": "bona_fide"}) + "\n")
    with pytest.raises(ConfigError, match="found 0 bona fide and 0 attacks"):
        calibrate(write_classifier(tmp_path / "m", calibrated=False), samples)


def test_a_line_is_brought_within_the_bounds_of_a_manifest() -> None:
    assert _bounded(Line((99.0, 0.0), -70.0)) == Line((10.0, 0.1), -5.0)
    assert _bounded(Line((0.5, 0.9), 0.25)) == Line((0.5, 0.9), 0.25)
