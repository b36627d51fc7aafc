"""Lamps: each in a thread of its own, so that one that hangs or is lost holds up no camera."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, Self

from livegate.capture.controls import Emitting
from livegate.capture.health import Retry
from livegate.capture.illuminator import Illuminator
from livegate.errors import DeviceLost, DriverError

log = logging.getLogger(__name__)

# A lamp is told its level again as often: one that went away is noticed, and one that goes dark by itself when it hears
# nothing, as it should when this process dies, goes on shining.
REFRESH_S = 1.0
# An illuminator's longest wait, and some.
_STOP_S = 2.0


class Light(Protocol):
    """What can be made to shine and to go dark."""

    def want(self, lit: bool) -> None:
        """Ask for light or darkness, without waiting for it."""

    def since_ns(self, lit: bool) -> int | None:
        """Return since when it has been lit, or dark, on the monotonic clock; None while it is not, or may not be."""

    @property
    def gone(self) -> bool:
        """Whether it does not answer at present."""


class Lamp:
    """An illuminator in its own thread between ``__enter__`` and ``__exit__``: lit unless darkness is asked for.

    A lamp that cannot be opened or is lost is ``gone`` and tried again; on exit it is dark and closed.
    """

    def __init__(self, name: str, illuminator: Illuminator, level: float = 1.0, retry: Retry | None = None) -> None:
        self._name = name
        self._illuminator = illuminator
        self._level = level
        self._retry = retry or Retry()
        self._wanted = threading.Condition()
        self._lit = True
        self._stopped = False
        self._is: tuple[bool, int] | None = None
        self._gone = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start the thread, and with it the light."""
        self._stopped, self._lit, self._is = False, True, None
        self._thread = threading.Thread(target=self._run, name=f"lamp-{self._name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Make it dark and end the thread, waiting a bounded time for it."""
        with self._wanted:
            self._stopped = True
            self._wanted.notify_all()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                log.error("lamp does not let go", extra={"lamp": self._name})

    @property
    def gone(self) -> bool:
        """Whether its driver says that it is not there."""
        return self._gone

    def want(self, lit: bool) -> None:
        """Ask for light or darkness; from any thread."""
        with self._wanted:
            if lit is not self._lit:
                self._lit, self._is = lit, None
                self._wanted.notify_all()

    def since_ns(self, lit: bool) -> int | None:
        """Return since when it has been as asked for; None while it is gone or has not answered."""
        found = self._is
        return found[1] if found is not None and found[0] is lit else None

    def _run(self) -> None:
        wait_s, reported = self._retry.first_s, ""
        try:
            while not self._stopped:
                try:
                    with self._illuminator:
                        self._serve()
                        return
                except (DriverError, DeviceLost) as exc:
                    wait_s = self._retry.first_s if self._is is not None else min(2 * wait_s, self._retry.most_s)
                    self._gone, self._is = True, None
                    if str(exc) != reported:
                        log.warning("lamp lost", extra={"lamp": self._name, "error": str(exc)})
                        reported = str(exc)
                with self._wanted:
                    self._wanted.wait_for(lambda: self._stopped, wait_s)
        finally:
            # Also when a driver fails in a way no driver should.
            self._gone, self._is = not self._stopped, None

    def _serve(self) -> None:
        """Do what is wanted until the end is."""
        while not self._stopped:
            lit = self._lit
            self._illuminator.shine(self._level if lit else 0.0)
            with self._wanted:
                self._gone = False
                if self._is is None and lit is self._lit:
                    self._is = (lit, time.monotonic_ns())
                self._wanted.wait_for(self._has_other_than(lit), REFRESH_S)

    def _has_other_than(self, lit: bool) -> Callable[[], bool]:
        return lambda: self._stopped or self._lit is not lit


class OwnLight:
    """The lamp of a camera, for the thread that reads the camera; what its driver raises is that thread's to handle."""

    gone = False

    def __init__(self, camera: Emitting, level: float = 1.0) -> None:
        self._camera = camera
        self._level = level
        self._is: tuple[bool, int] | None = None

    def want(self, lit: bool) -> None:
        """Set the light at once; raise DeviceLost when the camera is gone."""
        self._is = None
        self._camera.shine(self._level if lit else 0.0)
        self._is = (lit, time.monotonic_ns())

    def since_ns(self, lit: bool) -> int | None:
        """Return since when it has been lit, or dark."""
        return self._is[1] if self._is is not None and self._is[0] is lit else None
