from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.cues import detector as detector_cue
from livegate.cues.scorer import Scorer
from livegate.errors import ConfigError, PadError
from livegate.installed.shelf import SHIPPED
from livegate.samples.measuring import Measurer
from livegate.types import Observation, Role
from livegate_tools.train.dev_evidence import measure_all, samples_of
from livegate_tools.train.dev_measurers import Equipment, Way, open_equipment
from support.sights import face


class OneFace:
    """A detector that finds one face in every picture that is not black, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, image: np.ndarray) -> tuple[object, ...]:
        self.asked += 1
        return (face(),) if image.any() else ()


class Brightness:
    """A cue that counts how often it is asked."""

    NEEDS = frozenset({Role.RGB})
    FEATURES: tuple[str, ...] = ("level",)

    def __init__(self) -> None:
        self.asked = 0

    def measure(self, observation: Observation) -> np.ndarray | None:
        self.asked += 1
        image = observation.frame_set.image(Role.RGB)
        return None if image is None else np.array([float(image.mean())])


def equipment(measurer: Measurer, found: str = "f", **keys: str) -> Equipment:
    return Equipment(Way.NETWORK, SHIPPED, measurer, found, {name: keys.get(name, "") for name in measurer.cues})


def written(folder: Path, levels: list[int], **more: object) -> Path:
    lines = []
    for number, level in enumerate(levels):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((480, 640, 3), level, np.uint8))
        line = {"id": f"s{number}", "rgb": f"{number}.png", "label": "bona_fide", "source": "lab", "split": "dev"}
        lines.append(json.dumps(line | more))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_what_was_measured_once_is_read_from_the_cache(tmp_path: Path) -> None:
    samples, detector = samples_of(written(tmp_path, [90, 0, 120])), OneFace()
    measurer = Measurer(detector, None, {"detector": detector_cue})  # type: ignore[arg-type]
    first = measure_all(samples, equipment(measurer), 1, tmp_path / "cache")
    assert detector.asked == 3
    assert [seen.subject for seen in first] == ["lab/s0", "lab/s2"]
    assert measure_all(samples, equipment(measurer), 1, tmp_path / "cache") == first
    assert detector.asked == 3
    measure_all(samples, equipment(measurer, found="another"), 1, tmp_path / "cache")
    assert detector.asked == 6


def test_a_cue_that_changed_is_measured_anew_and_no_other(tmp_path: Path) -> None:
    samples, detector = samples_of(written(tmp_path, [90, 0, 120])), OneFace()
    one, two = Brightness(), Brightness()
    measurer = Measurer(detector, None, {"one": one})  # type: ignore[arg-type]
    (before, _) = measure_all(samples, equipment(measurer), 1, tmp_path / "cache")
    both = Measurer(detector, None, {"one": one, "two": two})  # type: ignore[arg-type]
    (after, _) = measure_all(samples, equipment(both), 1, tmp_path / "cache")
    assert (detector.asked, one.asked, two.asked) == (3, 2, 2)
    assert after.rows["two"] == before.rows["one"] == ((90.0,),)
    measure_all(samples, equipment(both, two="changed"), 1, tmp_path / "cache")
    assert (detector.asked, one.asked, two.asked) == (3, 2, 4)
    (tmp_path / "0.png").unlink()
    with pytest.raises(PadError, match="another --cache"):
        measure_all(samples, equipment(both, two="again"), 1, tmp_path / "cache")


def test_every_shipped_cue_has_a_key_of_its_own() -> None:
    keys = open_equipment().cue_keys
    assert {"detector", "crop", "depth_shape", "near_infrared", "sensor_agreement", "stereo"} <= keys.keys()
    assert len(set(keys.values())) == len(keys)
    assert open_equipment().cue_keys == keys


def test_frames_of_one_recording_are_told(tmp_path: Path) -> None:
    folder = written(tmp_path, [90, 90], session="s1")
    measurer = Measurer(OneFace(), None, {"one": Brightness()})  # type: ignore[arg-type]
    found = measure_all(samples_of(folder), equipment(measurer), 1, None)
    assert [seen.recording for seen in found] == ["lab/s1", "lab/s1"]


def test_of_a_set_with_splits_only_dev_is_taken(tmp_path: Path) -> None:
    folder = written(tmp_path, [90, 90])
    manifest = folder / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"dev"', '"train"', 1))
    assert [sample.id for sample in samples_of(folder)] == ["s1"]
    assert [sample.id for sample in samples_of(manifest)] == ["s1"]


def test_a_folder_without_a_manifest_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"manifest\.jsonl or samples\.jsonl"):
        samples_of(tmp_path)


class LooksAround:
    """A cue that counts the sensors there are, and so says something else where there are fewer."""

    NEEDS = frozenset({Role.RGB})
    FEATURES: tuple[str, ...] = ("sensors",)

    @staticmethod
    def measure(observation: Observation) -> np.ndarray | None:
        seen = len(observation.frame_set.frames)
        return None if seen == 1 else np.array([float(seen)])


def test_what_a_cue_says_with_fewer_sensors_is_measured_and_remembered_too(tmp_path: Path) -> None:
    for name, value in (("nir", np.uint8(90)), ("depth", np.uint16(600))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((480, 640), value))
    samples = samples_of(written(tmp_path, [90], nir="nir.png", depth="depth.png"))
    cues = {"detector": detector_cue, "around": LooksAround}
    measurer = Measurer(OneFace(), None, cues, frozenset({"around"}))  # type: ignore[arg-type]
    (seen,) = measure_all(samples, equipment(measurer), 1, tmp_path / "cache")
    assert measure_all(samples, equipment(measurer), 1, tmp_path / "cache") == [seen]
    assert seen.rows["around"] == ((3.0,),)
    assert seen.narrower == {
        "rgb": {"around": ()}, "rgb+depth": {"around": ((2.0,),)}, "rgb+nir": {"around": ((2.0,),)},
    }  # fmt: skip
    scorer = Scorer(("sensors",), (0.0,), (1.0,), (1.0,), 0.0, 9.0, 1.0)
    assert seen.llr("around", scorer) == pytest.approx(3.0, abs=0.2)
    assert seen.llr("around", scorer, "rgb+nir") == pytest.approx(2.0, abs=0.2)
    assert seen.llr("around", scorer, "rgb") is None
