"""Put a scorer into the manifest of a crop classifier, in place of the one that may stand there."""

from __future__ import annotations

import re
from pathlib import Path

from livegate.crop_calibration import scorer_toml
from livegate.cues.scorer import Scorer
from livegate.detect.crop_manifest import read_crop_manifest
from livegate.detect.network import MANIFEST

_TABLE = re.compile(r"^\[scorer\]\n(?:(?!\[).*\n?)*", re.MULTILINE)


def write_scorer(folder: Path, scorer: Scorer) -> None:
    """Write the table [scorer] into the manifest in ``folder``; AssetError when what comes of it is no manifest."""
    path = folder / MANIFEST
    rest = _TABLE.sub("", path.read_text("utf-8")).rstrip()
    path.write_text(f"{rest}\n\n{scorer_toml(scorer).lstrip()}", "utf-8")
    read_crop_manifest(folder)
