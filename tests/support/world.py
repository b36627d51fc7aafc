"""The world around a process: a disk that remembers every change, one that fails, a clock that lies (world.c)."""

from __future__ import annotations

import mmap
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("world.c")
SECTOR_BYTES = 512
_HEAD = struct.Struct("<cHQI")
_STATE = struct.Struct("<qqqq")


def library(folder: Path) -> Path:
    """Compile the world; skip where there is no compiler, fail in CI."""
    built = folder / "world.so"
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no C compiler (cc); install gcc")
        pytest.skip("needs a C compiler (cc)")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", built, SOURCE, "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    return built


@dataclass
class World:
    """What processes with this environment live in; changed while they run."""

    folder: Path
    disk: Path
    state: Path = field(init=False)
    _memory: mmap.mmap = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.folder / "world.state"
        self.state.write_bytes(bytes(_STATE.size))
        with self.state.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _STATE.size)

    @property
    def log(self) -> Path:
        return self.folder / "world.log"

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(library(self.folder)),
            "WORLD_DISK": str(self.disk),
            "WORLD_LOG": str(self.log),
            "WORLD_STATE": str(self.state),
        }

    def disk_fails(self, errno: int) -> None:
        """Let every write fail with ``errno`` from now on; 0 mends the disk."""
        self._set(0, errno)

    def wall_is_ahead(self, seconds: int) -> None:
        """Let the wall clock show so many seconds more than it is."""
        self._set(1, seconds)

    def synchronised(self, known: bool | None) -> None:
        """Let the kernel say that a time server sets the clock, or that none does; None lets it say what it knows."""
        self._set(2, {None: 0, True: 1, False: 2}[known])

    def _set(self, place: int, value: int) -> None:
        self._memory[8 * place : 8 * place + 8] = struct.pack("<q", value)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the disk: ``op`` as world.c names it."""

    op: str
    name: str
    offset: int
    data: bytes


def changes(log: Path) -> Iterator[Change]:
    """Yield what was done to the disk, in order."""
    content = log.read_bytes()
    at = 0
    while at < len(content):
        op, name_length, offset, length = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        name = content[at : at + name_length].decode()
        at += name_length
        yield Change(op.decode(), name, offset, content[at : at + length])
        at += length


@dataclass
class _File:
    durable: bytes = b""
    pending: list[Change] = field(default_factory=list)


@dataclass
class Disk:
    """A disk that forgets at a power cut what was not flushed: any part of it, in any order, torn within a sector's
    neighbours. Names appear and vanish in order, and for certain once their folder was flushed.
    """

    names: dict[str, _File] = field(default_factory=dict)
    steps: list[dict[str, _File]] = field(default_factory=lambda: [{}])
    """How the folder looked after each change of names since it was flushed last."""

    def take(self, change: Change) -> None:
        """Do ``change``."""
        if change.op in "WT":
            if change.name not in self.names:
                self._rename({**self.names, change.name: _File()})
            self.names[change.name].pending.append(change)
        elif change.op == "S" and change.name in self.names:
            file = self.names[change.name]
            file.durable, file.pending = _applied(file.durable, file.pending), []
        elif change.op == "D":
            self.steps = [self.names]
        elif change.op in "URL":
            self._change_names(change)

    def survivors(self, how: str, chance: random.Random) -> dict[str, bytes]:
        """Return the files after a power cut now: of what was not flushed "nothing", "all" or "some" is there."""
        if how == "nothing":
            return {name: file.durable for name, file in self.steps[0].items()}
        if how == "all":
            return {name: _applied(file.durable, file.pending) for name, file in self.names.items()}
        names = chance.choice(self.steps)
        return {name: _applied(file.durable, _some(file.pending, chance)) for name, file in names.items()}

    def _change_names(self, change: Change) -> None:
        names = dict(self.names)
        file = names.get(change.name)
        if file is None:
            return
        if change.op in "UR":
            del names[change.name]
        if change.op in "RL":
            names[change.data.decode()] = file
        self._rename(names)

    def _rename(self, names: dict[str, _File]) -> None:
        self.names = names
        self.steps.append(names)


def _some(pending: list[Change], chance: random.Random) -> list[Change]:
    kept: list[Change] = []
    share = chance.choice((0.1, 0.5, 0.9))
    for change in pending:
        if change.op == "T":
            kept += [change] if chance.random() < share else []
            continue
        for start in range(0, len(change.data), SECTOR_BYTES):
            if chance.random() < share:
                piece = change.data[start : start + SECTOR_BYTES]
                kept.append(Change("W", change.name, change.offset + start, piece))
    return kept


def _applied(content: bytes, pending: list[Change]) -> bytes:
    if not pending:
        return content
    grown = bytearray(content)
    for change in pending:
        end = change.offset + len(change.data)
        if change.op == "T":
            grown = grown[: change.offset].ljust(change.offset, b"\0")
        else:
            if len(grown) < end:
                grown.extend(bytes(end - len(grown)))
            grown[change.offset : end] = change.data
    return bytes(grown)


def write_out(files: dict[str, bytes], folder: Path) -> None:
    """Make ``folder`` hold exactly ``files``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_bytes(content)
