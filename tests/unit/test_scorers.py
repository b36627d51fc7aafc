from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from livegate import assets
from livegate.cues.protocol import WeighedCue, all_cues
from livegate.detect.manifest import read_manifest
from livegate.errors import AssetError
from livegate.installed.shelf import Shelf
from livegate.scorers import (
    FINDER,
    alone,
    detector_as_cue,
    fingerprint,
    is_behind_another_finder,
    operating_points,
    read_fusion,
    trained_cues,
    unlike,
)
from livegate.types import Role

POINTS = """
[model]
name = "fusion"
version = "1"
kind = "operating_points"
licence = "Apache-2.0"
[models]
detector = "aa"
depth_shape = "bb"
[[point]]
cues = ["detector", "depth_shape"]
weights = {weights}
offset = -0.5
threshold_llr = {threshold}
"""


def written(folder: Path, threshold: str = "2.5", weights: str = "[1.0, 0.5]") -> Path:
    path = folder / "manifest.toml"
    path.write_text(POINTS.format(threshold=threshold, weights=weights))
    return path


def test_a_point_has_a_weight_for_each_of_its_cues(tmp_path: Path) -> None:
    (point,) = read_fusion(written(tmp_path)).point
    assert dict(zip(point.cues, point.weights, strict=True)) == {"detector": 1.0, "depth_shape": 0.5}
    with pytest.raises(AssetError, match="one weight for each of detector, depth_shape"):
        read_fusion(written(tmp_path, weights="[1.0]"))


CASCADE = """
first = {first}
low_llr = -1.0
high_llr = {high}
"""


@pytest.mark.parametrize("first", ['["detector"]', '["depth_shape"]'])
def test_a_cascades_first_cues_must_be_able_to_judge_by_themselves(first: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text() + CASCADE.format(first=first, high="1.0"))
    if first == '["detector"]':
        assert read_fusion(path).point[0].first == ("detector",)
        return
    with pytest.raises(AssetError, match="its 'first' cues have no point of their own"):
        read_fusion(path)


@pytest.mark.parametrize("high", ["nan", "-1.0", "inf"])
def test_a_cascades_band_has_two_ends(high: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text() + CASCADE.format(first='["detector"]', high=high))
    with pytest.raises(AssetError, match="high_llr"):
        read_fusion(path)


@pytest.mark.parametrize("threshold", ["nan", "-inf", "inf", "-1000.0", '"low"'])
def test_a_threshold_that_would_open_for_anything_or_nothing_is_refused(tmp_path: Path, threshold: str) -> None:
    path = written(tmp_path, threshold)
    with pytest.raises(AssetError) as caught:
        read_fusion(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("weights", ["[-0.1, 1.0]", "[nan, 1.0]", "[1.0, 11.0]"])
def test_a_cue_never_weighs_against_what_it_says(tmp_path: Path, weights: str) -> None:
    with pytest.raises(AssetError, match="weights"):
        read_fusion(written(tmp_path, weights=weights))


def test_a_model_that_points_were_not_fixed_with_is_named(tmp_path: Path) -> None:
    fusion = read_fusion(written(tmp_path))
    assert unlike(fusion, {"detector": "aa", "depth_shape": "bb", "near_infrared": "cc"}) == ()
    assert unlike(fusion, {"detector": "aa", "depth_shape": "other"}) == ("depth_shape",)


def test_a_fingerprint_follows_what_changes_the_numbers_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(assets.model("depth_shape"), tmp_path / "m")
    path = tmp_path / "m" / "manifest.toml"
    text, before = path.read_text(), fingerprint(tmp_path / "m")
    path.write_text(text.replace("seed = 1", "seed = 2").replace('version = "1"', 'version = "7"'))
    assert fingerprint(tmp_path / "m") == before
    path.write_text(text.replace("max_llr = ", "max_llr = 1"))
    assert fingerprint(tmp_path / "m") != before


def test_every_shipped_scorer_fits_its_cue_and_every_set_of_them_has_a_point() -> None:
    trained = {name for name, _ in all_cues() if (assets.folder("models") / name / "manifest.toml").is_file()}
    cues = trained_cues(frozenset(Role), further=frozenset({"colour_surf"}))
    assert {cue.name for cue in cues} >= trained
    manifest = read_manifest(assets.model("face"))
    points = operating_points(detector_as_cue(manifest), cues, alone(manifest)).points
    weighed = {name for name, cue in all_cues() if isinstance(cue, WeighedCue)}
    assert frozenset({"detector", *(cue.name for cue in cues)}) - weighed in points


def test_colour_alone_has_a_second_opinion_and_a_way_without_a_network() -> None:
    cues = trained_cues(frozenset({Role.RGB}))
    manifest = read_manifest(assets.model("face"))
    points = operating_points(detector_as_cue(manifest), cues, alone(manifest))
    assert points.second == {"colour_texture", "distortion"}
    assert points.wanted({"detector": 1.0, "crop": 0.0}) == points.second
    assert points.wanted({"detector": 6.0, "crop": 6.0}) == frozenset()
    without = operating_points(None, tuple(cue for cue in cues if cue.name != "crop"), None)
    assert frozenset({"colour_texture", "distortion"}) in without.points
    assert not without.second


def test_with_another_detector_only_its_own_point_is_left_and_it_judges_alone(tmp_path: Path) -> None:
    shutil.copytree(assets.model("face"), tmp_path / "face")
    path = tmp_path / "face" / "manifest.toml"
    path.write_text(path.read_text().replace("llr_offset = ", "llr_offset = 1"))
    manifest, cues = read_manifest(tmp_path / "face"), trained_cues(frozenset(Role))
    points = operating_points(detector_as_cue(manifest), cues, alone(manifest))
    assert set(points.points) == {frozenset({"detector"})}
    everything = {"detector": 1.0} | {cue.name: 9.0 for cue in cues}
    assert points.fused(everything) == points.fused({"detector": 1.0})
    assert points.fused(everything).threshold_llr == manifest.decision.threshold_llr


def test_a_cue_that_is_left_out_is_not_opened() -> None:
    every = {cue.name for cue in trained_cues(frozenset(Role))}
    left = trained_cues(frozenset(Role), without=frozenset({"depth_shape"}))
    assert {cue.name for cue in left} == every - {"depth_shape"}


def test_points_behind_another_finder_stay_and_that_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "fusion"
    shutil.copytree(assets.model("fusion"), folder)
    path = folder / "manifest.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{FINDER} = ")]
    cues = tuple(cue for cue in trained_cues(frozenset({Role.RGB})) if cue.name != "crop")
    shelf, found = Shelf({"fusion": folder}), []
    for told in ("", f'{FINDER} = "{fingerprint(assets.model(FINDER))}"', f'{FINDER} = "{"0" * 64}"'):
        caplog.clear()
        path.write_text("\n".join(lines).replace("[models]", f"[models]\n{told}"))
        found.append(operating_points(None, cues, None, shelf))
        said = [record.message for record in caplog.records if "another finder" in record.message]
        another = is_behind_another_finder(read_fusion(path), shelf)
        assert (len(said), another) == ((1, True) if "000" in told else (0, False))
    assert found[0] == found[1] == found[2]
    assert found[0].points
    caplog.clear()
    manifest = read_manifest(assets.model("face"))
    operating_points(detector_as_cue(manifest), cues, alone(manifest), shelf)
    assert not caplog.records, "beside a network no finder finds the faces"
