"""A stereo camera that exposes its two sensors together and gives both pictures in one, over V4L2.

Two [[camera]] tables name the same ``device``, one a role: rgb and rgb_right, or any two of rgb, rgb_right and nir for
a colour and an infrared sensor on one board. Both halves of a picture have the very same ``captured_ns`` and number.
Two cameras on two devices are no such pair: they are two tables of driver ``v4l2``, together to the millisecond only if
one triggers the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self, cast

from livegate.capture.controls import ExposureRange
from livegate.errors import ConfigError, DriverError
from livegate.options import Between
from livegate.types import Frame, Role
from livegate_drivers.cameras import v4l2
from livegate_drivers.cameras.v4l2 import Fourcc, V4l2Camera
from livegate_drivers.halves import Half, Layout, half_of
from livegate_drivers.numbering import Numbering
from livegate_drivers.pixels import as_role
from livegate_drivers.shared import Share
from livegate_drivers.v4l2.stream import Dated

USUAL = {Role.RGB: Half.FIRST, Role.NIR: Half.FIRST, Role.RGB_RIGHT: Half.SECOND}


@dataclass(frozen=True, slots=True)
class Options:
    """The device and the mode of its whole picture, alike in both tables, and which half of it is this role's.

    ``half`` is by itself "second" for rgb_right, else "first": left, or above with ``layout = "top_bottom"``. The other
    options are those of driver ``v4l2``.
    """

    device: Path = Path("/dev/video0")
    width: Annotated[int, Between(32, 8192)] = 1280
    height: Annotated[int, Between(32, 8192)] = 480
    layout: Layout = Layout.SIDE_BY_SIDE
    half: Half | None = None
    fps: Annotated[int, Between(1, 240)] = 30
    fourcc: Fourcc = Fourcc.MJPG
    serial: str | None = None
    controls: Mapping[str, Any] = field(default_factory=dict)
    bits: Annotated[int, Between(8, 16)] = 16
    dated: Dated = Dated.KERNEL


@dataclass(frozen=True, slots=True)
class Want:
    """One half in one role, of the picture that ``mode`` describes."""

    role: Role
    half: Half
    mode: str


class PairDevice:
    """The V4L2 camera that gives the whole picture, opened for both halves."""

    def __init__(self, options: v4l2.Options, wants: frozenset[Want]) -> None:
        """Open; raise DriverError where the two tables contradict each other, or as driver ``v4l2`` does."""
        if len({want.mode for want in wants}) > 1:
            raise DriverError(
                f"{options.device}: its two [[camera]] tables ask for different pictures; give them alike"
            )
        if len({want.half for want in wants}) < len(wants):
            raise DriverError(f"{options.device}: two roles ask for the same half; give one of them the other 'half'")
        colour = any(want.role is not Role.NIR for want in wants)
        self.camera = V4l2Camera(options, Role.RGB if colour else Role.NIR)
        self._wants = wants
        self.camera.__enter__()

    def read(self, timeout_s: float) -> Mapping[Want, Frame]:
        """Return the newest whole picture for both; errors as Camera.read."""
        return dict.fromkeys(self._wants, self.camera.read(timeout_s))

    def close(self) -> None:
        """Close the device; closing twice is harmless."""
        self.camera.__exit__(None, None, None)


class StereoPairCamera:
    """One half of a stereo camera's pictures."""

    def __init__(self, options: Options, role: Role) -> None:
        self.role = role
        self._device = options.device
        self._layout = options.layout
        self._half = options.half or USUAL[role]
        whole = _whole(options)
        # Checks the format; until the device was open there is no other camera to reset.
        self._camera = V4l2Camera(whole, role)
        want = Want(role, self._half, f"{options.layout} {whole}")
        key = ("stereo_pair", options.device)
        self._share: Share[Want, Frame] = Share(key, want, partial(PairDevice, whole), str(options.device))
        self._numbering = Numbering()

    def __enter__(self) -> Self:
        """Open the device, or join the other half; DriverError where the two tables do not fit together."""
        self._share.enter()
        # What the share's opener opened.
        self._camera = cast(PairDevice, self._share.device).camera
        self._numbering.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the device, which is closed by the last."""
        self._share.leave()

    def read(self, timeout_s: float) -> Frame:
        """Return this half of the newest picture; errors as of driver ``v4l2``."""
        whole = self._share.read(timeout_s)
        image = as_role(half_of(whole.image, self._layout, self._half), self.role)
        return replace(whole, role=self.role, image=image, sequence=self._numbering.number(whole.sequence))

    def exposure_range(self) -> ExposureRange | None:
        """Return what can be set, of both halves together."""
        return self._camera.exposure_range()

    def expose(self, exposure_us: float, gain: float) -> None:
        """Set exposure and gain of both halves."""
        self._camera.expose(exposure_us, gain)

    def automatic(self) -> None:
        """Hand the exposure of both halves back to the camera."""
        self._camera.automatic()

    def reset(self) -> None:
        """Reset the device on its USB port; DriverError while the other half still uses it."""
        if self._share.in_use:
            raise DriverError(f"{self._device}: its other half is still read; it is reset once nobody does")
        self._camera.reset()


def open_camera(options: Options, role: Role) -> StereoPairCamera:
    """Return the camera of one half; DriverError for depth, ConfigError for a picture that cannot be halved."""
    if role is Role.DEPTH:
        raise DriverError(f"{options.device}: a stereo pair gives pictures, no depth; give it rgb and rgb_right")
    if (options.width if options.layout is Layout.SIDE_BY_SIDE else options.height) % 2:
        raise ConfigError(f"{options.device}: {options.width}x{options.height} cannot be halved; correct the size")
    return StereoPairCamera(options, role)


def _whole(options: Options) -> v4l2.Options:
    return v4l2.Options(
        options.device,
        options.width,
        options.height,
        options.fps,
        options.fourcc,
        options.serial,
        dict(sorted(options.controls.items())),
        bits=options.bits,
        dated=options.dated,
    )
