"""Disk space held back for the last words: given up when the disk is full, taken again when there is room to spare."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RESERVE = "livegate.reserve"
# What the log takes to tell, event by event, of a disk that is full: doors, alarms, capacity and gap.
RESERVE_BYTES = 2 << 20
# Taking the last free bytes of a disk would only fill it again.
_SPARE = 2


@dataclass(frozen=True, slots=True)
class Reserve:
    """The file of reserved space in a state folder."""

    path: Path

    @classmethod
    def of(cls, state_dir: Path) -> Reserve:
        """Return the reserve of a state folder, whether it is there or not."""
        return cls(state_dir / RESERVE)

    def keep(self) -> bool:
        """Allocate the space really, if the disk has more than that; return whether it is held now."""
        try:
            if self.path.exists() and self.path.stat().st_size >= RESERVE_BYTES:
                return True
            if shutil.disk_usage(self.path.parent).free < _SPARE * RESERVE_BYTES:
                return False
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        except OSError:
            self.give_up()
            return False
        finally:
            os.close(descriptor)
        return True

    def give_up(self) -> None:
        """Let the disk have the space back; when there is none it is done already."""
        with suppress(OSError):
            self.path.unlink()
