from hypothesis import given
from hypothesis import strategies as st

from livegate_drivers.device_clock import MAX_DELAY_NS, WINDOW_NS, DeviceClock
from livegate_drivers.numbering import Numbering

MS = 10**6
FRAME_NS = 33_333_333


def test_a_frame_that_was_held_up_is_dated_when_it_was_captured() -> None:
    clock = DeviceClock()
    dates = [clock.captured_ns("depth", at, 7_000 * MS + at + 5 * MS) for at in range(0, 10 * FRAME_NS, FRAME_NS)]
    late = clock.captured_ns("depth", 10 * FRAME_NS, 7_000 * MS + 10 * FRAME_NS + 80 * MS)
    assert dates[0] == 7_005 * MS
    assert late - dates[-1] == FRAME_NS


def test_streams_of_one_device_stay_as_far_apart_as_it_says() -> None:
    clock = DeviceClock()
    colour = depth = 0
    for at in range(0, 30 * FRAME_NS, FRAME_NS):
        colour = clock.captured_ns("colour", at + 4 * MS, at + 30 * MS)
        depth = clock.captured_ns("depth", at, at + 9 * MS)
    assert colour - depth == 4 * MS


def test_a_clock_that_drifts_is_followed_both_ways() -> None:
    for parts in (-100e-6, 100e-6):
        clock = DeviceClock()
        for arrived in range(0, 60 * 10**9, FRAME_NS):
            captured = clock.captured_ns("depth", round(arrived * (1 + parts)) + 10**15, arrived)
        assert 0 <= arrived - captured <= 2 * WINDOW_NS * abs(parts) + 1


def test_a_clock_that_jumps_is_followed() -> None:
    for jump_ns in (-3_600 * 10**9, 3_600 * 10**9):
        clock = DeviceClock()
        dates = [
            clock.captured_ns("depth", 10**15 + at + (jump_ns if at > 20 * FRAME_NS else 0), at)
            for at in range(0, 40 * FRAME_NS, FRAME_NS)
        ]
        assert dates == list(range(0, 40 * FRAME_NS, FRAME_NS))


def test_a_clock_that_stood_still_is_another_clock() -> None:
    clock = DeviceClock()
    clock.captured_ns("depth", 0, 0)
    assert clock.captured_ns("depth", FRAME_NS, MAX_DELAY_NS + 2 * FRAME_NS) == MAX_DELAY_NS + 2 * FRAME_NS


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-(2**62), 2**62), st.integers(1, 10**10)), max_size=60))
def test_dates_are_never_in_the_future_and_never_backwards(frames: list[tuple[str, int, int]]) -> None:
    clock = DeviceClock()
    arrived_ns = 0
    last = {"a": -1, "b": -1}
    for stream, device_ns, passed_ns in frames:
        arrived_ns += passed_ns
        captured_ns = clock.captured_ns(stream, device_ns, arrived_ns)
        assert last[stream] < captured_ns <= arrived_ns
        last[stream] = captured_ns


def test_numbers_begin_at_nought_and_gaps_are_what_the_device_did_not_give_us() -> None:
    numbering = Numbering()
    assert [numbering.number(n) for n in (17, 18, 21)] == [0, 1, 4]
    numbering.restart()
    assert [numbering.number(n) for n in (90, 91)] == [5, 6]


@given(st.lists(st.integers(-(2**40), 2**40)))
def test_numbers_rise_whatever_the_device_counts(numbers: list[int]) -> None:
    numbering = Numbering()
    given_numbers = [numbering.number(n) for n in numbers]
    assert given_numbers == sorted(set(given_numbers))
