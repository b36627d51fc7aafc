"""The frames that are timed, the machine they are timed on, and the peers they are compared with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import AssetError
from livegate.types import Role, SensorState
from livegate_tools.bench.machine import describe
from livegate_tools.bench.material import read_material, rgb_only
from livegate_tools.bench.peers import YUNET_FILE, FoundFace, crop, largest, peer_calls


def write_visits(folder: Path, lengths: tuple[int, ...] = (2, 3), size: tuple[int, int] = (240, 320)) -> Path:
    """Write visits of flat pictures; visit v, frame f is of level 10 * v + f and of depth 500."""
    lines = []
    for visit, length in enumerate(lengths):
        frames = []
        for index in range(length):
            stem = f"{visit}_{index}"
            cv2.imwrite(str(folder / f"{stem}.png"), np.full((*size, 3), 10 * visit + index, dtype=np.uint8))
            cv2.imwrite(str(folder / f"{stem}_depth.png"), np.full(size, 500, dtype=np.uint16))
            frames.append({"rgb": f"{stem}.png", "depth": f"{stem}_depth.png", "t_ms": 66 * index})
        camera = {"fx": 300, "fy": 310, "cx": 160, "cy": 120}
        lines.append(json.dumps({"id": f"v{visit}", "frames": frames, "camera": camera, "label": "bona_fide"}))
    path = folder / "visits.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_frames_come_from_all_visits_in_turn(tmp_path: Path) -> None:
    visits = write_visits(tmp_path)
    levels = [int(one.frames[Role.RGB].image[0, 0, 0]) for one in read_material(visits)]
    assert levels == [0, 10, 1, 11, 12]
    assert len(read_material(visits, most=3)) == 3


def test_every_picture_and_its_camera_are_brought_to_640x480(tmp_path: Path) -> None:
    frame_set = read_material(write_visits(tmp_path))[0]
    depth = frame_set.frames[Role.DEPTH]
    assert frame_set.frames[Role.RGB].image.shape == (480, 640, 3)
    assert depth.image.dtype == np.uint16
    assert set(np.unique(depth.image)) == {500}
    assert depth.intrinsics is not None
    camera = depth.intrinsics
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (600, 620, 320, 240)
    assert (camera.width, camera.height) == (640, 480)


def test_a_second_camera_sees_what_is_near_further_to_the_left(tmp_path: Path) -> None:
    path = write_visits(tmp_path)
    ramp = np.tile(np.arange(320, dtype=np.uint8)[None, :, None] // 2, (240, 1, 3))
    cv2.imwrite(str(path.parent / "0_0.png"), ramp)
    frame_set = read_material(path)[0]
    rgb, right = frame_set.frames[Role.RGB].image, frame_set.frames[Role.RGB_RIGHT]
    assert right.baseline_mm == 55
    # 600 px focal length, half a metre away.
    assert np.abs(right.image[200, 100:400].astype(int) - rgb[200, 166:466]).max() <= 1


def test_rgb_only(tmp_path: Path) -> None:
    frame_set = rgb_only(read_material(write_visits(tmp_path))[0])
    assert set(frame_set.frames) == {Role.RGB}
    assert frame_set.states == {Role.RGB: SensorState.OK}


@pytest.mark.parametrize(("text", "words"), [("", "holds no visits"), ("{", "line 1")])
def test_visits_that_are_damaged(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "visits.jsonl"
    path.write_text(text)
    with pytest.raises(AssetError, match=words):
        read_material(path)


def test_the_machine_says_what_it_is(tmp_path: Path) -> None:
    machine = describe(tmp_path)
    assert machine["cores"] >= 1
    assert machine["memory_mb"] > 0
    assert machine["packages"]["numpy"] == np.__version__
    assert json.loads(json.dumps(machine)) == machine


def test_a_crop_by_hand() -> None:
    # 100 wide and high, grown 2.7 times about (150, 150), then shifted down and right by what sticks out.
    assert crop(640, 480, FoundFace(100, 100, 100, 100, 1.0), 2.7) == (15, 15, 285, 285)
    assert crop(640, 480, FoundFace(0, 0, 100, 100, 1.0), 2.7) == (0, 0, 270, 270)
    # As high as the picture allows.
    assert crop(640, 480, FoundFace(300, 40, 50, 400, 1.0), 4.0) == (295, 0, 354, 479)


sides = st.floats(2, 2000)


@given(st.floats(-500, 900), st.floats(-500, 900), sides, sides, st.sampled_from([2.7, 4.0]))
def test_a_crop_never_leaves_the_picture(x: float, y: float, w: float, h: float, scale: float) -> None:
    left, top, right, bottom = crop(640, 480, FoundFace(x, y, w, h, 1.0), scale)
    assert 0 <= left <= right < 640
    assert 0 <= top <= bottom < 480


def test_the_largest_face_or_the_middle() -> None:
    image = np.zeros((480, 640, 3), dtype=np.uint8)
    small, large = FoundFace(0, 0, 10, 10, 0.99), FoundFace(5, 5, 20, 20, 0.7)
    assert largest([small, large], image) is large
    middle = largest([], image)
    assert (middle.x + middle.w / 2, middle.y + middle.h / 2) == (320, 240)


def test_a_missing_peer_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"yunet_n_dynamic\.json: peer model cannot be read"):
        peer_calls(tmp_path, [])
    card = (tmp_path / YUNET_FILE).with_suffix(".json")
    card.parent.mkdir(parents=True)
    card.write_text(json.dumps({"sha256": hashlib.sha256(b"net").hexdigest()}))
    with pytest.raises(AssetError, match=r"yunet_n_dynamic\.onnx: peer model cannot be read"):
        peer_calls(tmp_path, [])


def test_a_peer_that_is_not_what_its_card_says(tmp_path: Path) -> None:
    path = tmp_path / YUNET_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another net")
    path.with_suffix(".json").write_text(json.dumps({"sha256": hashlib.sha256(b"net").hexdigest()}))
    with pytest.raises(AssetError, match="SHA-256 differs"):
        peer_calls(tmp_path, [])
    path.with_suffix(".json").write_text("{")
    with pytest.raises(AssetError, match="no card"):
        peer_calls(tmp_path, [])
