"""Moments of darkness: the lamps of the near-infrared camera go out for one picture of the room's own light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from livegate.capture.lamps import Light
from livegate.types import NS_PER_MS, Frame

UNLIT_EVERY_MS = 500
# The room's light of so many rounds ago is no longer that of now.
_ROUNDS = 2
# Lamps and camera have so long to bring forth a clean picture; then the light comes back without one.
_MOST_MS = 600.0
# With slow ones it is dark more seldom: they are lit so many times as long as the last moment took.
_LIT_TIMES = 4


class Darkness:
    """Sorts the frames of the nir camera: lit ones are handed on, an unlit one is kept with those that follow.

    All but :meth:`covers` is called by the thread that reads the camera. A frame is clean when the lamps did not change
    while it was exposed: it was dated, less its exposure, after they had. A driver that cannot tell the exposure
    rarely dates better than by arrival: two frame periods are allowed for then. ``every_ms`` 0 means never dark.
    """

    def __init__(self, lights: Sequence[Light], every_ms: float = UNLIT_EVERY_MS) -> None:
        self._lights = tuple(lights)
        self._every_ns = round(every_ms * NS_PER_MS)
        self._lit = True
        self._changing = False
        self._asked_ns = 0
        self._pause_ns = self._every_ns
        self._lit_ns = 0
        self._unlit: Frame | None = None
        self._window: tuple[int, int | None] | None = None

    @property
    def gone(self) -> bool:
        """Whether a lamp does not answer."""
        return any(light.gone for light in self._lights)

    def covers(self, captured_ns: int) -> bool:
        """Return whether a frame of another camera fell into a moment in which this one gives no lit frame."""
        window = self._window
        return window is not None and window[0] <= captured_ns and (window[1] is None or captured_ns < window[1])

    def begin(self, now_ns: int) -> None:
        """Let there be light: the camera begins to stream."""
        self._unlit, self._window = None, None
        self._pause_ns, self._lit_ns = self._every_ns, now_ns
        if self._lights:
            self._ask(lit=True, now_ns=now_ns)

    def end(self) -> None:
        """Forget all: the camera is gone. Lamps of their own shine on."""
        self._unlit, self._window, self._changing = None, None, False

    def forget(self) -> None:
        """Forget the unlit picture: lit ones are no longer exposed alike."""
        self._unlit = None

    def sort(self, frame: Frame, period_ns: int | None, now_ns: int) -> Frame | None:
        """Return a lit ``frame`` with the unlit picture it goes with, None for one that is not lit all through."""
        if self._changing and not self._lit and self._is_from_before(frame, period_ns):
            return self._with_unlit(frame)
        if self._changing and not self._settled(frame, period_ns, now_ns):
            self._widen(frame, period_ns)
            return None
        if not self._lit:
            self._unlit = frame
            self._ask(lit=True, now_ns=now_ns)
            return None
        if self._is_due(period_ns, now_ns):
            self._window = (now_ns, None)
            self._ask(lit=False, now_ns=now_ns)
        return self._with_unlit(frame)

    def _ask(self, *, lit: bool, now_ns: int) -> None:
        self._lit, self._changing, self._asked_ns = lit, True, now_ns
        for light in self._lights:
            light.want(lit)

    def _is_due(self, period_ns: int | None, now_ns: int) -> bool:
        known = bool(self._lights) and self._every_ns > 0 and period_ns is not None
        return known and not self.gone and now_ns - self._lit_ns >= self._pause_ns

    def _settled(self, frame: Frame, period_ns: int | None, now_ns: int) -> bool:
        """Return whether this frame may be used, because the change is over or was given up."""
        if self.gone or now_ns - self._asked_ns > _MOST_MS * NS_PER_MS:
            if not self._lit:
                self._ask(lit=True, now_ns=now_ns)
                return False
        elif not self._is_clean(frame, period_ns):
            return False
        self._changing = False
        if self._lit and self._window is not None:
            began_ns, _ = self._window
            self._pause_ns = max(self._every_ns, _LIT_TIMES * (now_ns - began_ns))
            self._lit_ns = now_ns
            # A frame of another camera pairs with this one from half a period before it.
            self._window = (began_ns, frame.captured_ns - (period_ns or 0) // 2)
        return True

    def _widen(self, frame: Frame, period_ns: int | None) -> None:
        """Let the moment begin where this frame, which is dropped, would have been the nearest."""
        if self._window is not None:
            self._window = (min(self._window[0], frame.captured_ns - (period_ns or 0) // 2), None)

    def _is_from_before(self, frame: Frame, period_ns: int | None) -> bool:
        """Return whether the frame was exposed and read out before darkness was asked for, and only came now."""
        return frame.captured_ns + (period_ns or 0) <= self._asked_ns

    def _is_clean(self, frame: Frame, period_ns: int | None) -> bool:
        changed_ns = [light.since_ns(self._lit) for light in self._lights]
        told = frame.exposure_us is not None
        exposure_ns = round((frame.exposure_us or 0.0) * 1000) if told else 2 * (period_ns or 0)
        began_ns = frame.captured_ns - exposure_ns
        return all(since_ns is not None and since_ns <= began_ns for since_ns in changed_ns)

    def _with_unlit(self, frame: Frame) -> Frame:
        unlit = self._unlit
        if unlit is None:
            return frame
        old_ns = frame.captured_ns - unlit.captured_ns
        if old_ns > _ROUNDS * self._pause_ns or unlit.image.shape != frame.image.shape:
            self._unlit = None
            return frame
        return replace(frame, unlit=unlit.image)
