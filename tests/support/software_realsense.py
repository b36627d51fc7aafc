"""The SDK's own software device as a D400 camera: its sensors, modes, options and frames, but no hardware."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyrealsense2 as rs

WIDTH, HEIGHT, FPS = 64, 48, 60
UNIT_M = 0.0001
SERIAL = "012345678901"
# Point of the infrared camera in colour: a turn of 90 degrees about z, 15 mm to the side.
ROTATION = ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
TRANSLATION_MM = (15.0, -0.5, 2.0)


class SoftwareRealsense:
    """A camera that streams while it is open; a driver's Source, of its own key unless it is given one."""

    live = True
    name = "software RealSense"

    def __init__(self, colour_format: str = "rgb8", distortion: tuple[float, ...] = (0.0,) * 5) -> None:
        self.device = rs.software_device()
        self.device.register_info(rs.camera_info.name, "Software D435")
        self.device.register_info(rs.camera_info.serial_number, SERIAL)
        self.stereo = self.device.add_sensor("Stereo Module")
        self.colour = self.device.add_sensor("RGB Camera")
        self._distortion = distortion
        self._profiles: dict[str, Any] = {}
        self._add(self.stereo, "depth", "z16", 2)
        self._add(self.stereo, "infrared", "y8", 1, index=1)
        self._add(self.stereo, "infrared", "y8", 1, index=2)
        self._add(self.colour, "color", colour_format, {"yuyv": 2, "bgra8": 4}.get(colour_format, 3))
        self._place()
        self.stereo.add_read_only_option(rs.option.depth_units, UNIT_M)
        self.set_up()
        self.number = 0
        self.gone: str | None = None
        self.openings = 0
        self.alternating = False
        self.domain = "hardware_clock"
        self.tells_emitter = True
        self._on = threading.Event()
        self._on.set()

    @property
    def key(self) -> Hashable:
        return id(self)

    def open(self, sdk: Any) -> Any:
        self.openings += 1
        return self.device

    def over(self, device: Any) -> str | None:
        return self.gone

    def set_up(self) -> None:
        """Give the sensors the options a D435 has."""
        for sensor, most in ((self.stereo, 165_000.0), (self.colour, 10_000.0)):
            self._option(sensor, "exposure", 1, most, 1, 8500.0 if most > 1e5 else 156.0)
            self._option(sensor, "gain", 16, 248, 1, 16)
            self._option(sensor, "enable_auto_exposure", 0, 1, 1, 1)
        self._option(self.stereo, "laser_power", 0, 360, 30, 150)
        self._option(self.stereo, "emitter_enabled", 0, 2, 1, 1)
        self._option(self.stereo, "emitter_on_off", 0, 1, 1, 0)
        self._option(self.stereo, "visual_preset", 0, 6, 1, 0)

    def shoot(self) -> None:
        """Give the next frame of each stream."""
        self.number += 1
        lit = not self.alternating or self.number % 2 == 0
        dated_ms = 1000.0 + self.number * 1000 / FPS
        for sensor in (self.stereo, self.colour):
            sensor.set_metadata(rs.frame_metadata_value.actual_exposure, 8500 if sensor is self.stereo else 156)
        if self.tells_emitter:
            self.stereo.set_metadata(rs.frame_metadata_value.frame_emitter_mode, 1)
            self.stereo.set_metadata(rs.frame_metadata_value.frame_laser_power_mode, int(lit))
        for called, profile in self._profiles.items():
            frame = rs.software_video_frame()
            pixels = self.pixels(called, lit)
            frame.pixels = pixels
            frame.profile = profile
            frame.bpp = pixels[0, 0].nbytes
            frame.stride = WIDTH * frame.bpp
            frame.timestamp = dated_ms
            frame.domain = getattr(rs.timestamp_domain, self.domain)
            frame.frame_number = self.number
            if called == "depth":
                frame.depth_units = UNIT_M
            (self.colour if called == "color" else self.stereo).on_video_frame(frame)

    def pixels(self, called: str, lit: bool = True) -> Any:
        """Return what the stream gives now: a ramp that moves, so that no two frames are the same."""
        ramp = (np.arange(WIDTH) + np.arange(HEIGHT)[:, None] + self.number) % 200
        if called == "depth":
            return (5000 + 10 * ramp).astype(np.uint16)
        if called.startswith("infrared"):
            return (ramp // (1 if lit else 4) + int(called[-1])).astype(np.uint8)
        kind = self._profiles["color"].format().name
        if kind == "yuyv":
            return np.stack([ramp, np.full_like(ramp, 128)], axis=-1).astype(np.uint8)
        first, last = (250, 5) if kind == "rgb8" else (5, 250)
        planes = [np.full_like(ramp, first), ramp, np.full_like(ramp, last), np.full_like(ramp, 255)]
        return np.stack(planes[: 4 if kind == "bgra8" else 3], axis=-1).astype(np.uint8)

    @contextmanager
    def streaming(self) -> Iterator[Self]:
        """Shoot at FPS, as long as wanted."""
        over = threading.Event()

        def run() -> None:
            while not over.wait(1 / FPS):
                if self._on.is_set():
                    self.shoot()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield self
        finally:
            over.set()
            thread.join()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Give nothing for a while."""
        self._on.clear()
        try:
            yield
        finally:
            self._on.set()

    def _add(self, sensor: Any, called: str, pixel_format: str, bpp: int, index: int = 0) -> None:
        stream = rs.video_stream()
        stream.type, stream.index, stream.uid = getattr(rs.stream, called), index, len(self._profiles) + 1
        stream.width, stream.height, stream.fps, stream.bpp = WIDTH, HEIGHT, FPS, bpp
        stream.fmt = getattr(rs.format, pixel_format)
        optics = rs.intrinsics()
        optics.width, optics.height, optics.fx, optics.fy = WIDTH, HEIGHT, 60.0, 61.0
        optics.ppx, optics.ppy = 31.5, 23.25
        optics.model = rs.distortion.inverse_brown_conrady
        optics.coeffs = list(self._distortion) if called == "color" else [0.0] * 5
        stream.intrinsics = optics
        self._profiles[f"{called}{index or ''}"] = sensor.add_video_stream(stream).as_video_stream_profile()

    def _place(self) -> None:
        colour = self._profiles["color"]
        place = rs.extrinsics()
        place.rotation = [value for column in zip(*ROTATION, strict=True) for value in column]
        place.translation = [value / 1000 for value in TRANSLATION_MM]
        for called in ("depth", "infrared1", "infrared2"):
            self._profiles[called].register_extrinsics_to(colour, place)

    @staticmethod
    def _option(sensor: Any, name: str, least: float, most: float, step: float, default: float) -> None:
        limits = rs.option_range()
        limits.min, limits.max, limits.step, limits.default = least, most, step, default
        sensor.add_option(getattr(rs.option, name), limits, True)


def record(path: Path, pauses_s: list[float]) -> None:
    """Record a frame of each stream after each of the pauses, by the SDK's own recorder."""
    camera = SoftwareRealsense()
    recorder = rs.recorder(str(path), camera.device)
    sensors = recorder.query_sensors()
    queue = rs.frame_queue(4)
    for sensor in sensors:
        sensor.open(sensor.get_stream_profiles())
        sensor.start(queue)
    for pause_s in pauses_s:
        time.sleep(pause_s)
        camera.shoot()
    for sensor in sensors:
        sensor.stop()
        sensor.close()
