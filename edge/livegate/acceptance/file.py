"""A terminal's own calibration as it lies in the state folder: whole or not there, its owner's only, one step back."""

from __future__ import annotations

import hashlib
import json
import math
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from livegate.decide.recalibration import MAX_SHIFT_LLR, ClassShift, Recalibration
from livegate.errors import CalibrationError, ConfigError, StoreError
from livegate.filesystem import replace_whole, settle
from livegate.options import Between, Matches, parse
from livegate.store.files import prepare_folder
from livegate.toml_text import toml_lines
from livegate.trust.keyfiles import check_private

FILE = "decision-calibration.toml"
BEFORE = "decision-calibration.before.toml"
"""What was in force before; it holds NONE where nothing was."""
NONE = b"# nothing was in force\n"
MAX_BYTES = 64 * 1024
_HEAD = "# This terminal's own calibration, written by `livegate calibrate decision`; --undo takes it back.\n"
_SHA256 = "[0-9a-f]{64}"

Sha256 = Annotated[str, Matches(_SHA256)]


@dataclass(frozen=True, slots=True)
class Learnt:
    """Table [recalibration]: the shift, for which cues, how sure it is, and when it was learnt."""

    cues: tuple[Annotated[str, Matches("[A-Za-z0-9_.-]{1,64}")], ...]
    shift_llr: Annotated[float, Between(-MAX_SHIFT_LLR, MAX_SHIFT_LLR)]
    deviation_llr: Annotated[float, Between(0, 50)]
    made: Annotated[str, Matches("[0-9TZ:.-]{10,32}")]


@dataclass(frozen=True, slots=True)
class Source:
    """Table [source]: the manifest's SHA-256 where one was read, and how many operators' labels were used."""

    manifest_sha256: Sha256 | None = None
    labels: Annotated[int, Between(0, None)] = 0


@dataclass(frozen=True, slots=True)
class Tables:
    """The file. ``models`` has the fingerprint of each model that judged the samples, by name."""

    recalibration: Learnt
    bona_fide: ClassShift
    attack: ClassShift
    source: Source
    models: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A calibration that lies in the state folder, and the SHA-256 of its file."""

    tables: Tables
    sha256: str

    @property
    def recalibration(self) -> Recalibration:
        """What is to be put in force."""
        return Recalibration(frozenset(self.tables.recalibration.cues), self.tables.recalibration.shift_llr)


def load(state_dir: Path) -> Kept | None:
    """Return the calibration in ``state_dir``, None where there is none.

    CalibrationError for one that is damaged, out of bounds, too large, or that others may touch.
    """
    path = state_dir / FILE
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise CalibrationError(f"{path}: is not a plain file; move it away")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    try:
        check_private(path)
        content = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    except StoreError as exc:
        raise CalibrationError(str(exc)) from exc
    return Kept(_parsed(content, path), hashlib.sha256(content).hexdigest())


def keep(state_dir: Path, tables: Tables) -> Kept:
    """Put ``tables`` in the place of what is there, which one :func:`undo` brings back; return what lies there now.

    A power cut leaves the one or the other. StoreError where the folder is not ours, CalibrationError when it cannot be
    written.
    """
    prepare_folder(state_dir)
    path, content = state_dir / FILE, _text(tables).encode()
    try:
        replace_whole(state_dir / BEFORE, _sound(path))
        replace_whole(path, content)
    except OSError as exc:
        raise CalibrationError(f"{path}: cannot be written ({exc.strerror}); check the disk and its folder") from exc
    return Kept(_parsed(content, path), hashlib.sha256(content).hexdigest())


def undo(state_dir: Path) -> Kept | None:
    """Bring back what was in force before the last :func:`keep`; return it, None where that was nothing.

    Further back there is nothing: after that, another undo takes away what there is. CalibrationError where nothing is
    in force.
    """
    prepare_folder(state_dir)
    path, before = state_dir / FILE, state_dir / BEFORE
    try:
        if not path.is_file():
            raise CalibrationError(f"{path}: is not there, so there is nothing to take back")
        earlier = before.read_bytes() if before.is_file() else NONE
        if earlier == NONE:
            path.unlink()
        else:
            # Not by renaming: a power cut between two renames would leave neither.
            replace_whole(path, earlier)
        before.unlink(missing_ok=True)
        settle(state_dir)
    except OSError as exc:
        raise CalibrationError(f"{path}: cannot be taken back ({exc.strerror}); check the disk and its folder") from exc
    return load(state_dir)


def check_models(kept: Kept, models: Mapping[str, str]) -> None:
    """Raise CalibrationError, naming one, unless every model is the one that the calibration was made with."""
    made_with = kept.tables.models
    unlike = sorted(name for name in models.keys() | made_with.keys() if models.get(name) != made_with.get(name))
    if unlike:
        raise CalibrationError(
            f"{FILE}: was made with another '{unlike[0]}' and is not used; "
            "run livegate calibrate decision again, or take it back with --undo"
        )


def ensemble_sha256(models: Mapping[str, str]) -> str:
    """Return one SHA-256 for all the models that judge together."""
    return hashlib.sha256(json.dumps(models, sort_keys=True).encode()).hexdigest()


def _text(tables: Tables) -> str:
    return "\n".join([_HEAD, *toml_lines(asdict(tables))]) + "\n"


def _parsed(content: bytes, path: Path) -> Tables:
    try:
        tables = parse(Tables, tomllib.loads(content.decode("utf-8")), str(path))
    except (ConfigError, ValueError, RecursionError) as exc:
        raise CalibrationError(
            f"{path}: is damaged ({exc}); run livegate calibrate decision again, or --undo to do without"
        ) from exc
    if not math.isfinite(tables.recalibration.shift_llr) or not tables.recalibration.cues:
        raise CalibrationError(f"{path}: expected a number and at least one cue; run livegate calibrate decision again")
    return tables


def _sound(path: Path) -> bytes:
    """Return what lies at ``path``, or NONE: what is damaged is nothing to come back to."""
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        return NONE
    content = path.read_bytes()
    try:
        _parsed(content, path)
    except CalibrationError:
        return NONE
    return content


def _unreadable(path: Path, exc: OSError) -> CalibrationError:
    return CalibrationError(f"{path}: cannot be read ({exc.strerror}); check the disk and its permissions")
