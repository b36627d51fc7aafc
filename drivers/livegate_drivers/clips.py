"""Read a clip manifest: JSON lines, each a recorded visit with the frames of all its cameras and, perhaps, a card.

A line is ``{"id", "frames": [{"rgb", "nir", "depth", "rgb_right", "t_ms"}, ...], "camera": {"fx", "fy", "cx", "cy"} |
null, "card": {"t_ms", "kind", "value"} | null}``; further fields are ignored. Paths are relative to the manifest's
folder and may not leave it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from livegate.errors import DriverError
from livegate.types import Role
from livegate_drivers.timeline import duration_ms

# Times closer than this would fall on the same nanosecond when played at the greatest speed.
LEAST_STEP_MS = 1e-3
# A year: no recording is longer, and times stay exact to the nanosecond.
MAX_MS = 366 * 86_400_000.0


@dataclass(frozen=True, slots=True)
class Card:
    """A credential presented ``t_ms`` after the clip's beginning."""

    t_ms: float
    kind: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Clip:
    """One recorded visit: frame times (ascending), the pictures of each frame by role, intrinsics, card."""

    id: str
    times_ms: tuple[float, ...]
    pictures: tuple[Mapping[Role, Path], ...]
    focal: tuple[float, float, float, float] | None = None
    card: Card | None = None


def read_clips(manifest: Path, chosen: tuple[str, ...] = ()) -> tuple[Clip, ...]:
    """Return the clips of ``manifest``, or those with the ``chosen`` ids in that order.

    Raise DriverError naming file, line and what is wrong.
    """
    try:
        lines = manifest.read_text("utf-8").splitlines()
    except OSError as exc:
        raise DriverError(f"{manifest}: cannot be read ({exc.strerror}); 'path' must name a recording") from exc
    except UnicodeDecodeError as exc:
        raise DriverError(f"{manifest}: is not UTF-8 text; a clip manifest is JSON lines") from exc
    folder = manifest.parent.resolve()
    clips = tuple(
        _clip(line, f"{manifest}: line {number}", folder) for number, line in enumerate(lines, 1) if line.strip()
    )
    if not clips:
        raise DriverError(f"{manifest}: holds no clip; expected one JSON object a line")
    return _chosen(clips, chosen, manifest) if chosen else clips


def inside(folder: Path, name: str, where: str) -> Path:
    """Return ``name`` within the resolved ``folder``; raise DriverError when it leads out of it."""
    try:
        path = (folder / name).resolve()
    except (OSError, RuntimeError, ValueError) as exc:
        raise DriverError(f"{where}: {name!r} is no path that can be followed ({exc})") from exc
    if Path(name).is_absolute() or not path.is_relative_to(folder):
        raise DriverError(f"{where}: '{name}' leads out of {folder}; a recording may only name files below itself")
    return path


def _chosen(clips: tuple[Clip, ...], chosen: tuple[str, ...], manifest: Path) -> tuple[Clip, ...]:
    by_id = {clip.id: clip for clip in clips}
    for name in chosen:
        if name not in by_id:
            raise DriverError(f"{manifest}: has no clip '{name}', which 'clips' asks for")
    return tuple(by_id[name] for name in chosen)


def _clip(line: str, where: str, folder: Path) -> Clip:
    try:
        table = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise DriverError(f"{where}: is not JSON: {exc}") from exc
    frames = table.get("frames") if isinstance(table, dict) else None
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, dict) for frame in frames):
        raise DriverError(f"{where}: lacks 'frames', a list of objects with 't_ms' and a picture a camera")
    times_ms = tuple(_milliseconds(frame.get("t_ms"), where) for frame in frames)
    for earlier, later in pairwise(times_ms):
        if later < earlier + LEAST_STEP_MS:
            raise DriverError(f"{where}: 't_ms' must rise from frame to frame, found {later} after {earlier}")
    pictures = tuple(_pictures(frame, where, folder) for frame in frames)
    return Clip(str(table.get("id", where)), times_ms, pictures, _focal(table, where), _card(table, times_ms, where))


def _pictures(frame: Mapping[str, Any], where: str, folder: Path) -> dict[Role, Path]:
    named = {role: frame[role] for role in Role if frame.get(role) is not None}
    for role, name in named.items():
        if not isinstance(name, str):
            raise DriverError(f"{where}: '{role}' must be a path or null, found {name!r}")
    return {role: inside(folder, name, where) for role, name in named.items()}


def _milliseconds(value: Any, where: str) -> float:
    # Written so that NaN fails too.
    if type(value) not in (int, float) or not 0 <= value <= MAX_MS:
        raise DriverError(f"{where}: 't_ms' must be milliseconds from the clip's beginning, found {value!r}")
    return float(value)


def _focal(table: Mapping[str, Any], where: str) -> tuple[float, float, float, float] | None:
    camera = table.get("camera")
    if camera is None:
        return None
    try:
        fx, fy, cx, cy = (float(camera[key]) for key in ("fx", "fy", "cx", "cy"))
    except (TypeError, KeyError, ValueError, OverflowError) as exc:
        raise DriverError(f"{where}: 'camera' must be null or hold the numbers fx, fy, cx, cy") from exc
    if not (0 < fx < math.inf and 0 < fy < math.inf and math.isfinite(cx) and math.isfinite(cy)):
        raise DriverError(f"{where}: 'camera' must have positive fx and fy, and finite numbers throughout")
    return fx, fy, cx, cy


def _card(table: Mapping[str, Any], times_ms: tuple[float, ...], where: str) -> Card | None:
    card = table.get("card")
    if card is None:
        return None
    if not isinstance(card, Mapping) or not all(isinstance(card.get(key), str) for key in ("kind", "value")):
        raise DriverError(f"{where}: 'card' must be null or hold 't_ms' and the strings 'kind' and 'value'")
    t_ms = _milliseconds(card.get("t_ms"), where)
    if t_ms >= duration_ms(times_ms):
        raise DriverError(f"{where}: the card at {t_ms:g} ms comes after its clip's end")
    return Card(t_ms, card["kind"], card["value"])
