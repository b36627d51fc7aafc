"""The sender's window: what may go out next, and when it goes out again."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from livegate.report.backoff import Backoff
from livegate.report.window import Window


def window(acknowledged: int = 0, last_at_start: int = 0, span: int = 10) -> Window:
    return Window(acknowledged, last_at_start, span, resend_after_s=30.0)


def test_room_ends_where_the_broker_could_overflow() -> None:
    w = window()
    for sequence in range(1, 11):
        assert w.room() > 0
        assert w.sent(sequence, 0.0) is False
    assert w.room() == 0
    w.acknowledge(4, 1.0)
    assert w.room() == 4


def test_silence_sends_again_from_the_acknowledgement_ever_more_rarely() -> None:
    w = window()
    assert w.due_s() is None
    w.sent(1, 100.0)
    w.sent(2, 120.0)
    assert w.due_s() == 130.0
    assert not w.stalled(129.9)
    assert w.stalled(130.0)
    assert (w.next_after, w.sent_through) == (0, 2)
    assert w.sent(1, 131.0) is True
    assert w.due_s() == 130.0 + 60.0
    for days in range(1, 11):
        assert w.stalled(days * 86_400.0)
    assert w.due_s() == 864_000.0 + 30.0 * 16
    w.acknowledge(1, 864_001.0)
    assert w.due_s() == 864_001.0 + 30.0


def test_nothing_out_is_nothing_to_wait_for() -> None:
    w = window()
    w.sent(1, 0.0)
    w.acknowledge(1, 1.0)
    assert w.due_s() is None
    w.sent(2, 500.0)
    assert w.due_s() == 530.0


def test_earlier_run_may_have_sent_all_there_was() -> None:
    w = window(acknowledged=3, last_at_start=9)
    assert (w.sent_through, w.may_have_sent) == (3, 9)
    w.acknowledge(9, 0.0)
    assert (w.next_after, w.sent_through) == (9, 9)


def test_dropped_events_do_not_close_the_window() -> None:
    w = window()
    w.skip_to(5000)
    assert w.room() == 10
    w.sent(5001, 0.0)
    w.go_back(0)
    w.skip_to(5000)
    assert (w.next_after, w.gone_through, w.acknowledged) == (5000, 5000, 0)


@given(st.lists(st.tuples(st.sampled_from(["send", "ack", "back", "stall", "skip"]), st.integers(0, 40))))
def test_never_beyond_the_span_and_never_back_behind_the_acknowledgement(steps: list[tuple[str, int]]) -> None:
    w = window()
    highest = 0
    for now_s, (step, number) in enumerate(steps):
        if step == "send" and w.room():
            w.sent(w.next_after + 1, now_s)
        elif step == "ack" and number <= w.sent_through:
            w.acknowledge(number, now_s)
        elif step == "back":
            w.go_back(max(number, w.acknowledged))
        elif step == "stall":
            w.stalled(now_s * 100.0)
        elif step == "skip":
            w.skip_to(number)
        assert w.acknowledged <= w.sent_through or w.sent_through == 0
        assert w.acknowledged <= w.next_after <= w.gone_through + w.span
        assert w.sent_through >= highest
        highest = w.sent_through


def test_backoff_doubles_within_its_jitter_and_its_bound() -> None:
    backoff = Backoff(0.5, 60.0, Random(1))
    delays = [backoff.next_s() for _ in range(200)]
    for tries, delay_s in enumerate(delays):
        whole_s = min(60.0, 0.5 * 2.0**tries)
        assert whole_s / 2 <= delay_s <= whole_s
    assert len(set(delays[20:])) > 100
    backoff.reset()
    assert backoff.next_s() <= 0.5
