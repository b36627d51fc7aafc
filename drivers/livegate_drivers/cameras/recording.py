"""A camera that plays a recording at the pace it was taken: a clip manifest, a folder of pictures or a video file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError
from livegate.options import Between
from livegate.types import Frame, Intrinsics, Role
from livegate_drivers.clips import Clip, read_clips
from livegate_drivers.origin import Origin, shared_origin
from livegate_drivers.pictures import folder_times, read_picture
from livegate_drivers.pixels import as_role
from livegate_drivers.timeline import Timeline, duration_ms, lay_out
from livegate_drivers.waiting import sleep_until


@dataclass(frozen=True, slots=True)
class Options:
    """What to play, and how.

    ``path`` names a clip manifest (.jsonl), a folder of pictures, or a video file. ``origin_ns`` is the monotonic time
    of the recording's beginning, by default when the first camera or reader in this process that plays it is entered;
    those given the same ``speed``, ``gap_ms``, ``loop`` and ``clips`` play in step. ``gap_ms`` lies between clips, in
    recorded time; ``clips`` names those to play, in order; ``fps`` is for folders without timestamps.csv.
    """

    path: Path
    loop: bool = False
    speed: Annotated[float, Between(0.01, 100)] = 1.0
    gap_ms: Annotated[float, Between(0, 3_600_000)] = 0.0
    origin_ns: int | None = None
    clips: tuple[str, ...] = ()
    fps: Annotated[float, Between(0.01, 1000)] = 15.0


class Source(Protocol):
    """Pictures with times; ``load`` raises PictureError for a damaged one."""

    times_ms: tuple[float, ...]
    length_ms: float

    def load(self, index: int) -> tuple[NDArray[Any], Intrinsics | None]:
        """Return picture ``index`` and what is known of its optics."""

    def close(self) -> None:
        """Let go of the file."""


class RecordedCamera:
    """Plays a recording: ``captured_ns`` is exactly origin + t / speed, and no frame is given before its time.

    A consumer more than one frame period late misses frames, which shows as gaps of ``sequence``. Entering again goes
    on in the recording where it is by then, as a real camera would; one that has ended stays ended.
    """

    def __init__(self, options: Options, role: Role) -> None:
        self.role = role
        self._options = options
        self._origin = None if options.origin_ns is None else Origin(options.origin_ns)
        self._source: Source | None = None
        self._timeline = Timeline((), 0.0, 0)
        self._next = 0

    def __enter__(self) -> Self:
        """Open the recording; raise DriverError when it is missing or not playable."""
        try:
            self._source = _open(self._options, self.role)
        except OSError as exc:
            raise DriverError(f"{self._options.path}: the recording cannot be opened ({exc.strerror})") from exc
        entered_ns = time.monotonic_ns()
        self._origin = self._origin or shared_origin(self._options.path, entered_ns)
        self._timeline = Timeline(
            self._source.times_ms, self._source.length_ms, self._origin.at_ns, self._options.speed, self._options.loop
        )
        # Frames already given are never given again, and what passed while nobody looked is gone.
        self._next = max(self._next, self._timeline.first_due(entered_ns - self._timeline.period_ns))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._source is not None:
            self._source.close()
        self._source = None

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame when it is due; DeviceTimeout before that, DeviceLost at the end of the recording."""
        if self._source is None:
            raise DeviceLost(f"{self._options.path}: the recording is closed; enter the camera first")
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        self._skip_late()
        ended = self._timeline.ended(self._next)
        # The last frame stays fresh for its period before the end is told.
        due_ns = self._timeline.end_ns if ended else self._timeline.due_ns(self._next)
        if ended and due_ns <= deadline_ns:
            sleep_until(due_ns)
            raise DeviceLost(f"{self._options.path}: recording ended")
        if due_ns > deadline_ns:
            sleep_until(deadline_ns)
            raise DeviceTimeout(f"{self._options.path}: no frame of {self.role} is due within {timeout_s:g} s")
        frame = self._load(self._source, due_ns)
        sleep_until(due_ns)
        return frame

    def _skip_late(self) -> None:
        oldest_ns = time.monotonic_ns() - self._timeline.period_ns
        if not self._timeline.ended(self._next) and self._timeline.due_ns(self._next) < oldest_ns:
            self._next = self._timeline.first_due(oldest_ns)

    def _load(self, source: Source, due_ns: int) -> Frame:
        """Decode ahead of the due time, so that the frame is handed over at it."""
        index, self._next = self._next, self._next + 1
        image, intrinsics = source.load(index % len(self._timeline.times_ms))
        return Frame(self.role, image, due_ns, index, intrinsics)


def open_camera(options: Options, role: Role) -> RecordedCamera:
    """Return a camera playing ``options.path`` as ``role``."""
    return RecordedCamera(options, role)


class _Pictures:
    """Single picture files: a folder, or the frames of one role in a clip manifest."""

    def __init__(
        self,
        paths: tuple[Path, ...],
        times_ms: tuple[float, ...],
        length_ms: float,
        role: Role,
        clips: tuple[Clip, ...],
    ) -> None:
        self._paths = paths
        self.times_ms = times_ms
        self.length_ms = length_ms
        self._role = role
        self._clips = clips

    def load(self, index: int) -> tuple[NDArray[Any], Intrinsics | None]:
        image = read_picture(self._paths[index], self._role)
        focal = self._clips[index].focal if self._clips else None
        return image, focal and Intrinsics(*focal, image.shape[1], image.shape[0])

    def close(self) -> None:
        """Nothing stays open between pictures."""


class _Video:
    """A video file, decoded forwards; a jump back reopens it."""

    def __init__(self, path: Path, role: Role) -> None:
        if role is Role.DEPTH:
            raise DriverError(f"{path}: a video has 8 bits, depth needs 16-bit pictures; give a folder or a manifest")
        self._path = path
        self._role = role
        self._position = 0
        self._capture = self._opened()
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        if count < 1 or not 0 < fps < 1000:
            self.close()
            raise DriverError(
                f"{path}: the video tells neither length nor pace; convert it to pictures or another format"
            )
        self.times_ms = tuple(index * 1000 / fps for index in range(count))
        self.length_ms = duration_ms(self.times_ms)

    def load(self, index: int) -> tuple[NDArray[Any], Intrinsics | None]:
        if index < self._position:
            self._rewind()
        while self._position < index:
            self._capture.grab()
            self._position += 1
        good, image = self._capture.read()
        self._position += 1
        if not good:
            raise PictureError(f"{self._path}: frame {index} cannot be decoded")
        return as_role(np.asarray(image), self._role), None

    def close(self) -> None:
        self._capture.release()

    def _rewind(self) -> None:
        self._capture.release()
        try:
            self._capture, self._position = self._opened(), 0
        except DriverError as exc:
            raise DeviceLost(f"{self._path}: the video is gone") from exc

    def _opened(self) -> Any:
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise DriverError(f"{self._path}: is no video that can be played; 'path' takes .jsonl, a folder or a video")
        return capture


def _open(options: Options, role: Role) -> Source:
    path = options.path
    if not path.exists():
        raise DriverError(f"{path}: the recording is not there; 'path' takes a clip manifest, a folder or a video")
    if path.is_dir():
        paths, times_ms = folder_times(path, options.fps)
        return _Pictures(paths, times_ms, duration_ms(times_ms) + options.gap_ms, role, ())
    if path.suffix == ".jsonl":
        return _of_clips(options, role)
    return _Video(path, role)


def _of_clips(options: Options, role: Role) -> Source:
    clips = read_clips(options.path, options.clips)
    layout = lay_out([clip.times_ms for clip in clips], options.gap_ms)
    shots = [
        (start_ms + t_ms, pictures[role], clip)
        for start_ms, clip in zip(layout.starts_ms, clips, strict=True)
        for t_ms, pictures in zip(clip.times_ms, clip.pictures, strict=True)
        if role in pictures
    ]
    if not shots:
        raise DriverError(f"{options.path}: no frame has a picture for '{role}'; leave that camera out")
    times_ms, paths, owners = zip(*shots, strict=True)
    return _Pictures(paths, times_ms, layout.length_ms, role, owners)
