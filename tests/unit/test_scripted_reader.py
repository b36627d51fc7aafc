import threading

import pytest

from livegate.errors import DeviceLost, DeviceTimeout, DriverError
from livegate_drivers.readers.scripted import KEPT, Options, Presentation, ScriptedReader

SOON_S = 10.0


def test_a_script_plays_in_the_order_of_its_times() -> None:
    script = (Presentation("second", after_ms=30), Presentation("first", after_ms=0, kind="qr"))
    with ScriptedReader(Options(script)) as reader:
        reads = [reader.read(SOON_S), reader.read(SOON_S)]
    assert [(read.kind, read.value) for read in reads] == [("qr", "first"), ("card", "second")]
    assert reads[1].read_ns - reads[0].read_ns == 30_000_000


def test_a_waiting_read_gets_what_is_presented() -> None:
    with ScriptedReader(Options()) as reader:
        person = threading.Timer(0.02, reader.present, ["1234"])
        person.start()
        assert reader.read(SOON_S).value == "1234"
        person.join()


def test_a_waiting_read_notices_the_pulled_plug() -> None:
    with ScriptedReader(Options()) as reader:
        person = threading.Timer(0.02, reader.unplug)
        person.start()
        with pytest.raises(DeviceLost):
            reader.read(SOON_S)
        person.join()
        with pytest.raises(DriverError):
            reader.__enter__()
        reader.plug()
    with reader:
        reader.present("1234")
        assert reader.read(SOON_S).value == "1234"


def test_a_closed_reader_reads_nothing() -> None:
    reader = ScriptedReader(Options())
    reader.present("1234")
    with reader, pytest.raises(DeviceTimeout):
        reader.read(0.01)


def test_it_keeps_only_the_newest() -> None:
    with ScriptedReader(Options()) as reader:
        for number in range(KEPT + 3):
            reader.present(str(number))
        assert reader.read(0).value == "3"
