"""A process that receives list after list is killed again and again: a list is in force whole, or not at all."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from livegate.lists import CentralLists, ListName
from support.central_lists import hex_of
from support.records import record, times

KILLS = times(8, 100)
ENTRIES = 300
pytestmark = pytest.mark.timeout(900)

TESTS = Path(__file__).parents[1]
# Every version rewrites every entry, so that half a version shows.
RECEIVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from livegate.lists import CentralLists, ListName, Receiver
from support.central_lists import NOW_S, blocked_many, edition, finished, made
entries = int(sys.argv[3])
lists = CentralLists.open(Path(sys.argv[1]))
receiver = Receiver(lists, spare_bytes=0)
applied = lists.versions().get(ListName.BLOCK)
version = applied.version if applied else 0
print("ready", version, flush=True)
while True:
    base, version = version, version + 1
    of = edition(version=version, base=base if base and version % 4 else None)
    sent = made(of, blocked_many(entries, version=version), chunk_bytes=4_000)
    progress = receiver.offer(sent.manifest, floor=version - 1, now_s=NOW_S)
    if progress.want != 0:
        print("resumed", progress.want, flush=True)
    while progress.want is not None:
        progress = receiver.chunk(ListName.BLOCK, progress.want, sent.chunks[progress.want])
    print("complete", version, flush=True)
    progress = finished(receiver, ListName.BLOCK, now_s=NOW_S)
    assert progress.applied.version == version, progress
    print("applied", version, flush=True)
"""


def killed_after(folder: Path, lines: int, extra_s: float) -> list[list[str]]:
    """Start the receiver, kill it some time after it said ``lines`` lines; return all it said, by words."""
    command = [sys.executable, "-c", RECEIVER, str(folder), str(TESTS), str(ENTRIES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        try:
            process.wait(extra_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL, said
    # The last line may be cut short by the kill.
    return [line.split() for line in said if line.endswith("\n")]


def killed_again_and_again(folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Return how often what was seen; AssertionError when a list was lost, or in force by half."""
    chance = random.Random(seed)
    told = 0
    seen = {"ready": 0, "complete": 0, "applied": 0, "resumed": 0}
    for _ in range(kills):
        for what, number in killed_after(folder, chance.randint(1, 9), chance.random() * 0.03):
            seen[what] += 1
            told = max(told, int(number)) if what == "applied" else told
        lists = CentralLists.open(folder)
        assert lists.broken == ()
        applied = lists.versions().get(ListName.BLOCK)
        version = 0 if applied is None else applied.version
        assert version >= told
        found = lists.lookup_block(("credential", hex_of(number)) for number in range(ENTRIES))
        assert {entry.reason for entry in found} == ({f"version {version}"} if version else set())
        assert len(found) == (ENTRIES if version else 0)
        assert lists.check(ListName.BLOCK)
        lists.close()
    return seen


def test_lists_are_whole_after_kills(tmp_path: Path) -> None:
    seen = killed_again_and_again(tmp_path, KILLS, seed=20261122)
    assert seen["applied"] >= KILLS // 2
    assert seen["resumed"] > 0
    record(
        "SIGKILL while lists are received and swapped",
        f"{KILLS:,} kills",
        remarks=f"{seen['applied']:,} versions applied, {seen['resumed']:,} resumed; always a whole list in force",
    )
