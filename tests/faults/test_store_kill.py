"""A terminal is killed at random instructions, over and over: what it told, acknowledged and opened must hold."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.mortal import alive, live_for_ever
from support.obedient import obeying, versions
from support.records import record, times
from support.witness import Witness

KILLS = times(150, 7_500)
ORDERED_KILLS = times(50, 2_500)
# One state folder serves so many lives; its history is pruned all the while.
LIVES = 50
# Lives end anywhere from the first instruction to so long after the store is open.
VISITS_S = 0.1

pytestmark = [
    pytest.mark.timeout(1_800),
    # Threads of libraries do not come along into a fork, and nothing there waits for them.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def one_life(live: Callable[[Path, int, int], None], folder: Path, seed: int, lives_s: float) -> list[str]:
    """Fork a terminal that does ``live`` on ``folder``, kill it after ``lives_s``, return what it said."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            live(folder, writing, seed)
        except BaseException:  # noqa: BLE001 - whatever it is, the parent shall read it
            os.write(writing, traceback.format_exc().encode())
        finally:
            os._exit(1)
    os.close(writing)
    time.sleep(lives_s)
    os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, encoding="utf-8") as said:
        lines = said.readlines()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the terminal ended by itself: {''.join(lines[-30:])}"
    return lines


def warm(memory: Path) -> float:
    """Live twice without being killed, so that nothing is left to import; return how long opening a store takes."""
    for _ in range(2):
        began_s = time.monotonic()
        with alive(memory / "warm", lambda line: None, 0) as mortal:
            opened_s = time.monotonic()
            for _ in range(10):
                mortal.visit()
    return opened_s - began_s


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: a kill takes nothing from the kernel, so the disk adds only its time."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="livegate-kill-", dir=place))
    yield folder
    shutil.rmtree(folder)


def test_nothing_told_is_lost_and_no_door_moves_for_nothing(memory: Path) -> None:
    longest_s = warm(memory) + VISITS_S
    chance = random.Random(20261121)
    events, opening, seen, witness, folder = 0, 0, Witness().seen, Witness(), memory
    for number in range(KILLS):
        if number % LIVES == 0:
            folder = memory / str(number // LIVES)
            folder.mkdir(mode=0o700)
            seen, witness = seen + witness.seen, Witness()
        said = one_life(live_for_ever, folder, number, chance.uniform(0.0, longest_s))
        opening += "ready\n" not in said
        witness.hear(said)
        last = witness.judge(folder)
        if number % LIVES == LIVES - 1:
            events += last
            shutil.rmtree(folder)
    seen += witness.seen
    assert seen["pulse"] > KILLS / 10
    assert seen["acknowledged"] > KILLS / 10
    assert KILLS / 50 < opening < KILLS / 1.2, f"{opening} of {KILLS} kills while opening"
    record(
        "SIGKILL at random points of store, gate and door",
        f"{KILLS:,} kills, {opening:,} of them while the store opened",
        remarks=f"{events:,} events, {seen['told']:,} told, {seen['pulse']:,} pulses, {seen['acknowledged']:,} "
        "acknowledgements",
    )


def obey_for_ever(folder: Path, descriptor: int, seed: int) -> None:
    with obeying(folder, lambda line: os.write(descriptor, f"{line}\n".encode()), seed) as obedient:
        while True:
            obedient.one()
            obedient.mortal.visit()
            obedient.mortal.acknowledge()
            obedient.mortal.tidy()


def test_what_came_down_is_whole_and_no_order_is_done_twice(memory: Path) -> None:
    chance = random.Random(7)
    seen, executed, witness, folder = Witness().seen, 0, Witness(), memory
    longest_s = 2 * warm(memory) + VISITS_S
    for number in range(ORDERED_KILLS):
        if number % LIVES == 0:
            folder = memory / str(number // LIVES)
            folder.mkdir(mode=0o700)
            with obeying(folder, lambda line: None, 10**6 + number) as obedient:
                obedient.mortal.visit()
            seen, witness = seen + witness.seen, Witness()
        witness.hear(one_life(obey_for_ever, folder, number, chance.uniform(0.0, longest_s)))
        witness.judge(folder)
        witness.judge_versions(versions(folder))
        if number % LIVES == LIVES - 1:
            executed += len(witness.executed)
            shutil.rmtree(folder)
    seen += witness.seen
    assert executed > ORDERED_KILLS / 20
    assert len(witness.versions) == 3
    record(
        "SIGKILL while keysets, twins, lists and orders come down",
        f"{ORDERED_KILLS:,} kills",
        remarks=f"{seen['version']:,} versions in force, none went back; {executed:,} orders done, none twice, though "
        "each life repeats nonces of the one before",
    )
