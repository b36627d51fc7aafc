"""The colours of a picture in few numbers: moments and ends of hue, saturation and value, and its commonest colours.

After Wen, Han, Jain, *Face spoof detection with image distortion analysis* (2015), section III.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

PLANE_MOMENTS = 5
"""Numbers a plane: mean, standard deviation, skewness, share near its lowest value and near its highest."""
END = 0.1
"""How near: the two lowest, or highest, of twenty equal parts of the range."""
COMMON = 100
"""How many of the commonest colours count each by itself."""
BINS = 32**3
COMMON_MASS = 0.99

# Below this a plane has one value but for rounding, and a skewness would be that of the rounding.
_LEAST_DEVIATION = 1e-6


@kernel()
def _hue(blue: float, green: float, red: float, high: float, spread: float) -> float:
    """Return the hue, 0..1, with red in the middle of the range, for skin lies about it; grey is red."""
    if spread == 0:
        return 0.5
    if high == red:
        sixth = (green - blue) / spread
    elif high == green:
        sixth = (blue - red) / spread + 2
    else:
        sixth = (red - green) / spread + 4
    shifted = sixth / 6 + 0.5
    return shifted - 1 if shifted >= 1 else shifted


@kernel()
def _finish(sums: Any, out: Any, pixels: int) -> None:
    """Turn the sums of a plane's values, their squares and cubes, and the counts at its ends into its moments."""
    mean = sums[0] / pixels
    variance = max(sums[1] / pixels - mean * mean, 0.0)
    deviation = np.sqrt(variance)
    third = sums[2] / pixels - 3 * mean * variance - mean**3
    out[0], out[1] = mean, deviation
    out[2] = third / deviation**3 if deviation > _LEAST_DEVIATION else 0.0
    out[3], out[4] = sums[3] / pixels, sums[4] / pixels


@kernel("void(u1[:, :, ::1], f8[:, ::1], f8[:, ::1])")
def chromatic_moments(planes: NDArray[np.uint8], sums: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Write the moments of hue, saturation and value, each 0..1, of ``planes`` (3, H, W), B, G, R, into ``out`` (3, 5).

    ``sums`` (3, 5) is worked in. A row of ``out`` holds what :data:`PLANE_MOMENTS` names; skewness is 0 where all
    values are one.
    """
    sums[:] = 0.0
    for y in range(planes.shape[1]):
        for x in range(planes.shape[2]):
            blue, green, red = float(planes[0, y, x]), float(planes[1, y, x]), float(planes[2, y, x])
            high = max(blue, green, red)
            spread = high - min(blue, green, red)
            hue = _hue(blue, green, red, high, spread)
            saturation = spread / high if high > 0 else 0.0
            for plane, value in enumerate((hue, saturation, high / 255)):
                square = value * value
                sums[plane, 0] += value
                sums[plane, 1] += square
                sums[plane, 2] += square * value
                sums[plane, 3] += 1.0 if value < END else 0.0
                sums[plane, 4] += 1.0 if value >= 1 - END else 0.0
    for plane in range(3):
        _finish(sums[plane], out[plane], planes.shape[1] * planes.shape[2])


@kernel("i8(u1[:, :, ::1], i4[::1], i4[::1], f8[::1])")
def common_colours(
    planes: NDArray[np.uint8], counts: NDArray[np.int32], often: NDArray[np.int32], out: NDArray[np.float64]
) -> int:
    """Write the shares of the commonest colours, falling, into ``out``, and return how many hold 99 % of the pixels.

    ``planes`` (3, H, W), B, G, R, is counted in 32 steps a channel. ``counts`` (BINS,) and ``often``
    (H * W + 1,) are worked in; ``out`` (COMMON,) is 0 where there are fewer colours.
    """
    counts[:] = np.int32(0)
    often[:] = np.int32(0)
    out[:] = 0.0
    pixels = planes.shape[1] * planes.shape[2]
    for y in range(planes.shape[1]):
        blue, green, red = planes[0, y], planes[1, y], planes[2, y]
        for x in range(planes.shape[2]):
            step = (
                (np.uint32(blue[x]) >> np.uint32(3) << np.uint32(10))
                | (np.uint32(green[x]) >> np.uint32(3) << np.uint32(5))
                | (np.uint32(red[x]) >> np.uint32(3))
            )
            counts[step] += np.int32(1)
    for colour in range(counts.shape[0]):
        often[counts[colour]] += np.int32(1)
    taken, seen, held = 0, 0, 0
    for count in range(pixels, 0, -1):
        for _ in range(often[count]):
            if taken < out.shape[0]:
                out[taken] = count / pixels
                taken += 1
            if seen < COMMON_MASS * pixels:
                seen += count
                held += 1
        if taken == out.shape[0] and seen >= COMMON_MASS * pixels:
            break
    return held
