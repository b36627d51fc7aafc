"""What the peers' cards demand of whoever runs them, as far as it can be checked without their files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.detect.crop_manifest import Crop, CropRule
from livegate.detect.crop_rule import cut
from livegate.errors import AssetError
from livegate.types import Box
from livegate_tools.bench.peers import YUNET_FILE, FoundFace, YuNet, crop, largest
from support.models import TINY_ONNX


@given(st.integers(40, 700), st.integers(40, 700), st.data(), st.sampled_from([2.7, 4.0]))
def test_the_crop_stays_inside_and_keeps_the_boxs_shape(
    width: int, height: int, data: st.DataObject, scale: float
) -> None:
    w, h = data.draw(st.integers(8, width - 1)), data.draw(st.integers(8, height - 1))
    face = FoundFace(data.draw(st.integers(-4, width - w)), data.draw(st.integers(-4, height - h)), w, h, 0.9)
    left, top, right, bottom = crop(width, height, face, scale)
    assert 0 <= left < right <= width - 1
    assert 0 <= top < bottom <= height - 1
    grown = min(scale, (height - 1) / h, (width - 1) / w)
    assert abs(right - left - w * grown) <= 1
    assert abs(bottom - top - h * grown) <= 1
    # Written apart, so that a fault in the terminal's own rule would show in the comparison.
    image = np.broadcast_to(np.arange(width, dtype=np.int32)[None, :, None], (height, width, 1))
    ours = cut(image, Box(face.x, face.y, face.w, face.h), Crop(scale, CropRule.SHIFT))
    assert abs(int(ours[0, 0, 0]) - left) <= 1
    assert abs(int(ours[0, -1, 0]) - right) <= 1
    assert abs(ours.shape[0] - (bottom - top + 1)) <= 1


def test_the_crop_by_hand() -> None:
    # In the middle it is the grown box; at an edge it is moved inwards, not cut off.
    assert crop(641, 481, FoundFace(300, 220, 40, 40, 0.9), 2.7) == (266, 186, 374, 294)
    assert crop(641, 481, FoundFace(0, 0, 40, 40, 0.9), 2.7) == (0, 0, 108, 108)
    # Too large for the picture: as large as fits.
    assert crop(641, 481, FoundFace(200, 100, 240, 240, 0.9), 4.0) == (80, 0, 560, 480)


def test_the_largest_face_or_the_middle() -> None:
    image = np.zeros((480, 640, 3), dtype=np.uint8)
    small, large = FoundFace(0, 0, 10, 10, 0.9), FoundFace(5, 5, 20, 20, 0.5)
    assert largest((small, large), image) is large
    middle = largest((), image)
    assert (middle.x + middle.w / 2, middle.y + middle.h / 2) == (320, 240)


def test_a_file_that_is_not_what_its_card_names(tmp_path: Path) -> None:
    path = tmp_path / YUNET_FILE
    path.parent.mkdir()
    card = path.with_suffix(".json")
    with pytest.raises(AssetError, match="cannot be read"):
        YuNet(tmp_path)
    path.write_bytes(TINY_ONNX)
    card.write_text("{")
    with pytest.raises(AssetError, match="is no card"):
        YuNet(tmp_path)
    card.write_text(json.dumps({"sha256": "0" * 64}))
    with pytest.raises(AssetError, match="SHA-256 differs"):
        YuNet(tmp_path)
    card.write_text(json.dumps({"sha256": hashlib.sha256(TINY_ONNX).hexdigest()}))
    YuNet(tmp_path, threads=2)
