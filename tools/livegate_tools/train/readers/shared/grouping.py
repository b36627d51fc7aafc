"""The CSV lists that divide the Idiap sets: the first column is a recording, the last its group."""

from __future__ import annotations

import csv
from pathlib import Path

from livegate.errors import AssetError
from livegate_tools.train.readers.shared.layout import misfit, text_lines
from livegate_tools.train.samples import Split

_GROUPS = {
    "train": Split.TRAIN,
    "dev": Split.DEV,
    "validation": Split.DEV,
    "eval": Split.TEST,
    "test": Split.TEST,
}


def find_list(folder: Path, pattern: str) -> Path:
    """Return the one protocol list in or under ``folder``; AssetError where there is none."""
    lists = sorted(folder.rglob(pattern))
    if not lists:
        raise misfit(folder, f"the set's own protocol list {pattern} in it or under it")
    return lists[0]


def read_groups(path: Path) -> dict[str, Split]:
    """Return the split by a recording's file name without folders and suffix; a heading line is passed over."""
    groups: dict[str, Split] = {}
    for row, cells in enumerate(csv.reader(text_lines(path, "a protocol list"))):
        group = _GROUPS.get(cells[-1].strip().lower())
        if group is None:
            if row == 0:
                continue
            raise AssetError(f"{path}: row {row + 1} ends in '{cells[-1]}'; expected one of {', '.join(_GROUPS)}")
        name = Path(cells[0].strip()).name
        groups[name.removesuffix(".hdf5").removesuffix(".h5")] = group
    return groups
