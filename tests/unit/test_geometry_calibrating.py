"""Calibrating cameras from pictures of a board: what was put in comes out, and bad pictures are refused."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.capture.rig import Rig
from livegate.cli import main
from livegate.errors import CalibrationError, ConfigError
from livegate.geometry.calibrating.board import Board, find
from livegate.geometry.calibrating.live import take_views
from livegate.geometry.calibrating.make import Circumstances, make
from livegate.geometry.calibrating.noise import with_noise
from livegate.geometry.calibrating.views import View, devices, read_views
from livegate.geometry.calibration import CalibratedCamera, RigCalibration
from livegate.geometry.file import read
from livegate.geometry.tables import rotation
from livegate.types import Frame, Role
from support.boards import BOARD, drawn, poses, write_views
from support.rigs import camera, turned
from support.rigs import rig as rig_calibration

RGB = camera(320, 240, 300.0, fy=302.0, cx=163.0, cy=117.0, distortion=(-0.12, 0.05, 0.001, -0.0008, 0.0))
NIR = camera(
    320, 240, 280.0, distortion=(0.08, -0.04, 0.0, 0.0006, 0.0), rotation=turned(1.0, -2.0, 0.8),
    translation_mm=(24.0, 1.5, -3.0),
)  # fmt: skip
RIGHT = camera(320, 240, 305.0, rotation=turned(-0.5, 1.0, -0.7), translation_mm=(45.0, -0.8, 1.0))
DEPTH = replace(NIR, unit_mm=0.995, offset_mm=6.0)
RIG = {Role.RGB: RGB, Role.NIR: NIR, Role.DEPTH: DEPTH, Role.RGB_RIGHT: RIGHT}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_views(tmp_path_factory.mktemp("board") / "views", RIG)


def calibrate(
    capsys: pytest.CaptureFixture[str], pictures: Path, *more: str, out: Path | None = None
) -> tuple[int, str, str]:
    options = ["--pictures", str(pictures), "--board", "9x6", "--square-mm", "20", *more]
    status = main(["calibrate", "cameras", *options, *(["--dry-run"] if out is None else ["--out", str(out)])])
    said = capsys.readouterr()
    return status, said.out, said.err


def assert_like(found: CalibratedCamera, true: CalibratedCamera) -> None:
    """The bounds that docs/geometry.md states for 16 views of 320 x 240 pixels."""
    assert (found.fx, found.fy) == pytest.approx((true.fx, true.fy), rel=0.005)
    assert (found.cx, found.cy) == pytest.approx((true.cx, true.cy), abs=2.0)
    assert found.translation_mm[:2] == pytest.approx(true.translation_mm[:2], abs=0.5)
    assert found.translation_mm[2] == pytest.approx(true.translation_mm[2], abs=3.0)
    turn = rotation(found).T @ rotation(true)
    assert np.rad2deg(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))) < 0.3


def test_what_was_put_in_comes_out(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "cameras.toml"
    status, said, _ = calibrate(capsys, recorded, "--json", "--temperature-c", "23.5", out=out)
    assert status == 0
    kept = read(out)
    told = json.loads(said)
    assert told["sha256"] == kept.sha256
    assert told["written"] is True
    for role, true in RIG.items():
        assert_like(kept.calibration.cameras[role], true)
        assert (kept.calibration.cameras[role].rms_px or 1) < 0.3
    depth = kept.calibration.depth
    assert depth is not None
    assert depth.unit_mm == pytest.approx(DEPTH.unit_mm, abs=0.01)
    assert 400 * depth.unit_mm + depth.offset_mm == pytest.approx(400 * DEPTH.unit_mm + DEPTH.offset_mm, abs=1.0)
    assert told["depth"]["rms_mm"] < 2
    assert kept.calibration.temperature_c == 23.5
    assert kept.calibration.rms_px == told["rms_px"]


def test_in_words_and_without_writing(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said, _ = calibrate(capsys, recorded)
    assert status == 0
    assert "16 views" in said
    assert "no serial" in said
    assert "depth against the board" in said
    assert "nothing was written" in said


def test_a_manifest_does_as_well(recorded: Path, tmp_path: Path) -> None:
    frames = [
        {role: str(recorded / role / f"view{n:02}.png") for role in ("rgb", "nir")} | {"t_ms": n * 100}
        for n in range(12)
    ]
    path = tmp_path / "clip.jsonl"
    path.write_text(json.dumps({"id": "board", "label": "bona_fide", "frames": frames}) + "\n")
    views = list(read_views(path, BOARD))
    assert len(views) == 12
    assert set(make(views, BOARD, Circumstances()).calibration.cameras) == {Role.RGB, Role.NIR}


@pytest.fixture(scope="module")
def views(recorded: Path) -> list[View]:
    return list(read_views(recorded, BOARD))


def without(views: list[View], *roles: Role) -> list[View]:
    return [
        replace(
            view,
            frames={role: frame for role, frame in view.frames.items() if role not in roles},
            corners={role: found for role, found in view.corners.items() if role not in roles},
        )
        for view in views
    ]


def test_too_few_views(views: list[View]) -> None:
    with pytest.raises(CalibrationError, match=r"rgb: 9 views .* at least 10; take more"):
        make(views[:9], BOARD, Circumstances())


def test_too_few_views_for_two_cameras_at_once(views: list[View]) -> None:
    halves = without(views[:12], Role.NIR, Role.DEPTH) + without(views, Role.RGB, Role.RGB_RIGHT, Role.DEPTH)
    names = [replace(view, name=str(n)) for n, view in enumerate(without(halves, Role.RGB_RIGHT))]
    with pytest.raises(CalibrationError, match=r"nir: 0 views show the board to it and to rgb"):
        make(names, BOARD, Circumstances())


def test_corners_that_no_lens_explains(views: list[View]) -> None:
    rng = np.random.default_rng(0)
    shaken = [
        replace(view, corners={Role.RGB: view.corners[Role.RGB] + rng.normal(0, 3, (54, 2))})
        for view in without(views, Role.NIR, Role.DEPTH, Role.RGB_RIGHT)
    ]
    with pytest.raises(CalibrationError, match=r"rgb: reprojection error .* hold the board still"):
        make(shaken, BOARD, Circumstances())


def test_a_view_in_which_the_board_moved_is_left_out(views: list[View]) -> None:
    rng = np.random.default_rng(0)
    alone = without(views, Role.NIR, Role.DEPTH, Role.RGB_RIGHT)
    moved = replace(alone[3], corners={Role.RGB: alone[3].corners[Role.RGB] + rng.normal(0, 4, (54, 2))})
    made = make([*alone[:3], moved, *alone[4:]], BOARD, Circumstances())
    assert made.views[Role.RGB] == len(alone) - 1
    assert_like(made.calibration.rgb, RGB)


def test_a_board_that_is_never_tilted() -> None:
    level = []
    for n, pose in enumerate(poses({Role.RGB: RGB}, 12, tilt=0.5)):
        image = drawn(RGB, pose, n)
        corners = find(image, BOARD)
        assert corners is not None
        level.append(View(str(n), {Role.RGB: Frame(Role.RGB, image, 0)}, {Role.RGB: corners}))
    with pytest.raises(CalibrationError, match=r"too much alike.* tilt it by"):
        make(level, BOARD, Circumstances())


def test_depth_that_is_not_of_the_board(views: list[View]) -> None:
    wrong = [
        replace(view, frames={**view.frames, Role.DEPTH: views[-1 - n].frames[Role.DEPTH]})
        for n, view in enumerate(without(views, Role.RGB_RIGHT))
    ]
    with pytest.raises(CalibrationError, match=r"depth: .* off the board.*--depth-view"):
        make(wrong, BOARD, Circumstances())


def test_depth_on_the_pixels_of_another_view(views: list[View]) -> None:
    with pytest.raises(CalibrationError, match=r"on rgb's pixels.*say --depth-view nir"):
        make(without(views, Role.RGB_RIGHT), BOARD, Circumstances(depth_view=Role.RGB))


def test_a_board_of_another_size_than_was_told(
    views: list[View], recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for square_mm in (200.0, 21.0):
        with pytest.raises(CalibrationError, match=r"mm by the board, expected 1 mm .*--square-mm"):
            make(without(views, Role.RGB_RIGHT), replace(BOARD, square_mm=square_mm), Circumstances())
    shutil.copytree(recorded / "rgb", tmp_path / "rgb")
    shutil.copytree(recorded / "nir", tmp_path / "nir")
    status, _, said = calibrate(capsys, tmp_path, "--square-mm", "200")
    assert status == 0
    assert "warning: nir stands 24" in said


def test_depth_without_a_picture_of_its_view(views: list[View]) -> None:
    cut = [
        replace(
            view,
            frames={
                **view.frames,
                Role.DEPTH: replace(view.frames[Role.DEPTH], image=view.frames[Role.DEPTH].image[::2, ::2].copy()),
            },
        )
        for view in without(views, Role.RGB_RIGHT)
    ]
    with pytest.raises(CalibrationError, match="nothing shows the board on its pixels"):
        make(cut, BOARD, Circumstances())
    with pytest.raises(CalibrationError, match="--depth-view rgb: expected pictures of it of depth's size"):
        make(cut, BOARD, Circumstances(depth_view=Role.RGB))


def test_two_cameras_among_the_pictures_of_one_role(views: list[View]) -> None:
    named = [
        replace(view, frames={Role.RGB: replace(view.frames[Role.RGB], device=f"C{n % 2}")})
        for n, view in enumerate(views)
    ]
    with pytest.raises(CalibrationError, match="rgb: pictures of C0 and C1"):
        make(named, BOARD, Circumstances())


def test_pictures_of_two_sizes(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(recorded, tmp_path / "views")
    path = tmp_path / "views" / "rgb" / "view03.png"
    cv2.imwrite(str(path), np.zeros((60, 80, 3), np.uint8))
    status, _, said = calibrate(capsys, tmp_path / "views")
    assert status == 1
    assert "view03: its rgb picture is 80x60, others 320x240" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--board", "9x6", "--square-mm", "20"], "give --config FILE"),
        (["--pictures", "."], "give --board and --square-mm"),
        (["--factory", "--pictures", ".", "--out", "x"], "--factory: asks the cameras of --config"),
        (["--factory"], "--config FILE, which is not given"),
        (["--board", "9x6", "--square-mm", "20", "--pictures", "gone", "--out", "x"], "give one that is there\n"),
        (["--board", "8x6", "--square-mm", "20", "--pictures", "."], "looks the same upside down"),
        (["--board", "nine", "--square-mm", "20", "--pictures", "."], "expected inner corners"),
        (["--board", "9x6", "--square-mm", "0.02", "--pictures", "."], "--square-mm: expected 1 to 500"),
        (["--board", "9x6", "--square-mm", "20", "--pictures", "."], "--out FILE"),
    ],
)
def test_a_wrong_command_line(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", "cameras", *arguments]) in (1, 2)
    assert says in capsys.readouterr().err


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, said = calibrate(capsys, tmp_path)
    assert status == 1
    assert "holds no pictures" in said


def test_every_camera_counts_from_the_same_corner() -> None:
    """Upside down, the board's first corner is found where it is, not where the picture begins."""
    (pose,) = poses({Role.RGB: RGB}, 1)
    corners = find(drawn(RGB, pose), BOARD)
    upside_down = find(drawn(RGB, pose)[::-1, ::-1].copy(), BOARD)
    assert corners is not None
    assert upside_down is not None
    np.testing.assert_allclose(np.array([319, 239]) - upside_down, corners, atol=0.15)


def test_a_picture_without_a_board() -> None:
    assert find(np.full((240, 320), 90, np.uint8), BOARD) is None


def test_a_board_has_a_name() -> None:
    assert Board.named("9x6", 20.0) == BOARD
    with pytest.raises(ConfigError):
        Board.named("9x", 20.0)


class BoardCamera:
    """A camera before which somebody holds a board still for ``hold`` frames and then moves on."""

    def __init__(self, role: Role, images: list[NDArray[Any]], hold: int, fps: float = 60.0) -> None:
        self.role = role
        self._images, self._hold, self._period_s = images, hold, 1 / fps
        self._n = 0

    def __enter__(self) -> BoardCamera:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, timeout_s: float) -> Frame:
        time.sleep(min(self._period_s, timeout_s))
        self._n += 1
        image = self._images[min(self._n // self._hold, len(self._images) - 1)]
        tremble = np.random.default_rng(self._n).normal(0, 2.0, image.shape)
        noisy = np.clip(image + tremble, 0, 255).round().astype(np.uint8)
        return Frame(self.role, noisy, time.monotonic_ns(), self._n, device=f"{self.role}-1")


def test_views_are_taken_when_the_board_is_held_still_somewhere_new() -> None:
    cameras = {Role.RGB: camera(160, 120, 150.0), Role.NIR: camera(160, 120, 150.0, translation_mm=(10.0, 0.0, 0.0))}
    held = list(poses(cameras, 5, seed=3))
    shown = {role: [drawn(eye, pose, 0) for pose in held] for role, eye in cameras.items()}
    shown[Role.RGB] = [np.repeat(image[..., None], 3, axis=2) for image in shown[Role.RGB]]
    counted: list[int] = []
    with Rig({role: BoardCamera(role, images, 60) for role, images in shown.items()}) as rig:
        views = take_views(rig, BOARD, 4, 60.0, counted.append)
    assert counted == [1, 2, 3, 4]
    assert all(view.before is not None for view in views)
    assert devices(views) == {Role.RGB: "rgb-1", Role.NIR: "nir-1"}
    made = with_noise(rig_of(cameras), views * 3)
    assert made.rgb.noise == pytest.approx(2.0, rel=0.3)
    assert made.nir is not None
    assert made.nir.noise is not None
    assert with_noise(rig_of(cameras), views).rgb.noise is None


def rig_of(cameras: dict[Role, CalibratedCamera]) -> RigCalibration:
    return rig_calibration(cameras[Role.RGB], nir=cameras[Role.NIR])
