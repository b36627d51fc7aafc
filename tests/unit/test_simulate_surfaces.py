"""What sheets, glass, screens and photographs do to light and to the face's box."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.errors import LivegateError
from livegate_tools.simulate.cameras import CameraKind, draw_camera
from livegate_tools.simulate.gloss import Finish, mirrored, sparing
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.medium import Shown
from livegate_tools.simulate.photographs import cut, draw_taken
from livegate_tools.simulate.portraits import Portrait
from livegate_tools.simulate.printing import draw_print
from livegate_tools.simulate.relief import lit, slopes
from livegate_tools.simulate.scenes import look_round
from livegate_tools.simulate.screen_attack import screen_medium
from livegate_tools.simulate.screens import draw_screen
from livegate_tools.simulate.shortcuts import shortcuts
from livegate_tools.simulate.stands import stood

FLAT = np.zeros((90, 120, 2), np.float32)
ROOM = np.full((30, 40, 3), 0.3, np.float32)


def test_what_does_not_mirror_shows_no_lamp() -> None:
    assert mirrored(np.random.default_rng(0), FLAT, Finish(0.0, 0.02), ROOM).max() == 0


def test_a_lamp_on_polished_paper_is_brighter_and_narrower_than_on_rough() -> None:
    peaks, means = [], []
    for rough in (0.01, 0.3):
        seen = [mirrored(np.random.default_rng(n), FLAT, Finish(0.05, rough), None) for n in range(60)]
        peaks.append(np.mean([s.max() for s in seen]))
        means.append(np.mean([(s > 0.05).mean() for s in seen]))
    assert peaks[0] > 3 * peaks[1]
    assert np.isfinite(means).all()


def test_a_fold_breaks_the_room_that_a_sheet_mirrors() -> None:
    folded = FLAT.copy()
    folded[:, 60:, 0] = 0.2
    stripes = np.zeros((30, 40, 3), np.float32)
    stripes[:, ::8] = 1
    flat, broken = (mirrored(np.random.default_rng(7), lean, Finish(0.05, 0.004), stripes) for lean in (FLAT, folded))
    assert np.array_equal(flat[:, :60], broken[:, :60])
    assert not np.allclose(flat[:, 60:], broken[:, 60:])


def test_glare_leaves_the_face_to_be_seen() -> None:
    glare, light = np.full((60, 60, 3), 9.0, np.float32), np.full((60, 60, 3), 0.3, np.float32)
    dimmed = sparing(glare, light, (10, 10, 30, 30))
    assert dimmed.max() == pytest.approx(0.3)
    corner = np.zeros_like(glare)
    corner[:5, :5] = 9
    assert np.array_equal(sparing(corner, light, (10, 10, 30, 30)), corner)


def test_a_sheet_is_lit_by_how_it_leans() -> None:
    assert lit(np.random.default_rng(1), FLAT).mean() == pytest.approx(1.0, abs=0.02)
    leans = [slopes(np.random.default_rng(n), (60, 80)) for n in range(40)]
    assert {lean.shape for lean in leans} == {(60, 80, 2)}
    assert np.abs(leans).max() < 1.5
    assert len({float(np.abs(lean).max()) for lean in leans}) == 40


@pytest.mark.parametrize("species", ["replay_phone", "replay_tablet", "replay_monitor"])
def test_the_face_lies_on_the_lit_part_of_every_screen(species: str) -> None:
    picture = np.zeros((300, 260, 3), np.float32)
    picture[90:190, 80:160] = (0.0, 1.0, 0.0)
    devices = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        screen = draw_screen(rng, Split.TRAIN, species)
        devices.add(screen.device)
        medium = screen_medium(rng, Shown(picture, (80.0, 90.0, 80.0, 100.0)), screen, ROOM * 0.01, None)
        x, y, w, h = (int(v) for v in medium.box)
        inside = medium.light[y + 10 : y + h - 10, x + 10 : x + w - 10].mean(axis=(0, 1))
        assert inside[1] > inside[0]
        assert medium.device == screen.device
    assert devices == ({"laptop", "monitor"} if species == "replay_monitor" else {species.removeprefix("replay_")})


def test_a_laptop_has_a_keyboard_below_its_screen() -> None:
    rng = np.random.default_rng(3)
    screen = next(s for s in (draw_screen(rng, Split.DEV, "replay_monitor") for _ in range(40)) if s.device == "laptop")
    light, share = np.full((90, 150, 3), 0.5, np.float32), np.ones((90, 150), np.float32)
    whole, cover, grown = stood(rng, light, share, screen)
    assert np.array_equal(whole[:90, grown : grown + 150], light)
    assert whole.shape[0] > 90
    assert cover[90:].mean() > 0.5
    assert grown >= 0


def test_a_photographed_attack_holds_the_whole_face() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        box = (float(rng.uniform(20, 300)), float(rng.uniform(20, 150)), 300.0, 310.0)
        part, warp = cut(rng, np.zeros((480, 640, 3), np.float32), box, (400, 300))
        corners = warp(np.array([(box[0], box[1]), (box[0] + box[2], box[1] + box[3])]))
        assert part.shape == (300, 400, 3)
        assert corners[0].min() > -60
        assert corners[1][1] - corners[0][1] <= 300


def test_photographs_are_of_portraits_and_of_even_size() -> None:
    webcam = Portrait(Path("none.png"), "webcam_live", "live_c", (0, 0, 9, 9))
    portrait = Portrait(Path("none.png"), "generated_faces", "g", (0, 0, 9, 9))
    rng = np.random.default_rng(2)
    assert all(draw_taken(rng, webcam, 1.0).size is None for _ in range(20))
    sizes = [draw_taken(rng, portrait, 1.0).size or (1, 1) for _ in range(40)]
    assert all(w % 2 == h % 2 == 0 and max(w, h) <= 480 for w, h in sizes)


def test_a_kind_of_camera_can_be_asked_for() -> None:
    rng = np.random.default_rng(5)
    good = [draw_camera(rng, "train", CameraKind.GOOD) for _ in range(60)]
    webcams = [draw_camera(rng, "train", CameraKind.WEBCAM) for _ in range(60)]
    assert min(c.jpeg_quality for c in good) > min(c.jpeg_quality for c in webcams)
    assert {c.resolution for c in good} == {1.0}
    assert min(c.resolution for c in webcams) < 1
    assert not {c.camera_id for c in good} & {c.camera_id for c in webcams}


def test_a_view_out_of_a_panorama_wraps_round() -> None:
    panorama = np.zeros((64, 128, 3), np.float32)
    panorama[..., 0] = np.abs(np.linspace(-1, 1, 128))
    for seed in range(8):
        view = look_round(np.random.default_rng(seed), panorama)
        assert view.shape == (360, 480, 3)
        assert np.abs(np.diff(view[180, :, 0])).max() < 0.1


def test_finishes_follow_the_held_out_constants() -> None:
    train, dev = (
        {draw_print(np.random.default_rng(n), split).finish.mirror for n in range(60)}
        for split in (Split.TRAIN, Split.DEV)
    )
    assert not train & dev
    assert max(train | dev) < 0.061


def test_a_number_that_tells_the_classes_apart_is_found(tmp_path: Path) -> None:
    lines = []
    for number in range(12):
        attack = number % 2 == 1
        picture = np.random.default_rng(number).integers(0, 90, (60, 80, 3), np.uint8) + (100 if attack else 0)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture.astype(np.uint8))
        lines.append({"rgb": f"{number}.png", "label": "attack" if attack else "bona_fide", "box": [20, 10, 30, 40]})
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("\n".join(map(json.dumps, lines)))
    found = shortcuts(manifest)
    assert found["face brightness"] == 1.0
    assert found["face width"] == 0.5
    manifest.write_text(json.dumps(lines[0]))
    with pytest.raises(LivegateError, match="one class only"):
        shortcuts(manifest)
