"""All pictures of a moment on rgb's pixels, or MISALIGNED: what nobody knows the place of is not guessed at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from livegate.geometry.calibration import CalibratedCamera, RigCalibration
from livegate.types import Faults, Frame, FrameSet, Role, SensorFault, SensorState

if TYPE_CHECKING:
    from livegate.geometry.placing import Placer


class Aligner:
    """Puts nir and depth onto rgb's pixels, and rgb with rgb_right onto a rectified pair. One thread at a time.

    Without a calibration, pictures of rgb's size pass as they are: whoever made them registered them (recordings, a
    camera that does it itself). With one, no role passes that it does not name.
    """

    def __init__(
        self,
        calibration: RigCalibration | None,
        roles: Iterable[Role],
        *,
        refused: bool = False,
        terminal: str | None = None,
    ) -> None:
        """Take the calibration in force, None for none; ``roles`` are those of the terminal's cameras.

        ``refused`` says that there should be a calibration and it cannot be used: then rgb stands alone. So it does
        with a calibration that names another terminal than ``terminal``; one that names none is no difference.
        """
        self.calibration = calibration
        self._refused = refused
        self._elsewhere = calibration is not None and is_of_another(calibration, terminal)
        self._placer = None if calibration is None else _placer(calibration, frozenset(roles))

    def align(self, frame_set: FrameSet) -> FrameSet:
        """Return ``frame_set`` with every picture on rgb's pixels; what cannot be put there is MISALIGNED, and why.

        Frames of a role whose camera or picture size is not the calibration's get OTHER_CALIBRATION; if that is rgb
        itself, or the calibration another terminal's, so do all others, and rgb goes on alone, as it came. One with
        another serial gets OTHER_DEVICE as well: it may be somebody's own camera. A serial that the camera or the file
        does not tell is no difference. Pictures that were registered are new arrays; where nothing is known they are 0.
        Faults that the set came with stay.
        """
        rgb = frame_set.frames.get(Role.RGB)
        if rgb is None:
            return frame_set
        faults = self._faults(frame_set.frames, rgb)
        if self._placer is None and not faults:
            return frame_set
        placed = {role: frame for role, frame in frame_set.frames.items() if role is Role.RGB or role not in faults}
        if self._placer is not None and Role.RGB not in faults:
            placed = self._placer.placed(placed)
        states = {
            role: SensorState.MISALIGNED if role in faults and role is not Role.RGB else state
            for role, state in frame_set.states.items()
        }
        return replace(
            frame_set,
            frames=MappingProxyType(placed),
            states=MappingProxyType(states),
            faults=MappingProxyType(_joined(frame_set.faults, faults, self._strangers(frame_set.frames))),
        )

    def _strangers(self, frames: Mapping[Role, Frame]) -> frozenset[Role]:
        """Return the roles whose serial is known not to be the calibrated one."""
        cameras = {} if self.calibration is None else self.calibration.cameras
        return frozenset(
            role for role, frame in frames.items() if role in cameras and _is_another(frame, cameras[role])
        )

    def _faults(self, frames: Mapping[Role, Frame], rgb: Frame) -> dict[Role, SensorFault]:
        if self.calibration is None:
            return {
                role: SensorFault.UNCALIBRATED
                for role, frame in frames.items()
                if role is not Role.RGB and (self._refused or frame.image.shape[:2] != rgb.image.shape[:2])
            }
        cameras = self.calibration.cameras
        faults = {role: fault for role, frame in frames.items() if (fault := _unlike(frame, cameras.get(role)))}
        if self._elsewhere or Role.RGB in faults:
            # Where the others stand is known to another camera's pixels, not to these.
            return dict.fromkeys(frames, SensorFault.OTHER_CALIBRATION)
        return faults


def is_of_another(calibration: RigCalibration, terminal: str | None) -> bool:
    """Return whether ``calibration`` names another terminal than ``terminal``, a site and an id as "north/door-1"."""
    return None not in (calibration.terminal, terminal) and calibration.terminal != terminal


def _placer(calibration: RigCalibration, roles: frozenset[Role]) -> Placer:
    # Loading the kernels takes longer than all of `livegate --help`, and most terminals have nothing to register.
    from livegate.geometry.placing import Placer

    return Placer(calibration, roles)


def _unlike(frame: Frame, camera: CalibratedCamera | None) -> SensorFault | None:
    """Return what keeps a frame from being one of a calibrated camera, None where nothing does."""
    if camera is None:
        return SensorFault.UNCALIBRATED
    if frame.image.shape[:2] != (camera.height, camera.width):
        return SensorFault.OTHER_CALIBRATION
    return SensorFault.OTHER_CALIBRATION if _is_another(frame, camera) else None


def _is_another(frame: Frame, camera: CalibratedCamera) -> bool:
    return frame.device is not None and camera.device is not None and frame.device != camera.device


def _joined(
    before: Faults, faults: Mapping[Role, SensorFault], strangers: frozenset[Role]
) -> dict[Role, frozenset[SensorFault]]:
    joined = {**before, **{role: before.get(role, frozenset()) | {fault} for role, fault in faults.items()}}
    return joined | {role: joined[role] | {SensorFault.OTHER_DEVICE} for role in strangers}
