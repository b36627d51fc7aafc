"""A terminal whose sensors give bad pictures: it says which and why, its door is as configured, and it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livegate import assets
from livegate_tools.demo.playlist import Visit
from support.schemas import valid
from support.theatre import Event, Play, Theatre, cast, grants, of_kind

FPS = 30.0
FOR_EVER = 100_000
Change = Callable[[np.ndarray], np.ndarray]

DEPTH_IN_TENTHS = ("depth", lambda image: np.clip(image.astype(np.uint32) * 10, 0, 65535).astype(np.uint16))
SWAPPED = ("rgb", lambda image: image[:, :, ::-1])
MOVED = ("nir", lambda image: np.roll(image, 40, axis=1))


def noise(image: np.ndarray) -> np.ndarray:
    return np.random.default_rng(int(image.sum())).integers(0, 255, image.shape, image.dtype)


def altered(folder: Path, shown: Sequence[Visit], role: str, change: Change) -> Path:
    """Return a copy of the shipped manifest in which every picture of ``role`` is changed."""
    source = assets.visits()
    ids = {visit.id for visit in shown}
    records = [json.loads(line) for line in source.read_text().splitlines() if json.loads(line)["id"] in ids]
    for record in records:
        for frame in record["frames"]:
            kept = (folder / frame[role]).with_suffix(".png")
            if not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(kept), change(cv2.imread(str(source.parent / frame[role]), cv2.IMREAD_UNCHANGED)))
            frame[role] = str(kept.relative_to(folder))
    manifest = folder / "altered.jsonl"
    manifest.write_text("".join(json.dumps(record) + "\n" for record in records))
    return manifest


def perform(folder: Path, pattern: str, bad: tuple[str, Change], more: str = "") -> list[Event]:
    """Show visits while one camera plays a changed copy of its recording; return what was recorded."""
    theatre, shown = Theatre(folder), cast(pattern)
    manifest = altered(folder, shown, *bad)
    path = theatre.configure(shown, Play(lead_s=2.5, more=more))
    parts = path.read_text().split("[[camera]]")
    at = next(number for number, part in enumerate(parts) if f"role = '{bad[0]}'" in part)
    parts[at] = parts[at].replace(str(assets.visits()), str(manifest), 1)
    path.write_text("[[camera]]".join(parts))
    return theatre.run(path)


def faked(folder: Path, troubles: Mapping[str, str], more: str = "") -> list[Event]:
    """Show a visit while cameras, by role, are fakes in trouble from their second second on."""
    theatre = Theatre(folder)
    event = "event = [{{ trouble = '{}', at = {}, frames = {} }}]\n"
    cameras = {
        role: f"driver = 'fake'\nfps = {FPS}\n{event.format(trouble, round(FPS), FOR_EVER)}"
        for role, trouble in troubles.items()
    }
    return theatre.run(theatre.configure(cast("L"), Play(lead_s=4.0, cameras=cameras, more=more)))


def told(events: Sequence[Event], role: str) -> list[Mapping[str, Any]]:
    """Return the newest first state and faults that were told of a role, each as its schema says."""
    found = [event["data"] for event in of_kind(events, "sensor.state")]
    for data in found:
        valid("sensor.state", data)
    return [data["what"] for data in found if data["what"]["role"] == role]


def faults(events: Sequence[Event], role: str) -> set[str]:
    return {fault for what in told(events, role) for fault in what["faults"]}


def reasons(events: Sequence[Event]) -> set[str]:
    return {event["data"]["what"]["reason"] for event in of_kind(events, "access.attempt")}


@pytest.mark.parametrize(
    ("bad", "fault", "pattern"),
    [
        pytest.param(DEPTH_IN_TENTHS, "wrong_unit", "LLLL", id="depth in tenths of millimetres"),
        pytest.param(SWAPPED, "channels_swapped", "LLLL", id="red and blue swapped"),
        pytest.param(MOVED, "other_calibration", "LLLLL", id="another terminal's calibration"),
    ],
)
def test_what_shows_only_over_people_is_named(
    bad: tuple[str, Change], fault: str, pattern: str, tmp_path: Path
) -> None:
    events = perform(tmp_path, pattern, bad)
    assert fault in faults(events, bad[0])
    assert of_kind(events, "access.attempt")


@pytest.mark.parametrize("least_step", ["all", "rgb"])
def test_pure_noise_blinds_a_sensor_and_the_door_is_as_configured(least_step: str, tmp_path: Path) -> None:
    events = perform(tmp_path, "LL", ("nir", noise), f"[decision]\nleast_step = '{least_step}'\n")
    assert faults(events, "nir") == {"noise"}
    assert told(events, "nir")[-1]["state"] == "blinded"
    steps = {event["data"]["environment"]["step"] for event in of_kind(events, "access.attempt")}
    assert "fewer" in steps
    if least_step == "all":
        assert not grants(events)
        assert reasons(events) <= {"step_too_low", "presentation_attack", "sensor_missing", "inconclusive"}
    else:
        assert "step_too_low" not in reasons(events)


@pytest.mark.parametrize(
    ("nir", "depth"),
    [
        (("frozen", "stale", "frozen"), ("covered", "blinded", "covered")),
        (("backwards", "stale", "misdated"), ("wrong_dtype", "misaligned", "wrong_format")),
    ],
)
def test_what_cameras_do_wrong_is_named(nir: tuple[str, str, str], depth: tuple[str, str, str], tmp_path: Path) -> None:
    events = faked(tmp_path, {"nir": nir[0], "depth": depth[0]})
    for role, (_, state, fault) in {"nir": nir, "depth": depth}.items():
        what = told(events, role)[-1]
        assert (what["state"], what["faults"]) == (state, [fault])
    assert of_kind(events, "access.attempt")


def test_the_rgb_camera_is_named_too_and_the_door_stays_shut(tmp_path: Path) -> None:
    events = faked(tmp_path, {"rgb": "backwards"})
    assert "misdated" in faults(events, "rgb")
    assert not grants(events)


def test_who_feeds_a_sensor_keeps_everybody_out_if_so_configured(tmp_path: Path) -> None:
    events = faked(tmp_path, {"nir": "backwards"}, "[sensors]\nwhen_suspect = 'deny'\n")
    assert reasons(events) == {"sensor_suspect"}
    suspicious = [e for e in of_kind(events, "sensor.state") if "misdated" in e["data"]["what"]["faults"]]
    assert {event["severity"] for event in suspicious} == {"alert"}
    assert not grants(events)
