"""Whether a camera gives pictures it gave before: no sensor is so quiet that it can."""

from __future__ import annotations

import enum
from collections import deque
from typing import Any

from numpy.typing import NDArray

# One picture for longer than this: the camera hangs, or somebody feeds it.
MAX_SAME_MS = 1000.0
# A loop as long as this is found when its second round begins ...
HISTORY_MS = 32_000.0
# ... also of a camera of 120 frames a second.
_MOST = 4096
# A loop gives its pictures in their order, one or the other lost between. A picture nearly without noise may come again
# by chance, but soon and in no order: so many more that follow their predecessor than do not are no chance.
_SURE = 12
_MOST_LOST = 3
_LEAST_LOOP_MS = 200.0
# What was never seen speaks against a loop twice as much as what comes out of order: losses do that, too.
_NEVER_SEEN = 2
# Of every eighth row every eighth value.
_STEP = 8


class Sameness(enum.Enum):
    """What a picture is to those before it."""

    NEW = enum.auto()
    FROZEN = enum.auto()
    REPEATED = enum.auto()


class PictureMemory:
    """Remembers digests of one camera's pictures, thinned out; one thread's. Bounded in time and number."""

    def __init__(self) -> None:
        self._digest: int | None = None
        self._since_ns = 0
        self._places: dict[int, tuple[int, int]] = {}
        self._order: deque[tuple[int, int, int]] = deque()
        self._place = 0
        self._matched = 0
        self._score = 0

    def judge(self, image: NDArray[Any], captured_ns: int) -> Sameness:
        """Take the next picture and say what it is to those before.

        FROZEN is one that has not changed by a bit for longer than MAX_SAME_MS. A picture of one value is not meant: a
        covered or dazzled sensor does give it for ever. REPEATED is one of many that came before in the same order.
        """
        digest = _digest(image)
        if digest == self._digest:
            is_long = captured_ns - self._since_ns > MAX_SAME_MS * 1e6
            return Sameness.FROZEN if is_long and _shows(image) else Sameness.NEW
        self._digest, self._since_ns = digest, captured_ns
        self._match(digest, captured_ns)
        self._remember(digest, captured_ns)
        return Sameness.REPEATED if self._score >= _SURE else Sameness.NEW

    def _match(self, digest: int, captured_ns: int) -> None:
        place, then_ns = self._places.get(digest, (0, captured_ns))
        if captured_ns - then_ns < _LEAST_LOOP_MS * 1e6:
            self._score = max(0, self._score - (1 if place else _NEVER_SEEN))
            return
        follows = 0 < place - self._matched <= 1 + _MOST_LOST
        self._score = min(2 * _SURE, self._score + 1) if follows else max(0, self._score - 1)
        self._matched = place

    def _remember(self, digest: int, captured_ns: int) -> None:
        self._place += 1
        self._places[digest] = (self._place, captured_ns)
        self._order.append((digest, self._place, captured_ns))
        while len(self._order) > _MOST or captured_ns - self._order[0][2] > HISTORY_MS * 1e6:
            old, place, _ = self._order.popleft()
            if self._places[old][0] == place:
                del self._places[old]


def _digest(image: NDArray[Any]) -> int:
    """Return what tells a picture from others: of noise alone some thousand values differ.

    Of a colour picture every channel counts, for under some lamps one or two stay black. Each has pixels of its own: as
    many are read as of a grey one.
    """
    if image.ndim != 3:
        return hash(_thin(image).tobytes())
    channels = image.shape[2]
    turns = (image[::_STEP, _STEP * turn :: _STEP * channels, turn] for turn in range(channels))
    return hash(b"".join(turn.tobytes() for turn in turns))


def _shows(image: NDArray[Any]) -> bool:
    """Return whether the picture has more than one value."""
    thin = _thin(image)
    return bool(thin.size and thin.min() != thin.max())


def _thin(image: NDArray[Any]) -> NDArray[Any]:
    return image[::_STEP, ::_STEP] if image.ndim >= 2 else image
