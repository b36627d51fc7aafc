"""What happens at a door is nobody else's business."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.models import write_tiny


def test_judging_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    home, model = tmp_path / "home", write_tiny(tmp_path / "tiny")
    home.mkdir()
    code = (
        "import sys; from livegate import config; from livegate.detect.detector import open_detector;"
        "open_detector(config.Detector(model=sys.argv[1], runtime=config.Runtime.ONNXRUNTIME))"
    )
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code, str(model)], env=environment, check=True, timeout=60)
    assert not list(home.rglob("*"))
