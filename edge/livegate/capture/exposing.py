"""Drives one camera's exposure by what is seen of faces: the decision thread tells, the camera's thread sets."""

from __future__ import annotations

from livegate.capture.camera import Camera
from livegate.capture.controls import Adjustable, ExposureRange
from livegate.capture.exposure import FIRST_SHARE, Setting, bounded, damped, next_setting
from livegate.types import Frame

# Without a face for this long the camera exposes by itself again, for the whole of what it sees.
NO_FACE_MS = 3000.0
# What the camera does by itself is left alone until it is this wrong for the face.
TAKE_OVER_STOPS = 0.7
# A new exposure shows in the third frame after it was set at the latest, on the cameras that are slowest to obey.
_FRAMES = 3
_UNKNOWN_PERIOD_NS = 100_000_000


class Exposing:
    """The exposure of one camera; a camera that is not Adjustable is left alone.

    :meth:`tell` may be called from any thread, the rest by the one that reads the camera.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera if isinstance(camera, Adjustable) else None
        self._limits: ExposureRange | None = None
        self._setting: Setting | None = None
        self._told: tuple[int, float] | None = None
        self._share, self._wanted = FIRST_SHARE, 0.0
        self._used_ns = 0
        self._face_ns = 0
        self._shown_ns = 0

    @property
    def wanted(self) -> bool:
        """Whether there is any use in telling."""
        return self._limits is not None

    def begin(self) -> None:
        """Ask the camera, just opened, what can be set."""
        self._limits = self._camera.exposure_range() if self._camera is not None else None
        self._setting, self._told = None, None
        self._share, self._wanted = FIRST_SHARE, 0.0

    def tell(self, captured_ns: int, stops: float) -> None:
        """Say by how many stops the face in the frame of ``captured_ns`` should be brighter."""
        self._told = (captured_ns, stops)

    def apply(self, frame: Frame, period_ns: int | None, now_ns: int) -> bool:
        """Set what was learnt since the last call, ``frame`` being the newest; return whether exposure changed.

        Raise DeviceLost when the camera is gone.
        """
        if self._camera is None or self._limits is None:
            return False
        told = self._told
        if told is None or told[0] <= self._used_ns:
            return self._let_go(self._camera, now_ns)
        self._used_ns, stops = told
        self._face_ns = now_ns
        # A picture from before the last change says nothing of what it did.
        if self._used_ns < self._shown_ns or (self._setting is None and abs(stops) < TAKE_OVER_STOPS):
            return False
        now = self._setting or self._from_automatic(frame, self._limits)
        if now is None:
            return False
        period_us = None if period_ns is None else period_ns / 1000
        share = damped(self._share, self._wanted, stops)
        setting = next_setting(now, stops, self._limits, period_us, share)
        if setting is None:
            return False
        self._share, self._wanted = share, stops
        self._camera.expose(setting.exposure_us, setting.gain)
        self._setting = setting
        self._shown_ns = now_ns + _FRAMES * (period_ns or _UNKNOWN_PERIOD_NS)
        return True

    @staticmethod
    def _from_automatic(frame: Frame, limits: ExposureRange) -> Setting | None:
        """Return what the camera has set itself as far as it tells; its gain is supposed least, so as to err darkwards.

        One that does not tell how long it exposes is left alone: a guess might blind it, and then no face is found that
        would say so.
        """
        return None if frame.exposure_us is None else bounded(Setting(frame.exposure_us, limits.gain_least), limits)

    def _let_go(self, camera: Adjustable, now_ns: int) -> bool:
        if self._setting is None or now_ns - self._face_ns <= NO_FACE_MS * 1e6:
            return False
        camera.automatic()
        self._setting = None
        return True
