"""Kernels are loaded by the terminals that have the sensors, before there is a face; by no other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import livegate.cues
from livegate.cues.protocol import all_cues
from livegate.scorers import trained_cues
from livegate.types import Role

CUES = Path(livegate.cues.__path__[0])
CALLED = re.compile(r"from livegate\.kernels(?:\.(\w+)|) import ([\w, ]+)")


def test_knowing_all_cues_loads_no_compiler() -> None:
    program = "import sys; from livegate.cues.protocol import all_cues; list(all_cues()); print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def called(source: str) -> set[str]:
    """Return the kernels' modules that a file calls, and those that the files of this room it imports call."""
    found = {name for one, several in CALLED.findall(source) for name in ([one] if one else several.split(", "))}
    for helper in re.findall(
        r"^from livegate\.cues\.(\w+) import|^from livegate\.cues import (\w+)", source, re.MULTILINE
    ):
        found |= called((CUES / f"{next(filter(None, helper))}.py").read_text())
    return found


@pytest.mark.parametrize("name", [name for name, _ in all_cues()])
def test_a_cue_names_every_kernel_it_calls(name: str) -> None:
    cue = dict(all_cues())[name]
    assert set(getattr(cue, "KERNELS", ())) == called((CUES / f"{name}.py").read_text())


def test_opened_cues_are_compiled() -> None:
    trained_cues(frozenset(Role))
    kernels = {f"livegate.kernels.{kernel}" for _, cue in all_cues() for kernel in getattr(cue, "KERNELS", ())}
    assert kernels <= sys.modules.keys()
