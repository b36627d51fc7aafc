"""Behaves like picamera2 as far as its manual goes; one camera, until the file named in the environment is gone."""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _plugged() -> bool:
    return Path(os.environ["FAKE_PICAMERA2_PLUGGED"]).exists()


class Request:
    """One picture with what the sensor tells of it; it must be released."""

    def __init__(self, picture: NDArray[np.uint8], metadata: dict[str, Any], owner: "Picamera2") -> None:
        self._picture, self._metadata, self._owner = picture, metadata, owner
        owner.outstanding += 1

    def make_array(self, name: str) -> NDArray[np.uint8]:
        assert name == "main"
        return self._picture

    def get_metadata(self) -> dict[str, Any]:
        return self._metadata

    def release(self) -> None:
        self._owner.outstanding -= 1


class Picamera2:
    """One camera at a time, as libcamera has it."""

    _taken = threading.Lock()

    def __init__(self, number: int = 0) -> None:
        if not self._taken.acquire(blocking=False):
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.camera_controls = {"ExposureTime": (100, 60_000, 10_000), "AnalogueGain": (1.0, 16.0, 1.0)}
        self.controls: dict[str, Any] = {"ExposureTime": 10_000, "AnalogueGain": 1.0}
        self.outstanding = 0
        self._started_s: float | None = None
        self._frames = 0

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        if not _plugged():
            return []
        return [{"Model": "imx708", "Location": 2, "Rotation": 180, "Id": "/base/soc/i2c0mux/imx708@1a", "Num": 0}]

    def create_video_configuration(self, main: Mapping[str, Any], controls: Mapping[str, Any]) -> dict[str, Any]:
        assert main["format"] == "RGB888"
        return {"main": dict(main), "controls": dict(controls)}

    def configure(self, configuration: Mapping[str, Any]) -> None:
        self._size = configuration["main"]["size"]
        if self._size[0] > 4608:
            raise RuntimeError("Requested size is not possible")
        self._rate = configuration["controls"]["FrameRate"]

    def start(self) -> None:
        self._started_s = time.monotonic()

    def set_controls(self, controls: Mapping[str, Any]) -> None:
        unknown = set(controls) - {"AeEnable", *self.camera_controls}
        if unknown:
            raise RuntimeError(f"Control {unknown} is not advertised by libcamera")
        self.controls |= controls

    def capture_request(self, wait: float) -> Request:
        assert self._started_s is not None
        assert self.outstanding == 0, "every request must be released"
        if not _plugged():
            raise RuntimeError("Camera frontend has timed out!")
        self._frames = max(self._frames + 1, int((time.monotonic() - self._started_s) * self._rate))
        left_s = self._started_s + self._frames / self._rate - time.monotonic()
        if left_s > wait:
            self._frames -= 1
            time.sleep(wait)
            raise TimeoutError
        time.sleep(max(0.0, left_s))
        width, height = self._size
        picture = np.full((height, width, 3), (10, 20, self._frames % 256), np.uint8)
        exposed_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self.controls["ExposureTime"] * 1000
        return Request(picture, {"SensorTimestamp": exposed_ns, "ExposureTime": self.controls["ExposureTime"]}, self)

    def stop(self) -> None:
        self._started_s = None
        if not _plugged():
            raise RuntimeError("Camera frontend has timed out!")

    def close(self) -> None:
        self._taken.release()
