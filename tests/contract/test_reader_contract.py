"""What every reader driver must do.

A fixture module defines ``connected(folder)``, a context that gives (options, present): options as a configuration has
them for a reader that works, and ``present(reader)``, which holds the next credential to it and returns its value.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from livegate.config import DriverChoice, ReaderConfig
from livegate.drivers import open_reader
from livegate.errors import ConfigError, DeviceLost, DeviceTimeout, DriverError
from livegate.gate.reader import Reader

SOON_S = 10.0
WHERE = "site.toml: [[reader]] 1"

Connected = tuple[Reader, Callable[[Reader], str]]


@pytest.fixture
def connected(readers_fixture: ModuleType, tmp_path: Path) -> Iterator[Connected]:
    with readers_fixture.connected(tmp_path) as (options, present):
        yield reader_of(readers_fixture, options, tmp_path), present


def reader_of(fixture: ModuleType, options: dict[str, Any], folder: Path) -> Reader:
    return open_reader(ReaderConfig(DriverChoice(fixture.NAME, options, WHERE, folder)))


def test_a_credential_is_read_once_with_kind_and_time(connected: Connected) -> None:
    reader, present = connected
    with reader:
        value = present(reader)
        read = reader.read(SOON_S)
        assert (read.kind, read.value) == ("card", value)
        assert 0 < read.read_ns <= time.monotonic_ns()
        with pytest.raises(DeviceTimeout):
            reader.read(0.05)


def test_credentials_come_in_order(connected: Connected) -> None:
    reader, present = connected
    with reader:
        values = [present(reader), present(reader)]
        reads = [reader.read(SOON_S), reader.read(SOON_S)]
    assert [read.value for read in reads] == values
    assert reads[0].read_ns <= reads[1].read_ns


def test_the_value_does_not_show_in_logs(connected: Connected) -> None:
    reader, present = connected
    with reader:
        value = present(reader)
        assert value not in repr(reader.read(SOON_S))
    assert value not in repr(reader)


def test_nothing_presented_times_out_even_without_time(connected: Connected) -> None:
    reader, _ = connected
    with reader, pytest.raises(DeviceTimeout):
        reader.read(0.0)


def test_it_may_be_entered_again(connected: Connected) -> None:
    reader, present = connected
    with reader:
        present(reader)
        reader.read(SOON_S)
    with reader:
        value = present(reader)
        assert reader.read(SOON_S).value == value


def test_closing_twice_is_harmless_and_closed_is_lost(connected: Connected) -> None:
    reader, _ = connected
    with reader:
        reader.__exit__(None, None, None)
        with pytest.raises(DeviceLost):
            reader.read(0.05)


def test_an_unknown_option_is_refused_by_name(readers_fixture: ModuleType, tmp_path: Path) -> None:
    with (
        readers_fixture.connected(tmp_path) as (options, _),
        pytest.raises(ConfigError, match=r"site\.toml: \[\[reader\]\] 1: unknown key 'colour'"),
    ):
        reader_of(readers_fixture, {**options, "colour": "red"}, tmp_path)


def test_a_missing_device_is_named_when_entered(readers_fixture: ModuleType, tmp_path: Path) -> None:
    missing = getattr(readers_fixture, "missing", None)
    if missing is None:
        assert readers_fixture.NAME == "scripted", "only a reader without a device cannot miss it"
        return
    options, name = missing(tmp_path)
    reader = reader_of(readers_fixture, options, tmp_path)
    with pytest.raises(DriverError, match=name):
        reader.__enter__()
    reader.__exit__(None, None, None)
