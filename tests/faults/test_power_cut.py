"""The power goes: whatever was flushed is there, of the rest any part; what was told, acknowledged and opened holds.

The terminal runs on a disk that keeps every change (support/world.c). Afterwards the disk is put together as it might
have been found at each flush and between flushes, and a terminal is started on it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.mortal import alive
from support.records import record, times
from support.witness import Witness
from support.world import Change, Disk, World, changes, write_out

TESTS = Path(__file__).parents[1]
VISITS = times(40, 400)
# Of each moment, so many ways it could have gone besides the two extremes.
TORN = times(1, 4)
# Power cuts beside the flushes themselves.
STATES = times(150, 6_000)
SAID = "said"

LIFE = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.mortal import alive
folder = Path(sys.argv[1])
out = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
with alive(folder, lambda line: os.write(out, f"{line}\\n".encode()), 7) as mortal:
    for _ in range(int(sys.argv[3])):
        mortal.visit()
        mortal.chore()
"""

pytestmark = pytest.mark.timeout(1_800)


@pytest.fixture
def history(tmp_path: Path) -> list[Change]:
    """All that a terminal did to its disk over some visits, from an empty folder on."""
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o700)
    world = World(tmp_path, disk)
    command = [sys.executable, "-c", LIFE, str(disk), str(TESTS), str(VISITS)]
    subprocess.run(command, check=True, env=os.environ | world.environment())
    return list(changes(world.log))


@pytest.fixture
def memory() -> Iterator[Path]:
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="livegate-power-", dir=place) as folder:
        yield Path(folder)


def test_nothing_told_is_lost_and_no_door_moves_for_nothing(history: list[Change], memory: Path) -> None:
    chance = random.Random(5)
    flushes = [number for number, change in enumerate(history) if change.op in "SD"]
    per_moment = 2 + TORN
    # Right before a flush the most is at stake.
    moments = {
        *chance.sample(flushes, min(len(flushes), STATES // per_moment)),
        *chance.sample(range(len(history)), min(len(history), STATES // per_moment // 4)),
    }
    disk, said, tried, began = Disk(), b"", Counter[str](), 0
    for number, change in enumerate(history):
        if number in moments:
            for how in ("nothing", "all", *["some"] * TORN):
                tried[how] += 1
                began += found(disk.survivors(how, chance), said.decode(), memory / "disk")
        if change.name == SAID:
            # The world has heard it, whatever becomes of the disk.
            said += change.data
        else:
            disk.take(change)
    assert min(tried.values()) > 10
    assert said.count(b"pulse") > 5
    record(
        "power cut: unflushed writes lost, reordered, torn",
        f"{sum(tried.values()):,} disks from {len(moments):,} moments and {len(flushes):,} flushes",
        remarks=f"{tried['nothing']:,} with nothing unflushed left, {tried['all']:,} with all, {tried['some']:,} torn",
    )


def found(files: dict[str, bytes], said: str, folder: Path) -> bool:
    """Start a terminal on what is found after the cut; return whether it had said anything before."""
    write_out(files, folder)
    witness = Witness()
    witness.hear(said.splitlines(keepends=True))
    lines: list[str] = []
    with alive(folder, lambda line: lines.append(f"{line}\n"), 1) as mortal:
        mortal.visit()
    witness.hear(lines)
    witness.judge(folder)
    return bool(said)
