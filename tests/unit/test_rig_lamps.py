"""Lit and unlit pictures through the whole rig, with a lamp and a camera that sees it."""

import time
from collections.abc import Callable

import pytest

from livegate.capture.health import Retry
from livegate.capture.lamps import Lamp
from livegate.capture.rig import Rig, Timing
from livegate.types import Frame, FrameSet, Role, SensorFault, SensorState
from livegate_drivers.cameras.fake import FakeCamera, Options
from livegate_drivers.illuminators.simulated import Options as LampOptions
from livegate_drivers.illuminators.simulated import SimulatedIlluminator
from support.lamp_cameras import DARK, LIT, EmittingCamera, LitCamera, lighting

SOON_S = 20.0
SMALL = Options(width=64, height=48, fps=100)
QUICK = Retry(0.01, 0.05)
TIMING = Timing(partner_wait_ms=200, unlit_every_ms=100, retry=QUICK)


def rig_of(nir: FakeCamera, *lamps: SimulatedIlluminator, timing: Timing = TIMING) -> Rig:
    cameras = {"front": FakeCamera(SMALL, Role.RGB), "infrared": nir}
    return Rig(cameras, timing, [Lamp(str(number), lamp, 0.8, QUICK) for number, lamp in enumerate(lamps)])


def nir_frames(rig: Rig, until: Callable[[FrameSet], bool]) -> list[Frame]:
    """Return the nir frames of the FrameSets up to the first for which ``until`` holds."""
    found, give_up_s = [], time.monotonic() + SOON_S
    while time.monotonic() < give_up_s:
        together = rig.next(SOON_S)
        if Role.NIR in together.frames:
            found.append(together.frames[Role.NIR])
        if until(together):
            return found
    raise AssertionError("never came")


def has_unlit(together: FrameSet) -> bool:
    frame = together.frames.get(Role.NIR)
    return frame is not None and frame.unlit is not None


def rounds(number: int) -> Callable[[FrameSet], bool]:
    """Return what holds once so many different unlit pictures were seen."""
    seen: list[int] = []

    def enough(together: FrameSet) -> bool:
        frame = together.frames.get(Role.NIR)
        if frame is not None and frame.unlit is not None and id(frame.unlit) not in seen:
            seen.append(id(frame.unlit))
        return len(seen) >= number

    return enough


def check_pairs(frames: list[Frame]) -> None:
    """Check that every frame was lit all through, and every unlit picture dark all through."""
    known = [frame for frame in frames if frame.unlit is not None]
    assert {lighting(frame.unlit) for frame in known if frame.unlit is not None} == {DARK}
    assert {lighting(frame.image) for frame in known} == {LIT}


@pytest.mark.parametrize("settle_ms", [0.0, 30.0])
def test_lit_pictures_come_with_an_unlit_one_and_nothing_between_is_seen(settle_ms: float) -> None:
    lamp = SimulatedIlluminator(LampOptions(settle_ms))
    with rig_of(LitCamera(SMALL, lamp), lamp) as rig:
        frames = nir_frames(rig, rounds(4))
        assert lamp.level in (0.8, 0.0)
    check_pairs(frames)
    assert lamp.level == 0


def test_a_camera_that_does_not_tell_its_exposure_is_given_more_time() -> None:
    lamp = SimulatedIlluminator()
    with rig_of(LitCamera(SMALL, lamp, tells=False), lamp) as rig:
        check_pairs(nir_frames(rig, rounds(3)))


def test_a_camera_with_a_lamp_of_its_own() -> None:
    nir = EmittingCamera(SMALL)
    with rig_of(nir) as rig:
        check_pairs(nir_frames(rig, rounds(3)))


def test_moments_of_darkness_cost_no_frame_set_its_nir() -> None:
    lamp = SimulatedIlluminator()
    with rig_of(LitCamera(SMALL, lamp), lamp, timing=Timing(60, unlit_every_ms=100, retry=QUICK)) as rig:
        nir_frames(rig, has_unlit)
        states = [rig.next(SOON_S).states[Role.NIR] for _ in range(60)]
    assert states.count(SensorState.OK) >= 50


def test_without_dark_moments_the_lamp_shines_all_the_time() -> None:
    lamp = SimulatedIlluminator()
    with rig_of(LitCamera(SMALL, lamp), lamp, timing=Timing(unlit_every_ms=0, retry=QUICK)) as rig:
        count = iter(range(40))
        frames = nir_frames(rig, lambda _: next(count) == 30)
        assert {level for _, level in lamp.history[2:]} == {0.8}
    assert all(frame.unlit is None for frame in frames)


def test_a_lamp_that_is_lost_is_told_while_nir_goes_on_and_comes_back() -> None:
    lamp = SimulatedIlluminator()
    with rig_of(LitCamera(SMALL, lamp), lamp) as rig:
        nir_frames(rig, has_unlit)
        lamp.unplug()
        nir_frames(rig, lambda t: SensorFault.ILLUMINATOR_DARK in t.faults.get(Role.NIR, frozenset()))
        assert rig.lamps_gone() == 1
        dark = nir_frames(rig, lambda t: Role.NIR in t.frames and t.frames[Role.NIR].unlit is None)
        assert dark
        assert rig.next(SOON_S).states[Role.NIR] is SensorState.OK
        lamp.plug()
        nir_frames(rig, lambda t: SensorFault.ILLUMINATOR_DARK not in t.faults.get(Role.NIR, frozenset()))
        check_pairs(nir_frames(rig, rounds(2))[-1:])


def test_a_lamp_that_was_never_there_stops_nobody() -> None:
    lamp = SimulatedIlluminator()
    lamp.unplug()
    with rig_of(LitCamera(SMALL, lamp), lamp) as rig:
        together = rig.next(SOON_S)
        while together.states[Role.NIR] is not SensorState.OK:
            together = rig.next(SOON_S)
        assert together.faults[Role.NIR] == {SensorFault.ILLUMINATOR_DARK}


def test_the_lamp_is_dark_after_whatever_ended_the_rig() -> None:
    lamp = SimulatedIlluminator()

    def fail() -> None:
        with rig_of(LitCamera(SMALL, lamp), lamp) as rig:
            rig.next(SOON_S)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert lamp.level == 0


class StuckLamp(SimulatedIlluminator):
    """Takes longer to go dark than a driver may."""

    def shine(self, level: float) -> None:
        time.sleep(0.0 if level else 1.0)
        super().shine(level)


def test_a_lamp_that_answers_too_late_does_not_keep_the_camera_dark() -> None:
    lamp = StuckLamp()
    with rig_of(LitCamera(SMALL, lamp), lamp, timing=Timing(partner_wait_ms=50, unlit_every_ms=50, retry=QUICK)) as rig:
        nir_frames(rig, lambda t: len(lamp.history) > 4 and t.states[Role.NIR] is SensorState.OK)
