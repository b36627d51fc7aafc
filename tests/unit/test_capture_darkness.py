"""Which frames of a nir camera are lit, dark or neither, with a lamp that is told when it is as asked."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from livegate.capture.darkness import Darkness
from livegate.types import Frame, Role

MS = 1_000_000
PERIOD_NS = 33 * MS
BEGAN_NS = 10**12


@dataclass
class ToldLight:
    """Is as asked ``after_ms`` later, on the clock of the test."""

    after_ms: float = 0.0
    gone: bool = False
    asked: list[bool] = field(default_factory=list)
    now_ns: int = BEGAN_NS
    since: tuple[bool, int] | None = None

    def want(self, lit: bool) -> None:
        self.asked.append(lit)
        self.since = (lit, self.now_ns + round(self.after_ms * MS))

    def since_ns(self, lit: bool) -> int | None:
        if self.gone or self.since is None or self.since[0] is not lit or self.since[1] > self.now_ns:
            return None
        return self.since[1]


class Camera:
    """Hands frames to a Darkness, one a period, ``latency_ms`` after their date."""

    def __init__(self, light: ToldLight, every_ms: float = 500, latency_ms: float = 5.0, *, tells: bool = True) -> None:
        self.light = light
        self.darkness = Darkness([light], every_ms)
        self._latency_ns = round(latency_ms * MS)
        self._exposure_us = 10_000.0 if tells else None
        self._number = 0
        light.now_ns = BEGAN_NS
        self.darkness.begin(BEGAN_NS)

    def frames(self, count: int, shape: tuple[int, int] = (4, 4)) -> list[Frame | None]:
        return [self._frame(shape) for _ in range(count)]

    def _frame(self, shape: tuple[int, int]) -> Frame | None:
        self._number += 1
        captured_ns = BEGAN_NS + self._number * PERIOD_NS
        self.light.now_ns = captured_ns + self._latency_ns
        image = np.full(shape, self._number % 256, np.uint8)
        frame = Frame(Role.NIR, image, captured_ns, self._number, exposure_us=self._exposure_us)
        return self.darkness.sort(frame, PERIOD_NS, self.light.now_ns)


def test_one_moment_costs_few_frames_of_a_camera_that_tells_its_exposure() -> None:
    light = ToldLight()
    frames = Camera(light).frames(24)
    lost = [number for number, frame in enumerate(frames, 1) if frame is None]
    assert light.asked == [True, False, True]
    assert len(lost) <= 3
    lit = [frame for frame in frames if frame is not None and frame.unlit is not None]
    assert [frame.sequence for frame in lit] == list(range(lost[-1] + 1, 25))
    assert all(frame.unlit is not None and frame.unlit[0, 0] in lost for frame in lit)


def test_a_camera_that_does_not_tell_costs_more() -> None:
    frames = Camera(ToldLight(), tells=False).frames(30)
    assert 4 <= frames[5:].count(None) <= 6


def test_frames_that_only_came_late_are_lit() -> None:
    camera = Camera(ToldLight(), latency_ms=90.0)
    frames = camera.frames(30)
    first = next(number for number in range(1, 31) if camera.darkness.covers(BEGAN_NS + number * PERIOD_NS))
    assert frames.index(None, 5) + 1 == first
    assert frames[5:].count(None) <= 6


def test_other_cameras_pass_over_what_lies_between_the_last_lit_frame_and_the_next() -> None:
    camera = Camera(ToldLight())
    frames = camera.frames(24)
    lost = [number for number, frame in enumerate(frames, 1) if frame is None]
    first_ns, last_ns = BEGAN_NS + lost[0] * PERIOD_NS, BEGAN_NS + (lost[-1] + 1) * PERIOD_NS
    assert camera.darkness.covers(first_ns)
    assert not camera.darkness.covers(first_ns - PERIOD_NS)
    assert camera.darkness.covers(last_ns - PERIOD_NS)
    assert not camera.darkness.covers(last_ns)


def test_an_unlit_picture_that_is_too_old_or_of_another_size_or_exposure_is_not_handed_on() -> None:
    camera = Camera(ToldLight())
    assert camera.frames(22)[-1].unlit is not None  # type: ignore[union-attr]
    assert camera.frames(1, (6, 6))[0].unlit is None  # type: ignore[union-attr]
    camera = Camera(ToldLight())
    camera.frames(22)
    camera.darkness.forget()
    assert camera.frames(1)[0].unlit is None  # type: ignore[union-attr]
    camera = Camera(ToldLight())
    camera.frames(22)
    camera.light.gone = True
    frames = camera.frames(60)
    assert frames[0].unlit is not None  # type: ignore[union-attr]
    assert all(frame is not None and frame.unlit is None for frame in frames[31:])


def test_a_lamp_that_never_gets_dark_is_asked_for_light_again_and_seldom_for_darkness() -> None:
    light = ToldLight(after_ms=10_000)
    camera = Camera(light, every_ms=100)
    frames = camera.frames(400)
    assert frames.count(None) < 130
    assert light.asked.count(False) <= 5
    assert light.asked[-1] in (True, False)
    assert all(frame is None or frame.unlit is None for frame in frames)


@pytest.mark.parametrize("every_ms", [0, 500])
def test_without_a_lamp_or_a_wish_nothing_is_sorted_out(every_ms: float) -> None:
    darkness = Darkness([] if every_ms else [ToldLight()], every_ms)
    darkness.begin(BEGAN_NS)
    frames = [Frame(Role.NIR, np.zeros((4, 4), np.uint8), BEGAN_NS + n * PERIOD_NS, n) for n in range(3, 60)]
    assert [darkness.sort(frame, PERIOD_NS, frame.captured_ns) for frame in frames] == frames
    assert not darkness.covers(BEGAN_NS + 500 * MS)
