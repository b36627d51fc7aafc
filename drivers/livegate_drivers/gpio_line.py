"""One output of a GPIO chip, switched by the kernel's character device (``linux/gpio.h``, version 2, Linux 5.10 on)."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from ctypes import Structure, Union, c_char, c_int32, c_uint32, c_uint64
from dataclasses import dataclass
from pathlib import Path

from livegate.errors import DeviceLost, DriverError
from livegate_drivers.ioctl import Way, call, code

# No chip has more; one that says so is not searched for ever.
MAX_LINES = 1024


class ChipInfo(Structure):
    """What a chip is called, and how many lines it has."""

    _fields_ = (("name", c_char * 32), ("label", c_char * 32), ("lines", c_uint32))


class _Value(Union):
    _fields_ = (("flags", c_uint64), ("values", c_uint64), ("debounce_period_us", c_uint32))


class Attribute(Structure):
    """One property of some lines."""

    _fields_ = (("id", c_uint32), ("padding", c_uint32), ("value", _Value))


class LineInfo(Structure):
    """What a line is called, and who uses it."""

    _fields_ = (
        ("name", c_char * 32),
        ("consumer", c_char * 32),
        ("offset", c_uint32),
        ("num_attrs", c_uint32),
        ("flags", c_uint64),
        ("attrs", Attribute * 10),
        ("padding", c_uint32 * 4),
    )


class ConfigAttribute(Structure):
    """A property, and which of the requested lines have it."""

    _fields_ = (("attr", Attribute), ("mask", c_uint64))


class LineConfig(Structure):
    """How lines are to be used."""

    _fields_ = (
        ("flags", c_uint64),
        ("num_attrs", c_uint32),
        ("padding", c_uint32 * 5),
        ("attrs", ConfigAttribute * 10),
    )


class LineRequest(Structure):
    """Which lines are wanted, how, and by whom; the kernel fills in ``fd``."""

    _fields_ = (
        ("offsets", c_uint32 * 64),
        ("consumer", c_char * 32),
        ("config", LineConfig),
        ("num_lines", c_uint32),
        ("event_buffer_size", c_uint32),
        ("padding", c_uint32 * 5),
        ("fd", c_int32),
    )


class LineValues(Structure):
    """Values of the requested lines, and which of them are meant."""

    _fields_ = (("bits", c_uint64), ("mask", c_uint64))


FAMILY = "\xb4"
GET_CHIPINFO = code(Way.READ, FAMILY, 0x01, ChipInfo)
GET_LINEINFO = code(Way.READ | Way.WRITE, FAMILY, 0x05, LineInfo)
GET_LINE = code(Way.READ | Way.WRITE, FAMILY, 0x07, LineRequest)
SET_VALUES = code(Way.READ | Way.WRITE, FAMILY, 0x0F, LineValues)
FLAG_ACTIVE_LOW = 1 << 1
FLAG_OUTPUT = 1 << 3


@dataclass(frozen=True, slots=True)
class Wire:
    """Which line of which chip, by its number or by its name; ``active_low``: the line is low while it is on."""

    chip: Path
    number: int | None
    name: str | None
    active_low: bool

    def __str__(self) -> str:
        return f"{self.chip}: line {self.name if self.number is None else self.number}"


class OutputLine:
    """One line held as output between ``open`` and ``close``; off when opened and before it is let go."""

    def __init__(self, wire: Wire, consumer: str = "livegate") -> None:
        self._wire = wire
        self._consumer = consumer
        self._handle: int | None = None

    def open(self) -> None:
        """Take the line, off; raise DriverError naming chip, line and remedy."""
        chip = self._wire.chip
        try:
            handle = os.open(chip, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            raise DriverError(f"{chip}: cannot be opened ({exc.strerror}); {_remedy(exc.errno)}") from exc
        try:
            self._handle = self._taken(handle)
        finally:
            os.close(handle)

    def set(self, on: bool) -> None:
        """Switch the line; raise DeviceLost when it is closed or the chip is gone."""
        if self._handle is None:
            raise DeviceLost(f"{self._wire}: is closed; enter it first")
        try:
            call(self._handle, SET_VALUES, LineValues(bits=int(on), mask=1))
        except OSError as exc:
            raise DeviceLost(f"{self._wire}: cannot be switched ({exc.strerror}); is the chip still there?") from exc

    def close(self) -> None:
        """Switch the line off and let it go; closing twice is harmless."""
        if self._handle is None:
            return
        with suppress(DeviceLost):
            self.set(False)
        os.close(self._handle)
        self._handle = None

    def _taken(self, chip: int) -> int:
        number = self._number(chip)
        flags = FLAG_OUTPUT | (FLAG_ACTIVE_LOW if self._wire.active_low else 0)
        # Without a value of its own a line begins off.
        request = LineRequest(num_lines=1, consumer=self._consumer.encode("ascii"), config=LineConfig(flags=flags))
        request.offsets[0] = number
        try:
            call(chip, GET_LINE, request)
        except OSError as exc:
            why = _used_by(chip, number) if exc.errno == errno.EBUSY else exc.strerror
            raise DriverError(f"{self._wire}: cannot be an output ({why}); {_remedy(exc.errno)}") from exc
        return int(request.fd)

    def _number(self, chip: int) -> int:
        """Return the line's number on the open chip."""
        info = ChipInfo()
        try:
            call(chip, GET_CHIPINFO, info)
        except OSError as exc:
            raise DriverError(f"{self._wire.chip}: is no GPIO chip ({exc.strerror}); {_remedy(exc.errno)}") from exc
        count = min(info.lines, MAX_LINES)
        if self._wire.number is not None:
            if self._wire.number >= count:
                raise DriverError(f"{self._wire}: the chip has lines 0 to {count - 1}; correct 'line' (gpioinfo)")
            return self._wire.number
        names = [_line(chip, number).name.decode("utf-8", "replace") for number in range(count)]
        if self._wire.name not in names:
            raise DriverError(f"{self._wire}: the chip has no line of this name; correct 'line_name' (gpioinfo)")
        return names.index(self._wire.name)


def _line(chip: int, number: int) -> LineInfo:
    info = LineInfo(offset=number)
    with suppress(OSError):
        call(chip, GET_LINEINFO, info)
    return info


def _used_by(chip: int, number: int) -> str:
    consumer = _line(chip, number).consumer.decode("utf-8", "replace")
    return f"it is used by '{consumer}'" if consumer else "it is in use"


def _remedy(number: int | None) -> str:
    return {
        errno.ENOENT: "correct 'chip' (gpiodetect)",
        errno.EACCES: "put this program's user into group gpio",
        errno.EPERM: "put this program's user into group gpio, and allow it in the service's DeviceAllow",
        errno.EBUSY: "free it, or take another line (gpioinfo)",
        errno.ENOTTY: "correct 'chip' (gpiodetect)",
        errno.EISDIR: "correct 'chip' (gpiodetect)",
    }.get(number or 0, "take another line (gpioinfo)")
