"""A terminal that loses a camera, from the beginning or on the way: it says so, keeps its door shut, and comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from livegate.pipeline import Snapshot
from support.theatre import Event, Play, Theatre, cast, grants, of_kind

FAKE_FPS = 30.0
ABSENT = "driver = 'recording'\npath = 'nowhere.jsonl'\n"


def fake(trouble: str, at_s: float, for_s: float) -> str:
    """Return a camera that has ``trouble`` from ``at_s`` on after it was opened."""
    at, frames = round(at_s * FAKE_FPS), round(for_s * FAKE_FPS)
    return f"driver = 'fake'\nfps = {FAKE_FPS}\nevent = [{{ trouble = '{trouble}', at = {at}, frames = {frames} }}]\n"


def perform(folder: Path, cameras: dict[str, str], more: str = "", after_s: float = 0.5) -> list[Event]:
    theatre = Theatre(folder)
    play = Play(lead_s=2.5, speed=3.0, cameras=cameras, more=more)
    return theatre.run(theatre.configure(cast("LA"), play), after_s=after_s)


def states(events: list[Event], role: str) -> list[str]:
    """Return the states of a camera that were reported, in their order."""
    reports = [event["data"]["what"] for event in of_kind(events, "sensor.state")]
    return [report["state"] for report in reports if report["role"] == role]


def answers(events: list[Event]) -> list[Any]:
    return [event["data"] for event in of_kind(events, "access.attempt")]


def assert_door_stayed_shut(events: list[Event]) -> None:
    assert not grants(events)
    assert {event["data"]["what"]["state"] for event in of_kind(events, "door.state")} == {"locked"}


def test_a_camera_that_is_missing_lowers_the_step_and_all_keeps_the_door_shut(tmp_path: Path) -> None:
    events = perform(tmp_path, {"nir": ABSENT}, "[decision]\nleast_step = 'all'\n")
    assert states(events, "nir") == ["missing"]
    assert answers(events)
    for data in answers(events):
        assert data["environment"]["step"] == "fewer"
        assert data["environment"]["sensors"]["nir"] == "missing"
        assert "nir" in data["what"]["pad"]["missing"]
    assert_door_stayed_shut(events)


def test_rgb_alone_is_a_step_of_its_own(tmp_path: Path) -> None:
    events = perform(tmp_path, {"nir": ABSENT, "depth": ABSENT}, "[decision]\nleast_step = 'fewer'\n")
    assert answers(events)
    assert {data["environment"]["step"] for data in answers(events)} == {"rgb"}
    assert {"step_too_low", "presentation_attack"} >= {
        data["what"]["reason"] for data in answers(events) if data["what"]["outcome"] == "denied"
    }
    assert_door_stayed_shut(events)


def test_without_rgb_every_card_is_answered_and_the_door_stays_shut(tmp_path: Path) -> None:
    # A camera may take five seconds to begin before it counts as missing.
    events = perform(tmp_path, {"rgb": ABSENT}, after_s=5.0)
    assert states(events, "rgb") == ["missing"]
    assert answers(events)
    assert {data["what"]["reason"] for data in answers(events)} == {"sensor_missing"}
    assert {data["environment"]["step"] for data in answers(events)} == {"none"}
    assert_door_stayed_shut(events)


def test_two_cameras_in_trouble_on_the_way_are_told_and_so_is_the_end_of_it(tmp_path: Path) -> None:
    steps: list[str] = []

    def observe(snapshot: Snapshot) -> None:
        if snapshot.sight is not None and snapshot.sight.pad is not None:
            steps.append(str(snapshot.sight.pad.step))

    theatre = Theatre(tmp_path)
    trouble = {"nir": fake("unplugged", at_s=4.0, for_s=1.5), "depth": fake("covered", at_s=4.0, for_s=1.5)}
    events = theatre.run(theatre.configure(cast("LALL"), Play(lead_s=2.5, cameras=trouble)), observe)
    assert states(events, "nir") == ["ok", "missing", "ok"]
    assert states(events, "depth") == ["ok", "blinded", "ok"]
    assert {"all", "rgb"} <= set(steps)


def test_rgb_unplugged_on_the_way_is_told_and_so_is_its_return(tmp_path: Path) -> None:
    theatre = Theatre(tmp_path)
    play = Play(lead_s=2.5, cameras={"rgb": fake("unplugged", at_s=1.5, for_s=3.0)})
    events = theatre.run(theatre.configure(cast("L"), play), after_s=4.5)
    assert states(events, "rgb") == ["ok", "missing", "ok"]
    assert_door_stayed_shut(events)
