from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.capture.sameness import HISTORY_MS, PictureMemory, Sameness

MS = 1_000_000
FPS = 30
PERIOD_NS = 10**9 // FPS
RANDOM = np.random.default_rng(5)


def noisy(count: int, spread: float = 2.0) -> list[NDArray[Any]]:
    """Return pictures of a static scene that differ by a sensor's noise only."""
    scene = np.linspace(30, 200, 96 * 128).reshape(96, 128)
    return [np.clip(scene + RANDOM.normal(0, spread, scene.shape), 0, 255).astype(np.uint8) for _ in range(count)]


def judged(memory: PictureMemory, pictures: Iterable[NDArray[Any]], first: int = 0) -> list[Sameness]:
    return [memory.judge(picture, (first + number) * PERIOD_NS) for number, picture in enumerate(pictures)]


@pytest.mark.parametrize("spread", [0.5, 2.0, 20.0])
def test_a_static_scene_with_noise_never_repeats(spread: float) -> None:
    assert set(judged(PictureMemory(), noisy(600, spread))) == {Sameness.NEW}


@pytest.mark.parametrize("loop_s", [0.5, 2, 10, 30])
def test_a_loop_is_told_when_its_second_round_begins(loop_s: float) -> None:
    loop = noisy(round(loop_s * FPS))
    memory = PictureMemory()
    assert set(judged(memory, loop)) == {Sameness.NEW}
    again = judged(memory, loop, len(loop))
    assert set(again[:11]) == {Sameness.NEW}
    assert set(again[12:]) <= {Sameness.REPEATED}
    assert set(judged(memory, loop, 2 * len(loop))[12:]) <= {Sameness.REPEATED}


def test_a_loop_of_which_pictures_are_lost_is_one_all_the_same() -> None:
    loop = noisy(90)
    memory = PictureMemory()
    kept = [number for number in range(360) if RANDOM.random() > 0.2]
    found = [memory.judge(loop[number % 90], number * PERIOD_NS) for number in kept]
    assert found.count(Sameness.REPEATED) > 150


def test_live_pictures_after_a_loop_are_new_soon() -> None:
    loop, memory = noisy(60), PictureMemory()
    judged(memory, loop + loop)
    assert set(judged(memory, noisy(30), 120)[6:]) == {Sameness.NEW}


def flickering(states: int, count: int) -> Iterator[NDArray[Any]]:
    """Yield pictures with hardly any noise: one of few, at random."""
    pictures = noisy(states)
    return (pictures[RANDOM.integers(states)] for _ in range(count))


@pytest.mark.parametrize("states", [2, 3, 8, 20])
def test_pictures_that_come_again_in_no_order_are_no_loop(states: int) -> None:
    assert Sameness.REPEATED not in judged(PictureMemory(), flickering(states, 3000))


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_in_light_of_one_colour_the_other_channels_stay_black_and_that_is_not_frozen(channel: int) -> None:
    pictures = []
    for grey in noisy(60):
        colour = np.zeros((*grey.shape, 3), np.uint8)
        colour[..., channel] = grey
        pictures.append(colour)
    assert set(judged(PictureMemory(), pictures)) == {Sameness.NEW}
    assert judged(PictureMemory(), pictures[:1] * 60)[-1] is Sameness.FROZEN


def test_what_is_longer_ago_than_the_history_is_forgotten() -> None:
    loop = noisy(30)
    memory = PictureMemory()
    judged(memory, loop)
    later = round(HISTORY_MS * MS / PERIOD_NS) + 31
    assert set(judged(memory, loop, later)) == {Sameness.NEW}


def test_one_picture_for_more_than_a_second_is_frozen_unless_it_shows_nothing() -> None:
    picture = noisy(1)[0]
    found = judged(PictureMemory(), [picture] * 60)
    assert found[:31] == [Sameness.NEW] * 31
    assert set(found[31:]) == {Sameness.FROZEN}
    assert set(judged(PictureMemory(), [np.zeros_like(picture)] * 60)) == {Sameness.NEW}


@pytest.mark.parametrize(
    "image", [np.zeros(0, np.uint8), np.zeros((0, 5), np.uint8), np.float32(3), np.zeros(3, "u2"), np.zeros((9, 9, 0))]
)
def test_whatever_a_driver_delivers_is_judged(image: Any) -> None:
    memory = PictureMemory()
    for number in range(60):
        assert memory.judge(np.asarray(image), number * PERIOD_NS) is Sameness.NEW
