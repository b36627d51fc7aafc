"""The texture kernels on one thread: beside what other libraries need for the same, and at four sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.cues.colour_texture import OFFSET, ColourTexture, opened
from livegate.errors import AssetError
from livegate.texture.colour_surf import descriptors as surf
from livegate.texture.crop import SIDE, face_crop
from livegate.texture.descriptors import DESCRIPTORS
from livegate.texture.distortion import distortion
from livegate.texture.patterns import patterns
from livegate.texture.phase import RHO, phases
from livegate.texture.planes import byte_planes, colour_planes
from livegate.types import Box, Observation, Role
from livegate_tools.bench.plain import Lbp, numpy_lbp, numpy_lpq, opencv_lbp, scikit_image_lbp, uncorrelated
from livegate_tools.bench.timing import Call, Samples, Timing, interleaved, timing

SIDES = (64, 128, 256, 512)
"""Pixels along each side of the square pictures whose cost is told per pixel."""
WINDOW = 7
"""Pixels along each side of the windows of local phase quantisation, as in the paper."""
ROWS = 5
"""How many rows of calls are timed, each on every frame."""
_SPMT = "spmt"
_OTHERS = "/"
_SCIKIT_IMAGE = "lbp/scikit-image"

Planes = NDArray[Any]


@dataclass(frozen=True, slots=True)
class KernelTiming:
    """A kernel's time; ``ratio`` is how many times longer each other form took, None where it is not installed.

    ``ns_per_pixel`` is the median over the picture's pixels, all six planes of a pixel together, where that was asked.
    """

    timing: Timing
    ratio: Mapping[str, float | None]
    ns_per_pixel: float | None = None


@dataclass(frozen=True, slots=True)
class KernelBench:
    """Calls on the faces of some observations, cut out beforehand but for cues; each row is timed by itself."""

    rows: tuple[Mapping[str, Call], ...]
    missing: frozenset[str] = frozenset()
    """Names of other forms whose library is not installed."""

    def measure(self, frames: int, on_frame: Callable[[], object] = lambda: None) -> dict[str, KernelTiming]:
        """Time all of them, those of a row one after the other on every frame."""
        found: dict[str, KernelTiming] = {}
        for row in self.rows:
            times = interleaved(row, frames, on_frame=on_frame, small=True)
            found |= {name: self._timed(name, times) for name in times if _OTHERS not in name}
        return found

    def _timed(self, name: str, times: Mapping[str, Samples]) -> KernelTiming:
        own, others = float(np.median(times[name])), name + _OTHERS
        ratio: dict[str, float | None] = {
            other.removeprefix(others): float(np.median(times[other])) / own
            for other in times
            if other.startswith(others)
        }
        ratio |= {other.removeprefix(others): None for other in self.missing if other.startswith(others)}
        side = name.rpartition("_")[2].removesuffix("px")
        return KernelTiming(timing(times[name]), ratio, own * 1e6 / int(side) ** 2 if side.isdecimal() else None)


def kernel_bench(observations: Sequence[Observation]) -> KernelBench:
    """Return what is timed of the texture kernels; AssetError where no observation shows a face large enough."""
    kept = [one for one in observations if face_crop(one.frame_set.frames[Role.RGB].image, one.face.box) is not None]
    if not kept:
        raise AssetError("no face in the recorded visits is large enough for a texture; reinstall Livegate")
    seen = [(one.frame_set.frames[Role.RGB].image, one.face.box) for one in kept]
    crops = {side: [crop for image, box in seen if (crop := face_crop(image, box, side)) is not None] for side in SIDES}
    planes = {side: [byte_planes(colour_planes(crop)) for crop in cut] for side, cut in crops.items()}
    other = scikit_image_lbp()
    rows = (
        _patterns_row(planes[SIDE], other),
        _phases_row(planes[SIDE]),
        {f"describe_{name}": _over(one.of, crops[SIDE]) for name, one in DESCRIPTORS.items()}
        | {"dense_surf": _over(surf, crops[SIDE])},
        {"cue_spmt": _over(_spmt_cue().measure, kept)},
        {name: call for side in SIDES for name, call in _of_side(side, crops[side], planes[side]).items()},
    )
    return KernelBench(rows, frozenset() if other else frozenset({_SCIKIT_IMAGE}))


def _spmt_cue() -> ColourTexture:
    """Return the cue of that descriptor alone; what its weights are costs nothing."""
    length = DESCRIPTORS[_SPMT].length
    return opened({_SPMT: np.zeros(length, np.float32), _SPMT + OFFSET: np.zeros(1, np.float32)})


def _patterns_row(planes: Sequence[Planes], other: Lbp | None) -> dict[str, Call]:
    # scikit-image takes whole numbers as they are, the others are quickest in 32 bits.
    real = [plane.astype(np.float32) for plane in planes]
    row = {"lbp": _over(patterns, planes), "lbp/numpy": _over(numpy_lbp, real), "lbp/opencv": _over(opencv_lbp, real)}
    return row | ({_SCIKIT_IMAGE: _over(other, planes)} if other else {})


def _phases_row(planes: Sequence[Planes]) -> dict[str, Call]:
    real = [plane.astype(np.float32) for plane in planes]
    plainly = partial(numpy_lpq, window=WINDOW, mixing=uncorrelated(WINDOW, RHO))
    return {"lpq": _over(phases, planes), "lpq/numpy": _over(plainly, real)}


def _of_side(side: int, crops: Sequence[NDArray[np.uint8]], planes: Sequence[Planes]) -> dict[str, Call]:
    squares = [np.ascontiguousarray(np.moveaxis(crop, 0, -1)) for crop in crops]
    return {
        f"lbp_{side}px": _over(patterns, planes),
        f"lpq_{side}px": _over(phases, planes),
        f"distortion_{side}px": _over(_distortion, squares),
    }


def _distortion(square: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    return distortion(square, Box(0.0, 0.0, float(square.shape[1]), float(square.shape[0])))


def _over(form: Callable[[Any], object], given: Sequence[Any]) -> Call:
    return lambda index: form(given[index % len(given)])
