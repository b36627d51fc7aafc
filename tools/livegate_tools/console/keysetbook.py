"""What a folder of keys remembers of the keysets made from it: the last version, and every key that was revoked.

A fresh terminal knows only the newest keyset. One that no longer named the keys an earlier one revoked would have it
trust a stolen key, so what was revoked once goes into every later keyset.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from livegate.errors import ConfigError
from livegate.filesystem import settle
from livegate.trust.keys import KEYID
from livegate.trust.keyset import MAX_REVOKED

FILE = "keysets.json"


@dataclass(frozen=True, slots=True)
class KeysetBook:
    """The highest ``version`` made from a folder, and all keyids its keysets ever revoked."""

    version: int = 0
    revoked: frozenset[str] = frozenset()

    @classmethod
    def read(cls, folder: Path) -> KeysetBook:
        """Return what ``folder`` remembers, nothing when no keyset was made; ConfigError when its file is damaged."""
        path = folder / FILE
        try:
            kept = json.loads(path.read_bytes())
            book = cls(int(kept["version"]), frozenset(str(keyid) for keyid in kept["revoked"]))
        except FileNotFoundError:
            return cls()
        except OSError as exc:
            raise ConfigError(f"{path}: cannot be read ({exc.strerror})") from exc
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            raise ConfigError(
                f"{path}: is not what console keys keyset wrote; bring it back from a copy, it says which keys are "
                "revoked"
            ) from exc
        return book

    def next(self, version: int, revoked: Iterable[str]) -> KeysetBook:
        """Return the book with one more keyset in it; ConfigError when its version is not above the last one's."""
        if version <= self.version:
            raise ConfigError(
                f"--version {version}: expected {self.version + 1} or more, above the last keyset made from this folder"
            )
        wrong = next((keyid for keyid in revoked if not KEYID.fullmatch(keyid)), None)
        if wrong is not None:
            raise ConfigError(f"--revoke {wrong}: expected 16 hexadecimal digits, as console keys id prints them")
        everything = self.revoked | frozenset(revoked)
        if len(everything) > MAX_REVOKED:
            raise ConfigError(f"--revoke: more than {MAX_REVOKED} keys; begin with a new root")
        return KeysetBook(version, everything)

    def write(self, folder: Path) -> None:
        """Keep the book in ``folder``, durably; ConfigError when that cannot be done."""
        path = folder / FILE
        fresh = path.with_name(f".{FILE}.new")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                json.dump({"version": self.version, "revoked": sorted(self.revoked)}, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            settle(folder)
        except OSError as exc:
            raise ConfigError(f"{path}: cannot be written ({exc.strerror}); no keyset is made without it") from exc
