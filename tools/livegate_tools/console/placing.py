"""A retained message takes another's place: looked at before, and undone when the terminal does not take it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from livegate.errors import LinkError, TrustError
from livegate.report.topics import Topics
from livegate.trust.clockfloor import TrustedNow
from livegate_tools.console.checking import Kept
from livegate_tools.console.listening import Listener


class Place:
    """One terminal's topic at the broker; ``former`` is what was kept there when this was made, None for nothing."""

    def __init__(self, console: Listener, topics: Topics, name: str) -> None:
        self.console, self.topics, self.name = console, topics, name
        self.former = console.kept(topics, name)
        self._sealed = b""
        self._asked_s = time.time()

    @property
    def topic(self) -> str:
        """The whole topic."""
        return self.topics.down(self.name)

    def begin(self, sealed: bytes) -> None:
        """Note that ``sealed`` goes there now; refusals count from here on."""
        self._sealed = sealed
        self._asked_s = time.time()

    def put(self, sealed: bytes) -> None:
        """Leave a message there; LinkError when the broker does not take it."""
        self.begin(sealed)
        self.console.leave(self.topics, self.name, sealed)

    def refusal(self) -> str | None:
        """Return why the terminal's events say it refused what came last, None while they do not."""
        return self.console.refusal(self.topics, self.name, self._asked_s)

    def put_back(self) -> str:
        """Leave there again what was there before, nothing if nothing was; return that as words."""
        if self.former == self._sealed:
            return "it was at the broker before, and still is"
        self.console.leave(self.topics, self.name, self.former or b"")
        return "the former one is at the broker again" if self.former else "nothing is left at the broker, as before"


def now() -> TrustedNow:
    """Return this moment by a clock that is believed."""
    return TrustedNow(time.time(), synchronised=True)


def checked(check: Callable[[Kept], None], place: Place, arguments: argparse.Namespace) -> None:
    """Have ``check`` look at a message beside what the broker keeps; LinkError when it is not to be sent.

    With ``--anyway`` the broker is taken to keep nothing.
    """
    try:
        check(Kept())
        if not arguments.anyway:
            check(Kept(place.former, place.console.kept(place.topics, "trust/keyset")))
    except TrustError as exc:
        hint = "" if arguments.anyway else " (if what the broker keeps is not yours: --anyway)"
        raise LinkError(f"not sent, it would be refused: {exc.reason}: {exc}{hint}") from exc
