"""Disks that fill, turn read-only or fail while a terminal writes: nothing half-done, no door, and on again after."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.records import record, times
from support.witness import Witness
from support.world import World

TESTS = Path(__file__).parents[1]
ROUNDS = times(20, 500)
LIFE = """
import os, random, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.mortal import alive
folder, state, kinds = Path(sys.argv[1]), Path(sys.argv[3]), [int(n) for n in sys.argv[5].split(",")]
out = os.open(Path(sys.argv[4]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
def say(line):
    os.write(out, f"{line}\\n".encode())
def disk(fails):
    with state.open("r+b") as file:
        file.write(fails.to_bytes(8, "little"))
chance = random.Random(3)
with alive(folder, say, 7) as mortal:
    for number in range(int(sys.argv[6])):
        for _ in range(chance.randrange(1, 4)):
            mortal.visit()
            mortal.chore()
        failed = mortal.failed
        disk(kinds[number % len(kinds)])
        for _ in range(chance.randrange(1, 4)):
            mortal.visit()
            mortal.chore()
        disk(0)
        say(f"failed {mortal.failed - failed}")
"""
ERRORS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "broken": errno.EIO}

pytestmark = pytest.mark.timeout(600)


def test_disks_that_fail_and_come_back(tmp_path: Path) -> None:
    disk, said = tmp_path / "disk", tmp_path / "said"
    disk.mkdir(mode=0o700)
    world = World(tmp_path, disk)
    kinds = ",".join(str(number) for number in ERRORS.values())
    command = [sys.executable, "-c", LIFE, str(disk), str(TESTS), str(world.state), str(said), kinds, str(ROUNDS)]
    ended = subprocess.run(command, env=os.environ | world.environment(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = said.read_text().splitlines(keepends=True)
    witness = Witness()
    witness.hear(lines)
    last = witness.judge(disk)
    failed = sum(int(line.split()[1]) for line in lines if line.startswith("failed"))
    assert failed > ROUNDS
    record(
        "disk full, read-only, failing, and well again",
        f"{ROUNDS:,} times, {failed:,} commits refused",
        remarks=f"{last:,} events, {witness.seen['pulse']:,} pulses; what could not be committed was a denial",
    )
