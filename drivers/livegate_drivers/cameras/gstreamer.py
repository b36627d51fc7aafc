"""Any GStreamer pipeline as a camera: Jetson's nvarguscamerasrc, RTSP with a hardware decoder, what a vendor ships.

The pipeline runs in a process of its own, ``gst-launch-1.0 PIPELINE ! ... ! fdsink``, since OpenCV's wheel is built
without GStreamer, and a vendor's plugin that crashes must not take the terminal along. Frames are dated when their
first bytes arrive.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated, Any

from numpy.typing import NDArray

from livegate.errors import DriverError
from livegate.options import Between
from livegate.types import Role
from livegate_drivers.piped.camera import PipedCamera, Start
from livegate_drivers.piped.planes import GST_FORMATS, from_gst, gst_stride
from livegate_drivers.piped.process import FD, FramePipe

_REMEDY = (
    "install gstreamer1.0-tools and the plugins the pipeline names (gst-inspect-1.0 ELEMENT), and try the pipeline"
    " with gst-launch-1.0"
)


@dataclass(frozen=True, slots=True)
class Options:
    """``pipeline`` as for gst-launch-1.0, from its source up to raw video in ordinary memory.

    Conversion to the role's format, the size and the sink are added; it must be able to give ``width`` x ``height``.
    ``unit_mm`` is a step of a depth camera's values. ``start_timeout_s`` bounds the wait for a first frame.
    """

    pipeline: str
    width: Annotated[int, Between(16, 8192)] = 640
    height: Annotated[int, Between(16, 8192)] = 480
    unit_mm: Annotated[float, Between(0.001, 100)] = 1.0
    start_timeout_s: Annotated[float, Between(0.5, 60)] = 10.0
    program: str = "gst-launch-1.0"


def open_camera(options: Options, role: Role) -> PipedCamera:
    """Return the camera behind ``options.pipeline``; raise DriverError for a pipeline that cannot be read."""
    frame_bytes = gst_stride(options.width, role) * options.height
    pipe = FramePipe(_command(options, role), frame_bytes, f"pipeline '{_source(options)}'")

    def decode(data: bytes) -> NDArray[Any]:
        return from_gst(data, options.width, options.height, role, options.unit_mm)

    return PipedCamera(role, pipe, Start(options.start_timeout_s, _REMEDY), decode)


def _command(options: Options, role: Role) -> tuple[str, ...]:
    try:
        pipeline = shlex.split(options.pipeline)
    except ValueError as exc:
        raise DriverError(f"pipeline '{_source(options)}': {exc}; close every quotation mark") from exc
    if not pipeline:
        raise DriverError("'pipeline' is empty; begin it with a source, such as nvarguscamerasrc or v4l2src")
    caps = f"video/x-raw,format={GST_FORMATS[role]},width={options.width},height={options.height}"
    sink = ("fdsink", f"fd={FD}", "sync=false")
    return (options.program, "-q", *pipeline, "!", "videoconvert", "!", caps, "!", *sink)


def _source(options: Options) -> str:
    """Name the pipeline by its first element: what follows may hold a password."""
    return options.pipeline.split("!")[0].strip().split(" ")[0]
