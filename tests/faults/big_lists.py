"""What a list of a million entries costs a terminal: memory, bytes written, time, and the lookups after it.

`python tests/faults/big_lists.py [--entries N] [--folder DIR]` prints one JSON object; status 1 when memory is above
its bound. Seconds are of the processor, since the machine may be busy.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from livegate.lists import CentralLists, ListName, Manifest, Progress, Receiver, parse_manifest
from livegate.media import MATCH_BITS
from livegate_tools.console.edition import Edition, ListMaker

MAX_RESIDENT_MB = 350.0
NOW_S = 1_795_000_000.0
_CHANGES = 1_000
_MEDIA_SHARE = 100
_LOOKUPS = 20_000
BLOCK = ListName.BLOCK


def main() -> int:
    """Make the lists in one process and receive them in another, so that each one's memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.receive:
        sys.stdout.write(json.dumps(receive(arguments.folder, arguments.entries)) + "\n")
        return 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        result = measured(Path(folder), arguments.entries)
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0 if result["terminal_resident_mb"] <= MAX_RESIDENT_MB else 1


def measured(folder: Path, entries: int) -> dict[str, Any]:
    """Return what ``entries`` entries cost the console that makes them and the terminal that receives them."""
    made = make(folder, entries)
    command = [sys.executable, __file__, "--receive", "--folder", str(folder), "--entries", str(entries)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return made | json.loads(done.stdout)


def make(folder: Path, entries: int) -> dict[str, Any]:
    """Write a whole list and a delta to it below ``folder``, as payloads."""
    issued = Edition(BLOCK, 1, "lab/*", NOW_S, NOW_S + 86_400)
    begun_s = time.process_time()
    _write(folder / "1", issued, _blocked(entries))
    seconds = time.process_time() - begun_s
    changes = [{"kind": "credential", "value": _hex(number), "op": "delete"} for number in range(_CHANGES // 2)]
    changes += [{"kind": "credential", "value": _hex(-1 - number)} for number in range(_CHANGES // 2)]
    _write(folder / "2", replace(issued, version=2, base=1), changes)
    size = sum(path.stat().st_size for path in (folder / "1").iterdir())
    return {"entries": entries, "sent_mb": size / 1e6, "made_s": seconds, "maker_resident_mb": _resident_mb()}


def receive(folder: Path, entries: int) -> dict[str, Any]:
    """Receive both lists and look entries up; return what that cost this process."""
    state = folder / "state"
    state.mkdir()
    lists = CentralLists.open(state, MATCH_BITS)
    receiver = Receiver(lists)
    whole = _cost("whole", lambda: _received(receiver, folder / "1"))
    delta = _cost("delta", lambda: _received(receiver, folder / "2"))
    resident_mb = _resident_mb()
    assert lists.versions()[BLOCK].version == 2
    assert lists.versions()[BLOCK].entries == entries
    chance = random.Random(9)
    pairs = [("credential", _hex(chance.randrange(2 * entries))) for _ in range(2 * _LOOKUPS)]
    lookups = _microseconds([lambda pair=pair: lists.lookup_block((pair,)) for pair in pairs])
    media = [f"{chance.getrandbits(128):032x}" for _ in range(_LOOKUPS // 40)]
    near = _microseconds([lambda one=one: lists.lookup_block([("media", one)]) for one in media])
    begun_s = time.process_time()
    assert lists.check(BLOCK)
    checked_s = time.process_time() - begun_s
    file_mb = sum(path.stat().st_size for path in state.glob("*.db")) / 1e6
    receiver.close()
    lists.close()
    return {
        **whole,
        **delta,
        "terminal_resident_mb": resident_mb,
        "file_mb": file_mb,
        "lookup_us": lookups,
        f"media_lookup_us_of_{entries // _MEDIA_SHARE}": near,
        "check_s": checked_s,
    }


def _received(receiver: Receiver, folder: Path) -> list[float]:
    """Hand a list over and put it together; return how long each slice of that kept its thread."""
    manifest: Manifest = parse_manifest((folder / "manifest").read_bytes())
    progress = receiver.offer(manifest, floor=0, now_s=NOW_S)
    for index in range(manifest.chunks):
        progress = receiver.chunk(BLOCK, index, (folder / str(index)).read_bytes())
    slices = []
    while progress.complete:
        begun_s = time.thread_time()
        progress = receiver.work(BLOCK, now_s=NOW_S)
        slices.append(time.thread_time() - begun_s)
    _assert_applied(progress, manifest)
    return slices


def _assert_applied(progress: Progress, manifest: Manifest) -> None:
    assert progress.refused is None, progress.refused
    assert progress.applied is not None
    assert progress.applied.version == manifest.version


def _cost(name: str, work: Callable[[], list[float]]) -> dict[str, Any]:
    begun_s, begun_bytes = time.process_time(), _written_bytes()
    slices = work()
    return {
        f"{name}_s": time.process_time() - begun_s,
        f"{name}_written_mb": (_written_bytes() - begun_bytes) / 1e6,
        f"{name}_longest_slice_ms": max(slices) * 1e3,
    }


def _microseconds(calls: list[Callable[[], object]]) -> dict[str, float]:
    """Return percentiles of the thread's own time over the second half of ``calls``, the first is to warm up."""
    spent = []
    for call in calls:
        begun_ns = time.thread_time_ns()
        call()
        spent.append(time.thread_time_ns() - begun_ns)
    spent = sorted(spent[len(spent) // 2 :])
    return {"p50": spent[len(spent) // 2] / 1e3, "p99": spent[len(spent) * 99 // 100] / 1e3}


def _write(folder: Path, edition: Edition, entries: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> None:
    folder.mkdir()
    maker = ListMaker(edition)
    for index, payload in enumerate(maker.chunks(entries)):
        (folder / str(index)).write_bytes(payload)
    (folder / "manifest").write_bytes(maker.manifest())


def _blocked(entries: int) -> Iterator[dict[str, Any]]:
    for number in range(entries):
        kind = "credential" if number % _MEDIA_SHARE or number < _CHANGES else "media"
        more = {"action": "deny", "reason": "lost card", "until": "2027-06-01T00:00:00Z"}
        yield {"kind": kind, "value": _hex(number)} | more


def _hex(number: int) -> str:
    return f"{random.Random(number if number >= 0 else f'new {number}').getrandbits(128):032x}"


def _resident_mb() -> float:
    return _kernel_says("status", "VmHWM") / 1e3 * 1.024


def _written_bytes() -> int:
    """Return how much this process handed to the disk so far."""
    return _kernel_says("io", "write_bytes")


def _kernel_says(file: str, key: str) -> int:
    lines = Path(f"/proc/self/{file}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


if __name__ == "__main__":
    sys.exit(main())
