"""The measurement of big lists on a small one, in the usual run; a million by `python tests/faults/big_lists.py`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BIG_LISTS = Path(__file__).with_name("big_lists.py")


def test_receiving_is_bounded_and_a_delta_writes_little(tmp_path: Path) -> None:
    command = [sys.executable, str(BIG_LISTS), "--entries", "20000", "--folder", str(tmp_path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["entries"] == 20_000
    assert told["whole_written_mb"] <= 2 * told["sent_mb"]
    # On so few entries a thousand changes touch every page: the file once in the log, once in its place, the chunks. A
    # file system in memory counts as nothing written.
    assert told["delta_written_mb"] <= 2.5 * told["file_mb"]
    assert told["lookup_us"]["p50"] > 0
