"""Cameras that see what lamps and exposure do to their pictures, for tests of capture."""

from collections.abc import Sequence

import numpy as np

from livegate.capture.controls import ExposureRange
from livegate.errors import DriverError
from livegate.types import Frame, Role
from livegate_drivers.cameras.fake import FakeCamera, Options, Trouble
from livegate_drivers.illuminators.simulated import SimulatedIlluminator

EXPOSURE_MS = 5.0
DARK, LIT, BETWEEN = 1, 3, 2


def brightness(history: Sequence[tuple[int, float]], begin_ns: int, end_ns: int) -> int:
    """Return DARK or LIT for what was so all the time from ``begin_ns`` to ``end_ns``, BETWEEN for the rest."""
    before = [level for since_ns, level in history if since_ns <= begin_ns][-1:]
    during = [level for since_ns, level in history if begin_ns < since_ns <= end_ns]
    found = {level > 0 for level in (*before, *during)}
    return BETWEEN if len(found) != 1 else LIT if found == {True} else DARK


class LitCamera(FakeCamera):
    """A nir camera in a dark room: the quarter of its picture's height that is bright tells how it was lit.

    A frame is dated by the end of its exposure, which is all it saw of the lamp.
    """

    def __init__(self, options: Options, lamp: SimulatedIlluminator, *, tells: bool = True) -> None:
        super().__init__(options, Role.NIR)
        self._lamp = lamp
        self._tells = tells

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame as the lamp lit it."""
        frame = super().read(timeout_s)
        begin_ns = frame.captured_ns - round(EXPOSURE_MS * 1e6)
        quarters = brightness(self._lamp.history, begin_ns, frame.captured_ns)
        image = frame.image // 8
        image[: quarters * image.shape[0] // 4] += 150
        exposure_us = EXPOSURE_MS * 1000 if self._tells else None
        return Frame(Role.NIR, image, frame.captured_ns, frame.sequence, exposure_us=exposure_us)


class EmittingCamera(LitCamera):
    """A nir camera whose lamp is its own."""

    def __init__(self, options: Options) -> None:
        self.lamp = SimulatedIlluminator()
        super().__init__(options, self.lamp)
        self.lamp.__enter__()

    def shine(self, level: float) -> None:
        """Set its light."""
        self.lamp.shine(level)


def lighting(image: np.ndarray) -> int:
    """Return how a LitCamera's picture was lit: DARK, BETWEEN or LIT."""
    return round(4 * float((image > 140).mean()))


class StubbornCamera(FakeCamera):
    """A camera that gives nothing more until it is reset."""

    resets = 0

    def hang(self) -> None:
        """Give nothing from now on."""
        self.begin(Trouble.STALLED)

    def reset(self) -> None:
        """Be as new."""
        self.resets += 1
        if self.resets == 1:
            raise DriverError("stubborn camera: may not be reset; run as another user")
        self.end()


class AdjustableCamera(FakeCamera):
    """A camera whose picture is as bright as its exposure lets it be; by itself it exposes far too little."""

    RANGE = ExposureRange(100.0, 20_000.0, 1.0, 16.0)

    def __init__(self, options: Options, role: Role = Role.RGB) -> None:
        super().__init__(options, role)
        self.set: list[tuple[float, float] | None] = []
        self._exposure_us = self._told_us = 1_000.0

    def exposure_range(self) -> ExposureRange | None:
        """Return what can be set."""
        return self.RANGE

    def expose(self, exposure_us: float, gain: float) -> None:
        """Expose so from now on."""
        self._exposure_us, self._told_us = exposure_us * gain, exposure_us
        self.set.append((exposure_us, gain))

    def automatic(self) -> None:
        """Expose by itself."""
        self._exposure_us = self._told_us = 1_000.0
        self.set.append(None)

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame, exposed as was set: middle grey at 10 ms."""
        frame = super().read(timeout_s)
        level = 118 * (self._exposure_us / 10_000) ** (1 / 2.2)
        image = np.clip(frame.image // 8 - 16.0 + level, 0, 255).astype(np.uint8)
        return Frame(self.role, image, frame.captured_ns, frame.sequence, exposure_us=self._told_us)
