"""The folder the sealed files lie in: `evidence/<attempt_id>.lge` and the ledger of their ages, all 0600."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from livegate.errors import EvidenceError, LinkError
from livegate.events.canonical import canonical
from livegate.evidence.budget import Ledger
from livegate.evidence.seal import ATTEMPT_ID, MAX_START_BYTES, read_header
from livegate.filesystem import UNFINISHED, replace_whole
from livegate.untrusted import parse_object

NAME = "evidence"
ENDING = ".lge"
LEDGER = "ledger.json"
_MAX_LEDGER_BYTES = 1 << 26
_LARGEST = 1e15


@dataclass(frozen=True, slots=True)
class Kept:
    """One sealed file: whose pictures, the date in its header (not proven), its size."""

    attempt_id: str
    time: str
    bytes: int


@dataclass(frozen=True, slots=True)
class EvidenceFolder:
    """The folder below a state folder; every method but ``write`` and ``save`` works on a read-only disk."""

    path: Path

    @classmethod
    def of(cls, state_dir: Path) -> EvidenceFolder:
        """Return the folder that belongs to a state folder; it need not be there."""
        return cls(state_dir / NAME)

    def prepare(self) -> None:
        """Make the folder (0700) and clear what a power cut left unfinished; EvidenceError when that fails."""
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            for left in self.path.glob(f"{UNFINISHED}*"):
                left.unlink(missing_ok=True)
        except OSError as exc:
            raise EvidenceError(f"{self.path}: cannot be made or tidied ({exc.strerror}); check the disk") from exc

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of every file by attempt id; empty where there is no folder."""
        found = {}
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    name, _, _ = entry.name.partition(ENDING)
                    if (
                        entry.name == name + ENDING
                        and ATTEMPT_ID.fullmatch(name)
                        and entry.is_file(follow_symlinks=False)
                    ):
                        found[name] = entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            return found
        except OSError as exc:
            raise EvidenceError(f"{self.path}: cannot be read ({exc.strerror}); run this as its owner") from exc
        return found

    def kept(self) -> list[Kept]:
        """Return what is there, oldest date first; a file that is none of ours has an empty date."""
        return sorted(
            (Kept(name, self._time(name), size) for name, size in self.sizes().items()),
            key=lambda kept: (kept.time, kept.attempt_id),
        )

    def dates_s(self) -> dict[str, float]:
        """Return the date in each file's header, Unix seconds; 0 for one without."""
        return {kept.attempt_id: _seconds(kept.time) for kept in self.kept()}

    def read(self, attempt_id: str) -> bytes:
        """Return a sealed file; EvidenceError when it is not there or cannot be read."""
        try:
            return self._file(attempt_id).read_bytes()
        except OSError as exc:
            raise EvidenceError(f"{self._file(attempt_id)}: cannot be read ({exc.strerror})") from exc

    def write(self, attempt_id: str, content: bytes) -> None:
        """Keep a sealed file, whole or not at all, on the disk when this returns; OSError when it cannot be."""
        replace_whole(self._file(attempt_id), content)

    def delete(self, attempt_id: str) -> bool:
        """Delete a file; return whether it was there. OSError when it is and will not go."""
        try:
            self._file(attempt_id).unlink()
        except FileNotFoundError:
            return False
        return True

    def free_bytes(self) -> int:
        """Return the room left on the disk."""
        space = os.statvfs(self.path)
        return space.f_bavail * space.f_frsize

    def ledger(self, wall_s: float) -> Ledger:
        """Return the ledger as last saved; one that is missing or broken begins anew at ``wall_s``."""
        try:
            content = (self.path / LEDGER).read_bytes()
            members = parse_object(content, _MAX_LEDGER_BYTES, max_depth=2)
        except (OSError, LinkError):
            return Ledger(wall_s)
        ages_s = members.get("ages_s")
        if not isinstance(ages_s, Mapping):
            return Ledger(wall_s)
        return Ledger(_number(members.get("wall_s"), wall_s), {name: _number(age, 0.0) for name, age in ages_s.items()})

    def save(self, ledger: Ledger) -> None:
        """Save the ledger; OSError when it cannot be."""
        replace_whole(self.path / LEDGER, canonical({"wall_s": ledger.wall_s, "ages_s": ledger.ages_s}))

    def _time(self, attempt_id: str) -> str:
        try:
            with self._file(attempt_id).open("rb") as file:
                return str(read_header(file.read(MAX_START_BYTES))["time"])
        except (OSError, EvidenceError):
            return ""

    def _file(self, attempt_id: str) -> Path:
        if not ATTEMPT_ID.fullmatch(attempt_id):
            raise EvidenceError(f"{json.dumps(attempt_id)[:80]} is no attempt's id; see livegate evidence list")
        return self.path / f"{attempt_id}{ENDING}"


def _number(value: Any, otherwise: float) -> float:
    """Return a finite number that is not negative, else ``otherwise``."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return float(value)
    return otherwise


def _seconds(time: str) -> float:
    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError):
        return 0.0
