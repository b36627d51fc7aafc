"""One device behind several cameras: a device that counts its openings and breaks the rules when it is misused."""

import queue
import threading
import time
from collections.abc import Callable

import pytest

from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError
from livegate_drivers.shared import Share

SOON_S = 5.0


class Bench:
    """A device on the bench: it can be opened once at a time, and read by one thread at a time."""

    def __init__(self) -> None:
        self.openings: list[frozenset[str]] = []
        self.open_now = 0
        self.refuse = False
        self.came: queue.Queue[object] = queue.Queue()
        self.offences: list[str] = []
        self.reading = threading.Event()
        self.hung = threading.Event()
        self.hung.set()

    def open(self, wants: frozenset[str]) -> "Opened":
        if self.refuse:
            raise DriverError("bench: is not there")
        if self.open_now:
            self.offences.append("opened while open")
        self.open_now += 1
        self.openings.append(wants)
        return Opened(self, wants)

    def share(self, want: str) -> Share[str, object]:
        return Share(self, want, self.open, "bench")

    def give(self, **items: object) -> None:
        self.came.put(items)


class Opened:
    def __init__(self, bench: Bench, wants: frozenset[str]) -> None:
        self._bench = bench
        self._wants = wants
        self._inside = threading.Lock()
        self._closed = False

    def read(self, timeout_s: float) -> dict[str, object]:
        if self._closed:
            self._bench.offences.append("read after closing")
        if not self._inside.acquire(blocking=False):
            self._bench.offences.append("read by two at a time")
        try:
            self._bench.reading.set()
            self._bench.hung.wait(10 * SOON_S)
            came = self._bench.came.get(timeout=max(timeout_s, 1e-3))
        except queue.Empty:
            raise DeviceTimeout("bench: nothing") from None
        finally:
            self._inside.release()
        if isinstance(came, Exception):
            raise came
        assert isinstance(came, dict)
        return {want: item for want, item in came.items() if want in self._wants}

    def close(self) -> None:
        if self._inside.locked():
            self._bench.offences.append("closed while read")
        if not self._closed:
            self._closed = True
            self._bench.open_now -= 1


@pytest.fixture
def bench() -> Bench:
    return Bench()


def in_thread(work: Callable[[], object]) -> "queue.Queue[object]":
    result: queue.Queue[object] = queue.Queue()

    def run() -> None:
        try:
            result.put(work())
        except (DeviceLost, DeviceTimeout, DriverError, PictureError) as exc:
            result.put(exc)

    threading.Thread(target=run, daemon=True).start()
    return result


def test_the_first_opens_for_all_and_the_last_closes(bench: Bench) -> None:
    colour, depth = bench.share("colour"), bench.share("depth")
    colour.enter()
    depth.enter()
    assert bench.openings == [frozenset({"colour", "depth"})]
    colour.leave()
    assert bench.open_now == 1
    depth.leave()
    depth.leave()
    assert bench.open_now == 0


def test_each_reader_gets_its_own_and_nothing_twice(bench: Bench) -> None:
    colour, depth = bench.share("colour"), bench.share("depth")
    colour.enter()
    depth.enter()
    bench.give(colour=1, depth=10)
    assert colour.read(SOON_S) == 1
    assert depth.read(SOON_S) == 10
    for share in (colour, depth):
        with pytest.raises(DeviceTimeout, match=r"bench: no frame within 0\.01 s"):
            share.read(0.01)


def test_the_newest_replaces_what_nobody_took(bench: Bench) -> None:
    colour, depth = bench.share("colour"), bench.share("depth")
    colour.enter()
    depth.enter()
    for number in range(5):
        bench.give(colour=number)
    bench.give(depth=0)
    assert depth.read(SOON_S) == 0
    assert colour.read(SOON_S) == 4


def test_whoever_waits_is_served_by_whoever_reads(bench: Bench) -> None:
    colour, depth = bench.share("colour"), bench.share("depth")
    colour.enter()
    depth.enter()
    seen = [in_thread(lambda: colour.read(SOON_S)), in_thread(lambda: depth.read(SOON_S))]
    time.sleep(0.05)
    bench.give(depth=10)
    bench.give(colour=1)
    assert [result.get(timeout=SOON_S) for result in seen] == [1, 10]
    assert not bench.offences


def test_a_loss_reaches_every_reader_and_entering_again_opens_anew(bench: Bench) -> None:
    colour, depth = bench.share("colour"), bench.share("depth")
    colour.enter()
    depth.enter()
    seen = [in_thread(lambda: colour.read(SOON_S)), in_thread(lambda: depth.read(SOON_S))]
    bench.came.put(DeviceLost("bench: was unplugged"))
    for result in seen:
        assert str(result.get(timeout=SOON_S)) == "bench: was unplugged"
    assert bench.open_now == 0
    assert not colour.in_use
    # One comes back while the other still holds on to what is lost.
    colour.leave()
    colour.enter()
    with pytest.raises(DeviceLost, match="unplugged"):
        depth.read(0.0)
    bench.give(colour=2)
    assert colour.read(SOON_S) == 2
    depth.leave()
    assert colour.in_use
    depth.enter()
    bench.give(depth=3)
    assert depth.read(SOON_S) == 3
    assert len(bench.openings) == 2
    assert not bench.offences


def test_a_damaged_frame_is_told_to_all_and_the_next_is_good(bench: Bench) -> None:
    colour, depth = bench.share("colour"), bench.share("depth")
    colour.enter()
    depth.enter()
    bench.came.put(PictureError("bench: damaged"))
    for share in (colour, depth):
        with pytest.raises(PictureError, match="damaged"):
            share.read(SOON_S)
    bench.give(colour=1, depth=PictureError("bench: only depth is damaged"))
    assert colour.read(SOON_S) == 1
    with pytest.raises(PictureError, match="only depth"):
        depth.read(SOON_S)


def test_a_defect_in_one_readers_thread_is_a_loss_to_the_others(bench: Bench) -> None:
    colour, depth = bench.share("colour"), bench.share("depth")
    colour.enter()
    depth.enter()
    bench.came.put(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        colour.read(SOON_S)
    with pytest.raises(DeviceLost, match="failed in another camera's thread"):
        depth.read(SOON_S)
    assert bench.open_now == 0


def test_a_camera_that_was_made_later_opens_it_anew_for_both(bench: Bench) -> None:
    colour = bench.share("colour")
    colour.enter()
    waiting = in_thread(lambda: colour.read(SOON_S))
    depth = bench.share("depth")
    depth.enter()
    assert "opened anew" in str(waiting.get(timeout=SOON_S))
    colour.leave()
    colour.enter()
    assert bench.openings == [frozenset({"colour"}), frozenset({"colour", "depth"})]
    assert not bench.offences


def test_what_cannot_be_opened_is_told_to_each_and_tried_again(bench: Bench) -> None:
    colour, depth = bench.share("colour"), bench.share("depth")
    bench.refuse = True
    for share in (colour, depth):
        with pytest.raises(DriverError, match="not there"):
            share.enter()
        share.leave()
    bench.refuse = False
    colour.enter()
    assert colour.in_use
    assert depth.in_use


def test_what_was_left_says_so_and_a_waiting_reader_is_told(bench: Bench) -> None:
    colour = bench.share("colour")
    with pytest.raises(DeviceLost, match="closed; enter it first"):
        colour.read(0.0)
    colour.enter()
    waiting = in_thread(lambda: colour.read(SOON_S))
    time.sleep(0.05)
    colour.leave()
    assert isinstance(waiting.get(timeout=SOON_S), DeviceLost)
    with pytest.raises(DeviceLost, match="closed; enter it first"):
        _ = colour.device
    assert not bench.offences


def test_devices_of_other_keys_are_others() -> None:
    one, other = Bench(), Bench()
    first, second = one.share("colour"), other.share("colour")
    first.enter()
    assert not second.in_use
    second.enter()
    assert one.openings == other.openings == [frozenset({"colour"})]


def test_a_camera_nobody_holds_any_more_wants_nothing(bench: Bench) -> None:
    bench.share("forgotten")
    colour = bench.share("colour")
    colour.enter()
    assert bench.openings == [frozenset({"colour"})]


def test_a_camera_that_was_left_wants_nothing_and_one_that_was_lost_comes_back(bench: Bench) -> None:
    colour, depth = bench.share("colour"), bench.share("depth")
    for share in (colour, depth):
        share.enter()
    depth.leave()
    colour.leave()
    colour.enter()
    assert bench.openings[-1] == frozenset({"colour"})
    depth.enter()
    bench.came.put(DeviceLost("bench: gone"))
    with pytest.raises(DeviceLost):
        depth.read(SOON_S)
    colour.leave()
    depth.leave()
    colour.enter()
    assert bench.openings[-1] == frozenset({"colour", "depth"})


def test_a_device_that_hangs_is_named_and_closed_once_it_comes_back(bench: Bench) -> None:
    colour = bench.share("colour")
    colour.enter()
    bench.hung.clear()
    waiting = in_thread(lambda: colour.read(SOON_S))
    assert bench.reading.wait(SOON_S)
    depth = bench.share("depth")
    with pytest.raises(DriverError, match="bench: has not answered for 2 s"):
        depth.enter()
    bench.hung.set()
    assert "opened anew" in str(waiting.get(timeout=SOON_S))
    assert bench.open_now == 0
    depth.enter()
    assert bench.openings[-1] == frozenset({"colour", "depth"})
    assert not bench.offences


def test_many_threads_come_and_go_and_the_device_is_never_misused(bench: Bench) -> None:
    wants = ("colour", "depth", "infrared", "right")
    shares = [bench.share(want) for want in wants]
    over = threading.Event()
    got: dict[str, list[object]] = {want: [] for want in wants}

    def feed() -> None:
        number = 0
        while not over.is_set():
            number += 1
            bench.came.put(DeviceLost("bench: gone") if number % 40 == 0 else dict.fromkeys(wants, number))
            time.sleep(0.001)

    def use(share: Share[str, object], rounds: int) -> None:
        for turn in range(rounds):
            share.enter()
            try:
                for _ in range(5 + turn % 7):
                    got[share.want].append(share.read(SOON_S))
            except DeviceLost:
                pass
            finally:
                share.leave()

    users = [threading.Thread(target=use, args=(share, 25)) for share in shares]
    feeder = threading.Thread(target=feed)
    for thread in (feeder, *users):
        thread.start()
    for thread in users:
        thread.join(60)
    over.set()
    feeder.join(SOON_S)
    assert not any(thread.is_alive() for thread in users)
    assert bench.open_now == 0
    assert not bench.offences
    for numbers in got.values():
        assert len(numbers) >= 25
        assert numbers == sorted(set(numbers), key=lambda number: int(str(number)))
