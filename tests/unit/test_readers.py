from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from livegate.capture.readers import MAX_WAITING, Readers
from livegate.types import CredentialRead
from livegate_drivers.readers.scripted import Options, Presentation, ScriptedReader
from support.waiting import eventually

DEADLINE_S = 20.0


def taken_until(readers: Readers, enough: Callable[[list[CredentialRead]], bool]) -> list[str]:
    reads: list[CredentialRead] = []
    deadline_s = time.monotonic() + DEADLINE_S
    while not enough(reads) and time.monotonic() < deadline_s:
        reads += readers.take()
        time.sleep(0.005)
    return [read.value for read in reads]


def test_reads_of_all_readers_come_in_their_order() -> None:
    first = ScriptedReader(Options((Presentation("a1"), Presentation("a2"))))
    second = ScriptedReader(Options((Presentation("b1"),)))
    with Readers([first, second]) as readers:
        values = taken_until(readers, lambda reads: len(reads) == 3)
    assert sorted(values) == ["a1", "a2", "b1"]
    assert values.index("a1") < values.index("a2")


def test_a_lost_reader_comes_back() -> None:
    reader = ScriptedReader(Options())
    reader.unplug()
    with Readers([reader]) as readers:
        assert readers.take() == ()
        reader.plug()
        deadline_s = time.monotonic() + DEADLINE_S
        reads: tuple[CredentialRead, ...] = ()
        while not reads and time.monotonic() < deadline_s:
            reader.present("1234")
            reads = readers.take()
            time.sleep(0.005)
    assert reads[0].value == "1234"


def test_of_too_many_the_newest_are_kept_and_the_reader_lives_on() -> None:
    reader = ScriptedReader(Options())
    with Readers([reader]) as readers:
        deadline_s = time.monotonic() + DEADLINE_S
        for number in range(20 * MAX_WAITING):
            reader.present(str(number))
            time.sleep(0.001)
        reads = readers.take()
        assert len(reads) <= MAX_WAITING
        newest: list[str] = []
        while "last" not in newest and time.monotonic() < deadline_s:
            reader.present("last")
            newest += [read.value for read in readers.take()]
            time.sleep(0.005)
    assert "last" in newest


class Broken(ScriptedReader):
    """A driver that breaks its contract."""

    def read(self, timeout_s: float) -> CredentialRead:
        raise ZeroDivisionError


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reader_whose_driver_is_defective_is_named() -> None:
    with Readers([ScriptedReader(Options()), Broken(Options())]) as readers:
        eventually(lambda: readers.ended() == "reader-2", "the defective driver's thread ends")
