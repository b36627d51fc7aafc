from pathlib import Path

import numpy as np
import pytest

from livegate.errors import ConfigError, DriverError
from livegate.types import Role
from livegate_drivers.cameras.stereo_pair import Options, open_camera
from livegate_drivers.cameras.v4l2 import Fourcc
from livegate_drivers.halves import Half, Layout, half_of


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3)])
def test_halves_are_pictures_of_their_own(shape: tuple[int, ...]) -> None:
    whole = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    for layout, axis in ((Layout.SIDE_BY_SIDE, 1), (Layout.TOP_BOTTOM, 0)):
        halves = [half_of(whole, layout, half) for half in Half]
        np.testing.assert_array_equal(np.concatenate(halves, axis=axis), whole)
        assert all(half.flags.c_contiguous and half.base is None for half in halves)


def test_what_cannot_be_a_pair_is_refused() -> None:
    device = Path("/dev/video7")
    with pytest.raises(DriverError, match=r"/dev/video7: .*no depth"):
        open_camera(Options(device), Role.DEPTH)
    with pytest.raises(ConfigError, match="1281x480 cannot be halved"):
        open_camera(Options(device, width=1281), Role.RGB)
    with pytest.raises(DriverError, match="'Z16' is no format for role rgb"):
        open_camera(Options(device, fourcc=Fourcc.Z16), Role.RGB)
