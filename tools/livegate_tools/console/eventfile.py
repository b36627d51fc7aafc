"""Events kept in files, one a line exactly as published: each one once, and on the disk before it is acknowledged.

A console that was stopped anywhere between the two gets the events anew that it did not acknowledge; what the file
holds of them already is not written again.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from livegate.errors import ConfigError, LinkError
from livegate.events.cloudevents import ChainHead
from livegate.filesystem import settle
from livegate.report.wire import MAX_PACKET_BYTES
from livegate_tools.console.reading import Seen

log = logging.getLogger(__name__)

_Key = tuple[str, str]
"""An event's source and stream."""
_NOTHING = ChainHead(0, "")
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class EventFiles:
    """Keeps events in one file, or in a folder with a file for each stream of each terminal.

    :meth:`keep` belongs to a console's sink, :meth:`settle` before its acknowledgements. One process at a time.
    """

    def __init__(self, path: Path) -> None:
        """Go on behind the last whole line of ``path``; a folder must be there. ConfigError when it cannot be used."""
        self._path, self._in_folder = path, path.is_dir()
        self._lock = _locked(path, folder=self._in_folder)
        self._sizes: dict[Path, int] = {}
        self._last: dict[_Key, ChainHead] = {}
        self._unsettled: dict[Path, list[bytes]] = {}
        self._lost: str | None = None
        for file in sorted(path.glob("*.jsonl")) if self._in_folder else [path]:
            self._open(file)

    def lacks(self, source: str, stream: str, through: int) -> None:
        """Say loudly when what a console's state says it holds of a stream is not here.

        Raises ConfigError when the file ends before: it was cut, or is an older copy.
        """
        there = self._last.get((source, stream), _NOTHING).sequence
        if 0 < there < through:
            raise ConfigError(
                f"{self._path}: ends with event {there} of {stream}, and the console's state says that {through} are "
                "held; bring the whole file back, or give another one to begin behind them"
            )
        if not there and through:
            log.warning("%s: holds nothing of %s up to event %d, which was kept elsewhere", self._path, stream, through)

    def keep(self, seen: Seen) -> None:
        """Take an event unless the file holds it; LinkError when the file holds another one in its place."""
        key, here = (str(seen.members.get("source")), seen.stream), ChainHead(seen.event.sequence, seen.event.chainhash)
        last = self._last.get(key, _NOTHING)
        if here.sequence > last.sequence:
            self._unsettled.setdefault(self._file(seen), []).append(_line(seen.event.body))
            self._last[key] = here
        elif here.sequence == last.sequence and here != last:
            raise LinkError(f"{self._path}: holds another event {here.sequence} of {seen.stream} than what comes now")

    def settle(self) -> None:
        """Return once the disk has everything kept; LinkError when it cannot, and then nothing may be acknowledged."""
        if self._lost is not None:
            raise LinkError(self._lost)
        for file in list(self._unsettled):
            self._append(file, b"".join(self._unsettled[file]))
            del self._unsettled[file]

    def close(self) -> None:
        """Let others use the files."""
        os.close(self._lock)

    def _append(self, path: Path, content: bytes) -> None:
        fresh, size = path not in self._sizes, self._sizes.get(path, 0)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size < size:
                    raise LinkError(f"{path}: is shorter than it was; stop the console before it is moved or cut")
                # A full disk may have taken the half of what was tried last.
                file.truncate(size)
                file.seek(size)
                _write_all(file, content)
                self._sync(path, file)
            if fresh:
                settle(path.parent)
        except OSError as exc:
            raise LinkError(
                f"{path}: cannot be written ({exc.strerror}); nothing is acknowledged until it can"
            ) from exc
        self._sizes[path] = size + len(content)

    def _sync(self, path: Path, file: io.FileIO) -> None:
        try:
            os.fsync(file.fileno())
        except OSError as exc:
            # The kernel says so once, and then forgets what it could not write.
            self._lost = f"{path}: the disk lost what was written ({exc.strerror}); start the console anew"
            raise LinkError(self._lost) from exc

    def _file(self, seen: Seen) -> Path:
        if not self._in_folder:
            return self._path
        stream = seen.stream if _PLAIN.fullmatch(seen.stream) else hashlib.sha256(seen.stream.encode()).hexdigest()
        return self._path / f"{seen.topics.site}.{seen.topics.terminal}.{stream}.jsonl"

    def _open(self, path: Path) -> None:
        """Note what ``path`` holds of each stream, and cut off a line that has no end."""
        try:
            with os.fdopen(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW), "r+b") as file:
                size = sum(len(line) for line in self._whole_lines(path, file))
                file.truncate(size)
                os.fsync(file.fileno())
        except OSError as exc:
            raise ConfigError(f"{path}: cannot be read and written ({exc.strerror})") from exc
        self._sizes[path] = size

    def _whole_lines(self, path: Path, lines: Iterable[bytes]) -> Iterator[bytes]:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            try:
                event = json.loads(line) if len(line) <= MAX_PACKET_BYTES else {}
                key = event["source"], event["stream"]
                self._last[key] = ChainHead(int(event["sequence"]), str(event["chainhash"]))
            except (ValueError, KeyError, TypeError, RecursionError) as exc:
                raise ConfigError(f"{path}: line {number} is no event; give another file") from exc
            yield line


def _line(body: bytes) -> bytes:
    """Return an event as one line; a raw line end in JSON stands between its members only, where a blank does too."""
    return body.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"


def _write_all(file: io.FileIO, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _locked(path: Path, *, folder: bool) -> int:
    """Return a descriptor that holds ``path``, made 0600 unless it is there, for this process alone."""
    flags = os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ConfigError(
            f"--out {path}: cannot be opened ({exc.strerror}); name a file or an existing folder"
        ) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(descriptor)
        raise ConfigError(f"--out {path}: another console writes it") from exc
    return descriptor
