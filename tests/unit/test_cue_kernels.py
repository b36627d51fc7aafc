"""Kernels are loaded by the terminals that have the sensors, before there is a face; by no other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import livegate
from livegate.cues.protocol import WeighedCue, all_cues
from livegate.scorers import trained_cues
from livegate.types import Role

ROOM = Path(livegate.__path__[0])
CALLED = re.compile(r"from livegate\.kernels(?:\.(\w+)|) import ([\w, ]+)")
HELPER = re.compile(r"^from livegate\.(cues|texture)(?:\.(\w+) import| import (\w+))", re.MULTILINE)
# A colour picture of noise to every cue that looks at nothing else: what it still has to load, a face would wait for.
LOADED_LATE = """
import sys
import numpy as np
from livegate.cues.protocol import all_cues
from livegate.installed.shelf import SHIPPED
from livegate.scorers import trained_cues
from livegate.types import Box, Face, Frame, FrameSet, Observation, Role, SensorState
picture = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
frames = FrameSet({Role.RGB: Frame(Role.RGB, picture, 0)}, {Role.RGB: SensorState.OK}, 0)
off = frozenset(name for name, _ in all_cues() if SHIPPED.find(name) is not None)
cues = trained_cues(frozenset({Role.RGB}), further=off)
before = set(sys.modules)
for cue in cues:
    cue.frame_llr(Observation(frames, Face(Box(50.0, 40.0, 90.0, 110.0), 0.5, 0.5)))
print(sorted(name for name in set(sys.modules) - before if name.startswith("livegate.kernels")))
"""


def test_knowing_all_cues_loads_no_compiler() -> None:
    program = "import sys; from livegate.cues.protocol import all_cues; list(all_cues()); print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def called(place: Path) -> set[str]:
    """Return the kernels' modules that a file calls, and those that the helpers it imports call."""
    source = place.read_text()
    found = {name for one, several in CALLED.findall(source) for name in ([one] if one else several.split(", "))}
    for room, *helper in HELPER.findall(source):
        found |= called(ROOM / room / f"{next(filter(None, helper))}.py")
    return found


@pytest.mark.parametrize("name", [name for name, _ in all_cues()])
def test_a_cue_names_every_kernel_it_calls(name: str) -> None:
    cue = dict(all_cues())[name]
    named, calls = set(getattr(cue, "KERNELS", ())), called(ROOM / "cues" / f"{name}.py")
    # Of what a cue of weights could call, the weights say what it does.
    assert named <= calls if isinstance(cue, WeighedCue) else named == calls


def test_no_opened_cue_loads_a_kernel_when_there_is_a_face() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED_LATE], capture_output=True, text=True, check=True, timeout=110)
    assert done.stdout == "[]\n"


def test_opened_cues_are_compiled() -> None:
    opened = {cue.name for cue in trained_cues(frozenset(Role))}
    kernels = {
        f"livegate.kernels.{kernel}"
        for name, cue in all_cues()
        if name in opened
        for kernel in getattr(cue, "KERNELS", ())
    }
    assert kernels <= sys.modules.keys()
