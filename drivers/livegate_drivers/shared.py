"""One device behind several cameras: the first that is entered opens it, the last that leaves closes it.

A [[camera]] table has one role, so a device that sees in colour and in depth is named by two tables, and each camera is
read by a thread of its own. No further thread is started: whoever waits reads the device for all, one at a time, and
leaves the others what is theirs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, Protocol, TypeVar
from weakref import WeakSet, WeakValueDictionary

from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError

# How long one reader reads for all before others get their turn: what leaving and joining wait for at most.
TURN_S = 0.1
# A device that several cameras share is opened by one of them; slow ones take some seconds.
OPENING_S = 20.0
# A device's own waits are bounded by the turn; one that does not return for so long hangs.
STUCK_S = 2.0

Want = TypeVar("Want", bound=Hashable)
Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)


class Device(Protocol[Want, Item_co]):
    """An opened device; ``read`` is called by one thread at a time, never the same for long."""

    def read(self, timeout_s: float) -> Mapping[Want, Item_co | PictureError]:
        """Return what came within ``timeout_s``, by what was wanted, as soon as anything did.

        A PictureError in place of a frame is raised to whoever wanted that one. Raise DeviceTimeout, DeviceLost, or
        PictureError for what is damaged for all.
        """

    def close(self) -> None:
        """Close the device; closing twice is harmless."""


class _Place(Generic[Want, Item]):
    """What all that share one device know of it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        """Held while the device is opened or closed."""
        self.shares: WeakSet[Share[Want, Item]] = WeakSet()
        self.session: _Session[Want, Item] | None = None


_places_lock = threading.Lock()
_places: WeakValueDictionary[Hashable, _Place[Hashable, object]] = WeakValueDictionary()


def _place_of(key: Hashable) -> _Place[Hashable, object]:
    with _places_lock:
        place = _places.get(key)
        if place is None:
            place = _places[key] = _Place()
        return place


class Share(Generic[Want, Item]):
    """One camera's part of the device that ``key`` names; made where no hardware may be touched.

    ``opener`` is given what all the shares of that key there are want, those to be entered and those that lost it as
    well as those that have it, so that a device whose streams can only be started together is opened once. One that was
    left while all was well wants nothing any more. One that then comes and wants something else makes the device close
    and open anew: the others see it lost and come back.
    """

    def __init__(
        self, key: Hashable, want: Want, opener: Callable[[frozenset[Want]], Device[Want, Item]], name: str
    ) -> None:
        self.want = want
        self._open = opener
        self._name = name
        # One key is one kind of device: its shares were all made by the same driver.
        self._place: _Place[Want, Item] = _place_of(key)  # type: ignore[assignment]
        self._place.shares.add(self)
        self._session: _Session[Want, Item] | None = None

    def enter(self) -> None:
        """Open the device or join those who did; what the opener raises, or DriverError when another takes too long."""
        if not self._place.lock.acquire(timeout=OPENING_S):
            raise DriverError(f"{self._name}: another camera has been opening it for {OPENING_S:g} s; is it healthy?")
        self._place.shares.add(self)
        try:
            self._session = self._joined()
        finally:
            self._place.lock.release()

    def leave(self) -> None:
        """Leave, and close the device as the last; leaving twice is harmless."""
        session, self._session = self._session, None
        if session is None:
            return
        with self._place.lock:
            if not session.lost:
                self._place.shares.discard(self)
            if session.part(self):
                session.end(DeviceLost(f"{self._name}: is closed"))

    def read(self, timeout_s: float) -> Item:
        """Return the newest of what was wanted, each at most once; errors as Camera.read."""
        session = self._session
        if session is None:
            raise DeviceLost(f"{self._name}: the camera is closed; enter it first")
        return session.read(self, timeout_s)

    @property
    def device(self) -> Device[Want, Item]:
        """The opened device; DeviceLost while not entered."""
        if self._session is None or self._session.lost:
            raise DeviceLost(f"{self._name}: the camera is closed; enter it first")
        return self._session.device

    @property
    def in_use(self) -> bool:
        """Whether the device is open, for this camera or another."""
        session = self._place.session
        return session is not None and not session.lost

    def _joined(self) -> _Session[Want, Item]:
        place = self._place
        session = place.session
        if session is None or session.lost or self.want not in session.wants:
            if session is not None:
                session.end(DeviceLost(f"{self._name}: is opened anew, for another camera that uses it too"))
            place.session = None
            wants = frozenset(share.want for share in place.shares)
            session = place.session = _Session(self._open(wants), wants, self._name)
        session.join(self)
        return session


class _Session(Generic[Want, Item]):
    """A device from its opening to its loss or closing, and the newest that came for each of its readers."""

    def __init__(self, device: Device[Want, Item], wants: frozenset[Want], name: str) -> None:
        self.device = device
        self.wants = wants
        self._name = name
        self._changed = threading.Condition()
        self._slots: dict[Share[Want, Item], list[Item | PictureError]] = {}
        self._reading = False
        self._error: DeviceLost | None = None

    @property
    def lost(self) -> bool:
        return self._error is not None

    def join(self, share: Share[Want, Item]) -> None:
        with self._changed:
            self._slots[share] = []

    def part(self, share: Share[Want, Item]) -> bool:
        """Return whether nobody is left."""
        with self._changed:
            self._slots.pop(share, None)
            self._changed.notify_all()
            return not self._slots

    def end(self, error: DeviceLost) -> None:
        """Close the device once nobody reads it; whoever still wants something is told ``error``.

        Raise DriverError where a reader does not come back.
        """
        with self._changed:
            if self._error is not None:
                return
            # From here on nobody begins to read.
            self._error = error
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: not self._reading, STUCK_S):
                raise DriverError(f"{self._name}: has not answered for {STUCK_S:g} s; plug it in again, or restart")
        self.device.close()

    def read(self, share: Share[Want, Item], timeout_s: float) -> Item:
        deadline_s = time.monotonic() + timeout_s
        waited = False
        while True:
            with self._changed:
                left_s = deadline_s - time.monotonic()
                self._changed.wait_for(lambda: self._slots.get(share) or self._may_turn(), max(0.0, left_s))
                item = self._taken(share)
                if item is not None:
                    return item
                if self._error is not None:
                    raise DeviceLost(str(self._error)) from self._error
                left_s = deadline_s - time.monotonic()
                if self._reading or (waited and left_s <= 0):
                    raise DeviceTimeout(f"{self._name}: no frame within {timeout_s:g} s")
                self._reading = waited = True
            self._read_for_all(max(0.0, min(TURN_S, left_s)))

    def _may_turn(self) -> bool:
        return self._error is not None or not self._reading

    def _taken(self, share: Share[Want, Item]) -> Item | None:
        slot = self._slots.get(share)
        if not slot:
            return None
        item = slot.pop()
        if isinstance(item, PictureError):
            raise PictureError(str(item)) from item
        return item

    def _read_for_all(self, timeout_s: float) -> None:
        """Read once with ``_reading`` held, and give it back whatever happens."""
        came: Mapping[Want, Item | PictureError] = {}
        lost: DeviceLost | None = DeviceLost(f"{self._name}: reading it failed in another camera's thread")
        try:
            came, lost = self.device.read(timeout_s), None
        except DeviceTimeout:
            lost = None
        except PictureError as exc:
            came, lost = dict.fromkeys(self.wants, exc), None
        except DeviceLost as exc:
            lost = exc
        finally:
            # Whoever wanted to close it meanwhile may have given up waiting for us.
            if lost is not None or self.lost:
                self.device.close()
            with self._changed:
                self._error = self._error or lost
                self._reading = False
                for share, slot in self._slots.items():
                    if share.want in came:
                        slot[:] = [came[share.want]]
                self._changed.notify_all()
