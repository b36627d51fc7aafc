"""What the RealSense driver says where there is no SDK, and before it touches any hardware."""

import sys

import pytest

from livegate.errors import ConfigError, DriverError
from livegate.types import Role
from livegate_drivers.cameras.realsense import Emitter, Options, RealsenseLamp, open_camera, want_of
from livegate_drivers.realsense.pairs import Arrival, EmitterPairs


def test_without_the_sdk_the_extra_and_the_way_around_it_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # What Python keeps for a module that is not to be found.
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    camera = open_camera(Options(), Role.DEPTH)
    with pytest.raises(DriverError, match=r"pip install 'livegate\[realsense\]'.*aarch64 with Python 3\.12.*'v4l2'"):
        camera.__enter__()
    camera.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("changes", "role", "said"),
    [
        ({"serial": "1", "file": "a.db3"}, Role.RGB, "'serial' or 'file', not both"),
        ({"laser": 1.0, "laser_mw": 150.0}, Role.NIR, "'laser' or 'laser_mw', not both"),
        ({"lamp": True}, Role.DEPTH, "'lamp' is for role nir"),
        ({"lamp": True, "emitter": Emitter.ALTERNATING}, Role.NIR, "for no other 'emitter' than 'on'"),
    ],
)
def test_options_that_exclude_each_other_are_refused(changes: dict[str, object], role: Role, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_camera(Options(**changes), role)  # type: ignore[arg-type]


def test_a_second_colour_camera_it_has_not() -> None:
    with pytest.raises(DriverError, match="has no second colour camera"):
        open_camera(Options(), Role.RGB_RIGHT)


def test_a_lamp_is_one_only_where_it_is_asked_for() -> None:
    assert isinstance(open_camera(Options(lamp=True), Role.NIR), RealsenseLamp)
    assert not hasattr(open_camera(Options(), Role.NIR), "shine")


def test_a_live_camera_has_a_usual_mode_and_a_recording_its_own() -> None:
    live, recorded = want_of(Options(), Role.DEPTH), want_of(Options(file="a.db3"), Role.DEPTH)  # type: ignore[arg-type]
    assert (live.width, live.height, live.fps) == (640, 480, 30)
    assert (recorded.width, recorded.height, recorded.fps) == (None, None, None)


def test_a_dark_frame_is_kept_back_for_the_lit_one_right_after_it() -> None:
    pairs = EmitterPairs()
    assert pairs.take("left", Arrival("dark", 7, 70), is_lit=False) is None
    assert pairs.take("right", Arrival("lit", 8, 80), is_lit=True) == Arrival("lit", 4, 80)
    assert pairs.take("left", Arrival("lit", 8, 80), is_lit=True) == Arrival("lit", 4, 80, "dark")
    assert pairs.take("left", Arrival("dark", 9, 90), is_lit=False) is None
    assert pairs.take("left", Arrival("late", 12, 120), is_lit=True) == Arrival("late", 6, 120)
