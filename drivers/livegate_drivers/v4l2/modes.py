"""Which modes a device has: pixel formats, their sizes, and at what pace each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from livegate_drivers.ioctl import call
from livegate_drivers.v4l2 import uapi
from livegate_drivers.v4l2.node import Node, fourcc_name

# No camera has more of anything; a device that never ends its list is not waited for.
MAX_ENTRIES = 64
# More than a person reads in one message.
MAX_TOLD = 12

Entry = TypeVar("Entry", uapi.FormatDescription, uapi.FrameSize, uapi.FrameInterval)


@dataclass(frozen=True, slots=True)
class Mode:
    """What a stream shall be: a V4L2 pixel format ("MJPG", "Z16"), width and height in pixels, frames per second."""

    fourcc: str
    width: int
    height: int
    fps: float

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.fourcc} at {self.fps:g} fps"


@dataclass(frozen=True, slots=True)
class Offer:
    """One size of one format, "640x480" or "16x16 to 1280x720", and its paces, "30, 15"; "" where it tells none."""

    fourcc: str
    size: str
    paces: str

    def __str__(self) -> str:
        return f"{self.fourcc} {self.size}".strip() + (f" ({self.paces} fps)" if self.paces else "")


def offers(node: Node) -> tuple[Offer, ...]:
    """Return every mode the device tells of."""
    found: list[Offer] = []
    for kind in _entries(node, uapi.ENUM_FMT, lambda: uapi.FormatDescription(type=uapi.TYPE_VIDEO_CAPTURE)):
        number = kind.pixelformat
        sizes = list(_sizes(node, number)) or [("", "")]
        found += [Offer(fourcc_name(number), size, paces) for size, paces in sizes]
    return tuple(found)


def told(node: Node, asked: Mode) -> str:
    """Return the device's modes as words for a message, those most like ``asked`` first."""
    listed = sorted(offers(node), key=lambda offer: _unlike(offer, asked))
    if not listed:
        return f"it does not tell which modes it has (try v4l2-ctl -d {node.path} --list-formats-ext)"
    more = f" and {len(listed) - MAX_TOLD} more" if len(listed) > MAX_TOLD else ""
    return "it has " + "; ".join(str(offer) for offer in listed[:MAX_TOLD]) + more


def _unlike(offer: Offer, asked: Mode) -> tuple[bool, bool, int]:
    width, height = ([int(n) for n in re.findall(r"\d+", offer.size)] or [0, 0])[:2]
    return (
        offer.fourcc != asked.fourcc,
        offer.size != f"{asked.width}x{asked.height}",
        abs(width * height - asked.width * asked.height),
    )


def _sizes(node: Node, number: int) -> Iterator[tuple[str, str]]:
    for size in _entries(node, uapi.ENUM_FRAMESIZES, lambda: uapi.FrameSize(pixel_format=number)):
        if size.type == uapi.DISCRETE:
            width, height = size.numbers[:2]
            yield f"{width}x{height}", _paces(node, number, width, height)
        else:
            least_width, most_width, _, least_height, most_height, _ = size.numbers
            paces = _paces(node, number, most_width, most_height)
            yield f"{least_width}x{least_height} to {most_width}x{most_height}", paces


def _paces(node: Node, number: int, width: int, height: int) -> str:
    told: list[str] = []
    asked = {"pixel_format": number, "width": width, "height": height}
    for interval in _entries(node, uapi.ENUM_FRAMEINTERVALS, lambda: uapi.FrameInterval(**asked)):
        fractions = [(interval.numbers[0], interval.numbers[1])]
        if interval.type != uapi.DISCRETE:
            fractions.insert(0, (interval.numbers[2], interval.numbers[3]))
        told.append(" to ".join(f"{below / above:.3g}" for above, below in fractions if above))
    return ", ".join(dict.fromkeys(pace for pace in told if pace))


def _entries(node: Node, request: int, blank: Callable[[], Entry]) -> Iterator[Entry]:
    """Yield the entries of one of the device's lists; any error ends it, as the kernel's own EINVAL does."""
    for index in range(MAX_ENTRIES):
        entry = blank()
        entry.index = index
        try:
            call(node.handle, request, entry)
        except OSError:
            return
        yield entry
        if getattr(entry, "type", uapi.DISCRETE) != uapi.DISCRETE:
            return
