from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.media import MATCH_BITS, SIGNATURE_BITS, MediaSigner
from livegate.types import Attempt, Box, Face, Observation
from support.sights import attempt, frame_set

SALT = bytes(range(32))
SIGNER = MediaSigner(SALT)
BOX = Box(220.0, 140.0, 160.0, 200.0)


def picture(seed: int) -> np.ndarray:
    """A smooth random picture, as large as a frame."""
    small = np.random.default_rng(seed).uniform(20, 220, (12, 16, 3)).astype(np.float32)
    return np.clip(cv2.resize(small, (640, 480), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


PICTURE = picture(6)


def shown(image: np.ndarray, box: Box = BOX, frames: int = 1) -> Attempt:
    face = Face(box, 0.1, 0.9)
    return attempt(*(Observation(frame_set(100.0 * number, rgb=image), face) for number in range(frames)))


def signed(image: np.ndarray, box: Box = BOX, signer: MediaSigner = SIGNER) -> str:
    signature = signer.sign(shown(image, box))
    assert signature is not None
    assert is_signature(signature)
    return signature


def is_signature(text: str | None) -> bool:
    return text is not None and re.fullmatch("[0-9a-f]{32}", text) is not None


def distance_bits(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


def test_the_same_medium_is_known_again_darker_noisier_and_elsewhere() -> None:
    first = picture(1)
    moved = cv2.warpAffine(first, np.array([[1.05, 0.02, -40.0], [-0.02, 1.05, 10.0]]), (640, 480))
    darker = np.clip(moved * 0.6 + np.random.default_rng(2).normal(0, 3, moved.shape), 0, 255).astype(np.uint8)
    x, y = (1.05 * BOX.x + 0.02 * BOX.y - 40 + 4, -0.02 * BOX.x + 1.05 * BOX.y + 10 - 3)
    again = signed(darker, Box(x, y, BOX.w * 1.05, BOX.h * 1.03))
    assert distance_bits(signed(first), again) <= MATCH_BITS


def test_other_media_are_other_media() -> None:
    signatures = [signed(picture(seed)) for seed in range(12)]
    apart = [distance_bits(a, b) for number, a in enumerate(signatures) for b in signatures[:number]]
    assert min(apart) > MATCH_BITS
    assert np.mean(apart) == pytest.approx(SIGNATURE_BITS / 2, abs=10)


def test_without_the_salt_a_picture_tells_no_signature() -> None:
    other = MediaSigner(bytes(reversed(SALT)))
    apart = [distance_bits(signed(picture(seed)), signed(picture(seed), signer=other)) for seed in range(8)]
    assert np.mean(apart) == pytest.approx(SIGNATURE_BITS / 2, abs=12)
    with pytest.raises(ValueError, match="32 bytes"):
        MediaSigner(b"short")


def test_signatures_are_the_same_on_every_machine() -> None:
    steps = np.add.outer(np.arange(480) // 60 * 17, np.arange(640) // 80 * 11).astype(np.uint8)
    signature = signed(np.dstack([steps, steps, steps]))
    assert distance_bits(signature, "5c1f23fa8b4ab1e527b1db0248f9c883") <= 2


def test_more_frames_steady_a_signature() -> None:
    clean = signed(picture(3))
    rng = np.random.default_rng(4)
    boxes = [Box(BOX.x + dx, BOX.y + dy, BOX.w + dw, BOX.h) for dx, dy, dw in rng.normal(0, 8, (16, 3))]
    seen = [
        Observation(frame_set(100.0 * number, rgb=picture(3)), Face(box, 0.1, 0.9)) for number, box in enumerate(boxes)
    ]
    many = SIGNER.sign(attempt(*seen))
    single = [SIGNER.sign(attempt(one)) for one in seen]
    assert many is not None
    assert distance_bits(clean, many) < np.mean([distance_bits(clean, one) for one in single if one is not None])


def test_a_medium_that_fills_more_than_the_frame_is_signed() -> None:
    assert is_signature(signed(picture(5), Box(-80.0, -60.0, 800.0, 640.0)))


@pytest.mark.parametrize("box", [Box(900.0, 900.0, 50.0, 50.0), Box(10.0, 10.0, 0.0, 0.0), Box(0, 0, 1e9, 1e9)])
def test_nothing_in_view_has_no_signature(box: Box) -> None:
    assert SIGNER.sign(shown(picture(6), box)) is None


def test_a_uniform_picture_has_no_signature() -> None:
    assert SIGNER.sign(shown(np.full((480, 640, 3), 128, np.uint8))) is None


PLACES = st.floats(-700, 1_400)
SIZES = st.floats(-5, 3_000)


@given(st.builds(Box, PLACES, PLACES, SIZES, SIZES), st.integers(1, 40))
def test_any_box_is_signed_or_shows_nothing(box: Box, frames: int) -> None:
    signature = SIGNER.sign(shown(PICTURE, box, frames))
    assert signature is None or is_signature(signature)
    in_view = box.x >= 0 and box.y >= 0 and box.x + box.w <= 640 and box.y + box.h <= 480
    assert signature is not None or not in_view or min(box.w, box.h) < 8


@given(st.floats(-700, -300), st.floats(0, 200))
def test_what_lies_beside_the_picture_shows_nothing(x: float, size: float) -> None:
    assert SIGNER.sign(shown(PICTURE, Box(x, 100.0, size, size))) is None
