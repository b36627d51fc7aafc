"""Models that kernels run: what is none of ours is named, and nothing falls over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegate import config
from livegate.detect.network import Kind
from livegate.errors import AssetError
from livegate.installed.kernel_models import ready
from livegate.installed.shelf import Shelf
from livegate.installed.warming import warm


def test_weights_of_no_cue_are_a_fault_and_keep_no_other_model_from_being_run(tmp_path: Path) -> None:
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "manifest.toml").write_text('[model]\nname = "stranger"\nkind = "weights"\n')
    with pytest.raises(AssetError, match="stranger: there is no cue 'stranger', only"):
        ready("stranger", Kind.WEIGHTS, folder)
    found = warm(config.Detector(runtime=config.Runtime.NONE), Shelf(active={"stranger": folder}))
    assert set(found.faults) == {"stranger"}
    assert {one.name for one in found.warmed} >= {"colour_texture", "distortion"}
