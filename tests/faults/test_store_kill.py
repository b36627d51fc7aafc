"""A process that commits in a loop is killed again and again: what it said it had committed must be there."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from livegate.events.chain import verify_chain
from livegate.store import StoreReader

KILLS = 30
TESTS = Path(__file__).parents[1]
WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.stores import BONA_FIDE, ATTACK, StillClock, attempt, limit, opened, policy
from livegate.clock import read_clock
rules = policy(limit("attempt", 1000, 1.0, 0), limit("presentation_attack", 5, 60, 1))
store = opened(Path(sys.argv[1]), read_clock, history=1_000_000)
print("ready", flush=True)
for number in range(1_000_000):
    attempt(store, ATTACK if number % 3 else BONA_FIDE, rules, read_clock())
    head = store.last()
    print(head.sequence, head.chainhash, flush=True)
    if number % 50 == 49:
        store.acknowledge(head.sequence - 10, store.chainhash_at(head.sequence - 10), "console")
        print("acknowledged", head.sequence - 10, flush=True)
    if number % 80 == 79:
        store.tick(rules)
"""


def killed_after(folder: Path, lines: int, extra_s: float) -> list[list[str]]:
    """Start the writer, kill it some time after it said ``lines`` lines; return all it said, by words."""
    command = [sys.executable, "-c", WRITER, str(folder), str(TESTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        try:
            process.wait(extra_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    # The last line may be cut short by the kill.
    return [line.split() for line in said if line.endswith("\n")]


def test_nothing_committed_is_lost_by_kills(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    committed: dict[int, str] = {}
    acknowledged = 0
    for _ in range(KILLS):
        for words in killed_after(tmp_path, chance.randint(1, 40), chance.random() * 0.02):
            if words[0] == "acknowledged":
                acknowledged = int(words[1])
            elif words[0] != "ready":
                committed[int(words[0])] = words[1]
        with StoreReader(tmp_path) as store:
            kept = {event.sequence: event for event in store.events(0, 1_000_000)}
            assert sorted(kept) == list(range(1, store.last().sequence + 1))
            assert {sequence: kept[sequence].chainhash for sequence in committed} == committed
            assert store.acknowledged_through() >= acknowledged
            assert verify_chain(kept.values(), store.anchor()) is None
    assert len(committed) > KILLS
