"""All checks: the devices, what they are judged with, the clock, the disk, and what lies on it."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from livegate.capture.camera import Camera
from livegate.checks.decision import decision_findings
from livegate.checks.finding import RENEW_S, Finding, tried
from livegate.checks.geometry import geometry_findings
from livegate.checks.kernels import kernel_findings
from livegate.checks.lists import list_findings
from livegate.checks.models import model_findings
from livegate.checks.sensors import is_running, sensor_findings
from livegate.checks.trust import trust_findings
from livegate.clock import is_synchronised
from livegate.config import CameraConfig, Config, DoorConfig, IlluminatorConfig, ReaderConfig, Tls
from livegate.drivers import open_camera, open_door, open_illuminator, open_reader
from livegate.errors import LinkError, PictureError
from livegate.evidence.keep import recipient_of
from livegate.filesystem import kind_of
from livegate.report.transport import certificates
from livegate.store.files import somebody_elses
from livegate.types import Frame

MIN_FREE_BYTES = 100 * 2**20
# A commit is one fsync; slower than this and people wait at the door for the disk.
SLOW_FSYNC_MS = 20.0
_FSYNC_TRIES = 9
PICTURE_TIMEOUT_S = 5.0
_MEMORY = ("tmpfs", "ramfs")
_NETWORK = ("nfs", "cifs", "smb", "9p", "ceph", "glusterfs", "afs", "fuse.sshfs")


def findings(config: Config, *, cameras: bool = True) -> Iterator[Finding]:
    """Yield what every check finds on this machine for a configuration that parses.

    No camera is opened without ``cameras``; cameras and lamps that a running terminal holds are left to it.
    """
    running = is_running(config)
    lamps = [tried("illuminator", partial(_illuminator, lamp, look=not running)) for lamp in config.illuminator]
    working = tuple(lamp for lamp, found in zip(config.illuminator, lamps, strict=True) if found.ok)
    # A lamp that cannot be had is told once, as such, and the cameras are looked at without it.
    yield from _camera_findings(replace(config, illuminator=working), look=cameras and not running)
    if cameras and running:
        yield Finding("cameras", None, "not opened, a running terminal holds them; its sensor.state events tell")
    yield from lamps
    yield tried("door", partial(_door, config.door))
    for reader in config.reader:
        yield tried("reader", partial(_reader, reader))
    yield from own_findings(config)
    yield from list_findings(config.terminal.state_dir)


def _camera_findings(config: Config, *, look: bool) -> Iterator[Finding]:
    found = [tried(f"camera {camera.name}", partial(_camera, camera, look=look)) for camera in config.camera]
    yield from found
    if look and any(finding.ok for finding in found):
        yield from sensor_findings(config)


def own_findings(config: Config) -> Iterator[Finding]:
    """Yield what the checks find that touch no device, so that a running terminal may ask for them."""
    yield from model_findings(config)
    yield from kernel_findings()
    yield from decision_findings(config)
    yield from geometry_findings(config)
    yield _clock()
    yield from _state_dir(config.terminal.state_dir)
    yield from _secrets(config)
    yield from trust_findings(config)
    if config.evidence.enabled:
        yield tried("evidence", lambda: _evidence(config))
    if config.mqtt is None:
        yield Finding("mqtt", None, "no [mqtt] table: events stay in the store")


def _camera(camera: CameraConfig, *, look: bool) -> str:
    """Take one picture: a camera that only opens may still be covered by another program or give nothing."""
    made = open_camera(camera)
    if not look:
        return f"driver {camera.source.driver}, not opened"
    with made as opened:
        picture = _first_whole(opened).image
    return f"driver {camera.source.driver}, a picture of {picture.shape[1]}x{picture.shape[0]}"


def _first_whole(camera: Camera) -> Frame:
    """Return the first frame that is not damaged: many a camera begins with one or two that are."""
    until_s = time.monotonic() + PICTURE_TIMEOUT_S
    while True:
        try:
            return camera.read(PICTURE_TIMEOUT_S)
        except PictureError:
            if time.monotonic() >= until_s:
                raise


def _illuminator(lamp: IlluminatorConfig, *, look: bool) -> str:
    """Ask the lamp for its level and let it go, dark: a driver may refuse a level that its lamp cannot have."""
    made = open_illuminator(lamp)
    if not look:
        return f"driver {lamp.source.driver}, not opened"
    with made as opened:
        opened.shine(lamp.level)
    return f"driver {lamp.source.driver}, connected"


def _door(door: DoorConfig) -> str:
    """Only make the door from its options: entering would lock it, which a running terminal may just have opened."""
    open_door(door)
    return f"driver {door.source.driver}, not connected to"


def _reader(reader: ReaderConfig) -> str:
    with open_reader(reader):
        return f"driver {reader.source.driver}, connected"


def _evidence(config: Config) -> str:
    recipient = recipient_of(config.evidence, config.path)
    return f"pictures of attacks are kept for the centre, key {'' if recipient is None else recipient.keyid}"


def _clock() -> Finding:
    if is_synchronised():
        return Finding("clock", ok=True, text="follows a time server")
    return Finding("clock", None, "follows no time server: dates of credentials and events may be wrong")


def _state_dir(state_dir: Path) -> Iterator[Finding]:
    """Look at the folder of the store, or at the one it would be made in."""
    try:
        folder = next(path for path in (state_dir, *state_dir.parents) if path.exists())
        if folder == state_dir and state_dir.is_dir() and state_dir.stat().st_mode & 0o077:
            yield Finding("permissions", ok=False, text=f"{state_dir}: others may enter; chmod 0700 it")
        if folder == state_dir and (owner := state_dir.stat().st_uid) != os.geteuid():
            yield Finding("permissions", ok=False, text=somebody_elses(state_dir, owner))
        yield from _disk(folder)
    except OSError as exc:
        yield Finding(
            "state_dir", ok=False, text=f"{state_dir}: cannot be written ({exc.strerror}); name another or mend it"
        )


def _disk(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding("state_dir", ok=False, text=f"{folder}: is no folder; remove it or name another")
        return
    # First what fails where nothing can be written.
    fsync_ms = _fsync_ms(folder)
    space = os.statvfs(folder)
    free_bytes = space.f_bavail * space.f_frsize
    text = f"{folder}: {free_bytes // 2**20} MiB free"
    yield Finding("disk", free_bytes >= MIN_FREE_BYTES, f"{text}, at least {MIN_FREE_BYTES // 2**20} MiB are needed")
    yield _file_system(folder)
    fast = True if fsync_ms <= SLOW_FSYNC_MS else None
    yield Finding("fsync", fast, f"{folder}: {fsync_ms:.2f} ms (median of {_FSYNC_TRIES})")


def _file_system(folder: Path) -> Finding:
    finding = tried("file system", lambda: kind_of(folder))
    if finding.text in _MEMORY:
        return Finding("file system", None, f"{folder}: {finding.text} lies in memory: a power cut takes every event")
    if finding.text.startswith(_NETWORK):
        return Finding(
            "file system", ok=False, text=f"{folder}: {finding.text} is a network's; SQLite needs a local disk"
        )
    return replace(finding, text=f"{folder}: {finding.text}")


def _fsync_ms(folder: Path) -> float:
    times = []
    # An unnamed file: it leaves nothing behind, even when the power goes.
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_FSYNC_TRIES):
            file.write(b"\0" * 4096)
            file.flush()
            began_s = time.monotonic()
            os.fsync(file.fileno())
            times.append((time.monotonic() - began_s) * 1e3)
    return statistics.median(times)


def _secrets(config: Config) -> Iterator[Finding]:
    mqtt = config.mqtt
    if mqtt is None:
        return
    if mqtt.password_file is not None:
        yield _readable(mqtt.password_file, secret=True)
    if mqtt.tls is not None:
        yield from _certificates(mqtt.tls)
        yield _readable(mqtt.tls.ca, secret=False)
        if mqtt.tls.certificate is not None:
            yield _readable(mqtt.tls.certificate, secret=False)
        if mqtt.tls.key is not None:
            yield _readable(mqtt.tls.key, secret=True)


def _certificates(tls: Tls) -> Iterator[Finding]:
    """A certificate that ends soon is a warning, one that has ended a fault; one that is none is said elsewhere too."""
    try:
        for found in certificates(tls):
            left_s = found.expires_s - time.time()
            ok = False if left_s <= 0 else None if left_s < RENEW_S else True
            said = "expired" if left_s <= 0 else "expires"
            yield Finding("certificates", ok, f"{found.path}: {said} on {found.day}{'' if ok else '; renew it'}")
    except LinkError as exc:
        yield Finding("certificates", ok=False, text=str(exc))


def _readable(path: Path, *, secret: bool) -> Finding:
    check = "secrets" if secret else "certificates"
    try:
        with path.open("rb"):
            mode = path.stat().st_mode
    except OSError as exc:
        return Finding(check, ok=False, text=f"{path}: cannot be read ({exc.strerror}); name a file this user may read")
    if secret and mode & 0o077:
        return Finding(check, ok=False, text=f"{path}: others may read it; chmod 0600 it")
    return Finding(check, ok=True, text=f"{path}: {'readable by its owner only' if secret else 'can be read'}")
