from __future__ import annotations

from pathlib import Path

import pytest

from livegate import assets
from livegate.cues.protocol import all_cues
from livegate.errors import AssetError
from livegate.scorers import operating_points, read_points, trained_cues
from livegate.types import Role

POINTS = """
[model]
name = "fusion"
version = "1"
kind = "operating_points"
licence = "Apache-2.0"
[[point]]
cues = ["detector", "depth_shape"]
threshold_llr = {threshold}
"""


def written(folder: Path, threshold: str) -> Path:
    path = folder / "manifest.toml"
    path.write_text(POINTS.format(threshold=threshold))
    return path


def test_a_point_is_found_by_its_cues_in_any_order(tmp_path: Path) -> None:
    assert read_points(written(tmp_path, "2.5")) == {frozenset({"depth_shape", "detector"}): 2.5}


@pytest.mark.parametrize("threshold", ["nan", "-inf", "inf", "-1000.0", '"low"'])
def test_a_threshold_that_would_open_for_anything_or_nothing_is_refused(tmp_path: Path, threshold: str) -> None:
    path = written(tmp_path, threshold)
    with pytest.raises(AssetError) as caught:
        read_points(path)
    assert str(path) in str(caught.value)


def test_every_shipped_scorer_fits_its_cue_and_every_set_of_them_has_a_point() -> None:
    shipped = {cue.name for cue in trained_cues(frozenset(Role))}
    assert shipped == {name for name, _ in all_cues() if (assets.folder("models") / name / "manifest.toml").is_file()}
    assert frozenset({"detector", *shipped}) in operating_points()
