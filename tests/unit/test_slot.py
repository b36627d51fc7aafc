import threading
import time

import numpy as np
import pytest

from livegate.capture.slot import HISTORY, Slot
from livegate.errors import DeviceTimeout
from livegate.types import Frame, Role


def frame(captured_ns: int) -> Frame:
    return Frame(Role.RGB, np.zeros((2, 2, 3), np.uint8), captured_ns)


def test_the_newest_frame_wins_and_the_others_count_as_drops() -> None:
    slot = Slot()
    for captured_ns in range(1, 6):
        slot.put(frame(captured_ns))
    assert slot.take(0).captured_ns == 5
    assert slot.drops == 4


def test_a_frame_is_taken_once() -> None:
    slot = Slot()
    slot.put(frame(1))
    slot.take(0)
    with pytest.raises(DeviceTimeout):
        slot.take(0)


def test_a_waiting_taker_gets_the_frame_that_comes() -> None:
    slot = Slot()
    putter = threading.Timer(0.02, slot.put, [frame(7)])
    putter.start()
    assert slot.take(10).captured_ns == 7
    putter.join()


def test_history_is_short_and_oldest_first() -> None:
    slot = Slot()
    for captured_ns in range(1, 10):
        slot.put(frame(captured_ns))
    assert [f.captured_ns for f in slot.recent(0, 0)] == list(range(10 - HISTORY, 10))


def test_looking_at_frames_is_no_drop() -> None:
    slot = Slot()
    for captured_ns in range(1, 4):
        slot.put(frame(captured_ns))
        slot.recent(0, 0)
    assert slot.drops == 0


def test_recent_waits_for_the_moment_and_no_longer_than_the_deadline() -> None:
    slot = Slot()
    slot.put(frame(1))
    assert [f.captured_ns for f in slot.recent(2, time.monotonic_ns() + 10_000_000)] == [1]
    putter = threading.Timer(0.02, slot.put, [frame(2)])
    putter.start()
    assert [f.captured_ns for f in slot.recent(2, time.monotonic_ns() + 10 * 10**9)] == [1, 2]
    putter.join()


def test_a_cleared_slot_is_empty_but_does_not_forget_what_was_taken() -> None:
    slot = Slot()
    slot.put(frame(5))
    slot.clear()
    assert slot.drops == 1
    assert slot.recent(0, 0) == ()
    slot.put(frame(6))
    assert slot.take(0).captured_ns == 6
