"""A near-infrared lamp behind one GPIO line: a transistor, a relay, or the enable input of an LED driver.

A line switches and cannot dim. A level between 0 and 1 is refused, never rounded: a lamp brighter than configured may
be more than eyes should bear.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

from livegate.errors import DriverError
from livegate.options import Between
from livegate_drivers.gpio_line import OutputLine, Wire


@dataclass(frozen=True, slots=True)
class Options:
    """Which chip and line, by number or by name (``gpioinfo`` lists both); ``active_low``: low makes it shine."""

    chip: Path = Path("/dev/gpiochip0")
    line: Annotated[int, Between(0, 1023)] | None = None
    line_name: str | None = None
    active_low: bool = False


class GpioIlluminator:
    """A lamp that is dark or at its full level; dark when entered and when left."""

    def __init__(self, options: Options) -> None:
        if (options.line is None) == (options.line_name is None):
            raise DriverError(f"{options.chip}: give either 'line', a number, or 'line_name' (gpioinfo lists both)")
        self._wire = Wire(options.chip, options.line, options.line_name, options.active_low)
        self._line = OutputLine(self._wire)

    def __enter__(self) -> Self:
        """Take the line, dark; raise DriverError naming chip, line and remedy."""
        self._line.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make the lamp dark and let the line go."""
        self._line.close()

    def shine(self, level: float) -> None:
        """Be dark (0) or shine (1), at once; DriverError for a level between, DeviceLost when the chip is gone."""
        if level not in (0, 1):
            raise DriverError(
                f"{self._wire}: switches a lamp and cannot dim it to {level:g}; set level = 1, or use a driver that can"
            )
        self._line.set(level == 1)


def open_illuminator(options: Options) -> GpioIlluminator:
    """Return the lamp on that line; raise DriverError where the options do not say which."""
    return GpioIlluminator(options)
