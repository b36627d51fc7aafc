"""Read an evaluation manifest: JSON lines, one labelled presentation a line.

A bad line is never silently left out: it comes back as a BadLine that names its number, and where the line at least has
an id it still counts as a sample that could not be judged, so that every sample gets exactly one prediction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from livegate.errors import ConfigError
from livegate.types import Box, PadDecision, Role

UNSPECIFIED = "unspecified"
NOT_STATED = "not stated"
# No pixel, focal length or millisecond comes near.
_LARGEST = 1e12
# A clip of ten seconds with three sensors at 15 pictures a second takes half of it.
MAX_LINE_BYTES = 64 << 10
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class CameraMatrix:
    """Focal lengths and principal point in pixels; the size of the picture is known only once it is read."""

    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True, slots=True)
class Moment:
    """The pictures of one moment, by role, and its time since the start of the clip in milliseconds.

    ``unlit`` is the near-infrared picture with the illuminator dark, where there is one.
    """

    paths: Mapping[Role, Path]
    t_ms: float
    unlit: Path | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled presentation: a still (one moment) or a clip (several, oldest first).

    ``pai_species`` is None exactly for bona fide presentations. ``face`` is the true box that recall is counted
    against: the line's ``yunet_box``, else its ``box``. ``traits`` are the fields that were asked for, in words.
    ``baseline_mm`` is how far rgb_right stands to the right of rgb, where that is known.
    """

    line: int
    id: str
    moments: tuple[Moment, ...]
    is_clip: bool
    camera: CameraMatrix | None
    pai_species: str | None
    subject: str | None
    source: str
    face: Box | None
    traits: Mapping[str, str] = field(default_factory=dict)
    baseline_mm: float | None = None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no sample: its number (from 1), what is wrong, and its id where it has a usable one."""

    line: int
    problem: str
    id: str | None = None


def read_manifest(path: Path, split: str | None = None, traits: Sequence[str] = ()) -> Iterator[Sample | BadLine]:
    """Yield every sample of ``path`` in order, bad lines in their places; with ``split`` only lines of that split.

    ``traits`` names further fields to keep, ``a.b`` for field b of field a. Blank lines and other unknown fields are
    ignored. Paths are taken from the manifest's folder. An id that stood before
    makes a line bad. Raises ConfigError when the file cannot be read.
    """
    seen: dict[str, int] = {}
    try:
        with path.open("rb") as lines:
            for number, raw in enumerate(_lines(lines), start=1):
                entry = _entry(raw, number, split, path.parent, traits)
                if entry is None:
                    continue
                if entry.id in seen:
                    yield BadLine(
                        number, f"id '{entry.id}' stands already in line {seen[entry.id]}; give each sample its own"
                    )
                    continue
                if entry.id is not None:
                    seen[entry.id] = number
                yield entry
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); give one that is there") from exc


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield every line, of one that is too long its beginning: nobody's file shall fill the memory."""
    while raw := file.readline(MAX_LINE_BYTES + 1):
        yield raw
        while len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            raw = file.readline(MAX_LINE_BYTES + 1)


def _entry(raw: bytes, number: int, split: str | None, base: Path, traits: Sequence[str]) -> Sample | BadLine | None:
    if not raw.strip():
        return None
    try:
        fields = _parsed(raw)
    except (ValueError, RecursionError) as exc:
        return BadLine(number, f"is not JSON: {exc}")
    if not isinstance(fields, dict):
        return BadLine(number, 'is not a JSON object; a sample is written {"id": ..., "rgb": ..., "label": ...}')
    if split is not None and fields.get("split") != split:
        return None
    try:
        return replace(_sample(fields, number, base), traits={name: _trait(fields, name) for name in traits})
    except ConfigError as exc:
        return BadLine(number, str(exc), fields["id"] if _is_text(fields.get("id")) else None)


def _parsed(raw: bytes) -> Any:
    if len(raw) > MAX_LINE_BYTES:
        raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
    return json.loads(raw.decode("utf-8-sig"))


def _sample(fields: Mapping[str, Any], number: int, base: Path) -> Sample:
    is_clip = fields.get("frames") is not None
    return Sample(
        line=number,
        id=_text(fields, "id"),
        moments=_clip(fields["frames"], base) if is_clip else (_moment(fields, base, 0.0),),
        is_clip=is_clip,
        camera=_camera(fields.get("camera")),
        pai_species=_species(fields),
        subject=_optional_text(fields, "subject"),
        source=_optional_text(fields, "source") or UNSPECIFIED,
        face=_box(fields, "yunet_box") or _box(fields, "box"),
        baseline_mm=_baseline(fields.get("baseline_mm")),
    )


def _trait(fields: Mapping[str, Any], name: str) -> str:
    value: Any = fields
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool | int | float) or _is_text(value):
        return str(value)
    return NOT_STATED


def _species(fields: Mapping[str, Any]) -> str | None:
    label, species = fields.get("label"), _optional_text(fields, "pai_species")
    if label == PadDecision.ATTACK:
        return species or UNSPECIFIED
    if label != PadDecision.BONA_FIDE:
        raise ConfigError(f"'label': expected 'bona_fide' or 'attack', found {label!r}")
    if species is not None:
        raise ConfigError(f"'label' is 'bona_fide' but 'pai_species' is '{species}'; a living face has none")
    return None


def _clip(frames: Any, base: Path) -> tuple[Moment, ...]:
    if not isinstance(frames, list) or not frames:
        raise ConfigError("'frames': expected a list with at least one frame")
    moments: list[Moment] = []
    for index, frame in enumerate(frames, start=1):
        if not isinstance(frame, dict):
            raise ConfigError(f"'frames' {index}: expected an object with 'rgb' and 't_ms', found {frame!r}")
        t_ms = _number(frame.get("t_ms"), f"'frames' {index}: 't_ms'")
        if moments and t_ms <= moments[-1].t_ms:
            raise ConfigError(f"'frames' {index}: 't_ms' {t_ms} is not later than {moments[-1].t_ms}; sort by time")
        moments.append(_moment(frame, base, t_ms))
    return tuple(moments)


def _moment(fields: Mapping[str, Any], base: Path, t_ms: float) -> Moment:
    unlit = _optional_text(fields, "nir_unlit")
    return Moment(_paths(fields, base), t_ms, None if unlit is None else base / unlit)


def _paths(fields: Mapping[str, Any], base: Path) -> dict[Role, Path]:
    if not _is_text(fields.get(Role.RGB)):
        raise ConfigError(f"'rgb': expected the path of a picture, found {fields.get(Role.RGB)!r}")
    named = {role: _optional_text(fields, role) for role in Role}
    return {role: base / name for role, name in named.items() if name is not None}


def _camera(value: Any) -> CameraMatrix | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ConfigError(f"'camera': expected null or an object with fx, fy, cx, cy, found {value!r}")
    fx, fy, cx, cy = (_number(value.get(key), f"'camera' '{key}'") for key in ("fx", "fy", "cx", "cy"))
    if min(fx, fy) <= 0:
        raise ConfigError(f"'camera': expected focal lengths above 0, found fx {fx}, fy {fy}")
    return CameraMatrix(fx, fy, cx, cy)


def _baseline(value: Any) -> float | None:
    if value is None:
        return None
    baseline_mm = _number(value, "'baseline_mm'")
    if baseline_mm <= 0:
        raise ConfigError(f"'baseline_mm': expected a number above 0, found {baseline_mm}")
    return baseline_mm


def _box(fields: Mapping[str, Any], key: str) -> Box | None:
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise ConfigError(f"'{key}': expected null or [x, y, width, height], found {value!r}")
    x, y, w, h = (_number(number, f"'{key}'") for number in value)
    return Box(x, y, w, h)


def _number(value: Any, what: str) -> float:
    # Written so that NaN fails too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        raise ConfigError(f"{what}: expected a number within ±{_LARGEST:g}, found {str(value)[:40]}")
    return float(value)


def _is_text(value: Any) -> bool:
    # JSON can spell half a character, which no file and no terminal takes.
    return isinstance(value, str) and bool(value) and not _HALF.search(value)


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if not _is_text(value):
        raise ConfigError(f"'{key}': expected a string of whole characters that is not empty, found {value!r}")
    return str(value)


def _optional_text(fields: Mapping[str, Any], key: str) -> str | None:
    return None if fields.get(key) is None else _text(fields, key)
