"""Write the table of docs/faults.md from what a run of the fault tests recorded.

python tests/faults/table.py RECORDS.jsonl docs/faults.md
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

BEGIN, END = "<!-- table: written by make faults -->", "<!-- end of table -->"


def table(records: Path) -> str:
    """Return the rows of a run, in the order they were recorded, and the day of it."""
    rows = [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()]
    lines = [
        "| fault | tried | acknowledged or told events lost | doors wrongly opened | remarks |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['fault']} | {row['tried']} | {row['lost']} | {row['wrong']} | {row['remarks']} |" for row in rows
    ]
    day = datetime.now(UTC).date().isoformat()
    return "\n".join([f"Run of {day}, {len(rows)} faults.", "", *lines])


def main(records: Path, page: Path) -> None:
    """Put the table between the marks of ``page``."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n{table(records)}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
