"""A folder for PYTHONPATH with which a process cannot import some modules, as if they were not installed."""

from __future__ import annotations

import os
from pathlib import Path

RUNTIMES = ("onnxruntime", "ai_edge_litert", "tflite_runtime", "livegate.detect.runtimes.opencv_dnn")
"""Without these no network runs: OpenCV itself is needed for pictures."""

_SITE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if any(name == each or name.startswith(f"{{each}}.") for each in {names!r}):
            raise ImportError(f"No module named {{name!r}}: blocked")

sys.meta_path.insert(0, Blocked())
"""


def blocking(folder: Path, *names: str) -> dict[str, str]:
    """Return the environment in which ``names`` and what lies in them cannot be imported."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_SITE.format(names=names))
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
