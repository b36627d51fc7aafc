"""Everything that comes down but acknowledgements: which handler a topic has, and what becomes of what is refused.

A kind of message is a module of this package with a function ``handler(desk)`` that returns a :class:`Handler`. Its
topics, bounds and effects stand there and nowhere else.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import livegate.report.down
from livegate.errors import LinkError, Refusal, StoreError, TrustError
from livegate.report.down.desk import Desk
from livegate.report.down.refusals import Refusals, reason_of
from livegate.report.session import Arrival, Message
from livegate.report.topics import split

log = logging.getLogger(__name__)

_AGAIN_S = 60.0
"""What the store did not take (it is full, say) is asked for again after so long."""
_KEYID = re.compile(rb'"keyid"\s*:\s*"([0-9a-f]{16})"')


class Handler(Protocol):
    """Takes one kind of message; every method is called in the MQTT thread."""

    topics: tuple[str, ...]
    """Filters below the terminal's prefix: "trust/keyset", "lists/+/chunk/+"."""
    max_bytes: int
    """A longer message is refused unread."""

    def take(self, arrival: Arrival, name: str) -> None:
        """Do what an authentic message asks, or raise TrustError (StoreError) with nothing changed.

        ``name`` is the topic below the prefix.
        """

    def opened(self) -> None:
        """A new connection begins."""

    def turn(self) -> bool:
        """Do what is due, in bounded time; return whether there is more to do at once."""


class Inbox:
    """All handlers of one terminal behind one face."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.refusals = Refusals(desk.store)
        self._handlers = tuple(handlers(desk))
        self._own = (desk.topics.site, desk.topics.terminal)
        self._again_s: float | None = None

    def filters(self) -> tuple[str, ...]:
        """Return every topic filter to subscribe to."""
        return tuple(self.desk.topics.down(name) for handler in self._handlers for name in handler.topics)

    def opened(self, challenge: str, lost: list[Message]) -> None:
        """Begin on a new connection; ``lost`` are our messages the broker of the last one did not take."""
        self.desk.challenge = challenge
        for handler in self._handlers:
            handler.opened()
        self.desk.outbox.again(lost)

    def take(self, arrival: Arrival) -> None:
        """Hand a message to its handler; whatever is wrong with it is told and changes nothing."""
        name = self._name(arrival.topic)
        handler = next((h for h in self._handlers if any(matches(f, name) for f in h.topics)), None)
        if handler is None:
            self.refused(arrival, TrustError(Refusal.MALFORMED, f"nothing is expected on {arrival.topic[:200]!r}"))
            return
        try:
            if len(arrival.payload) > handler.max_bytes:
                text = f"message of {len(arrival.payload)} bytes, expected at most {handler.max_bytes}"
                raise TrustError(Refusal.MALFORMED, text)
            handler.take(arrival, name)
        except LinkError as exc:
            self.refused(arrival, exc)
        except StoreError as exc:
            self.desk.counts["messages_failed_total"] += 1
            log.warning("message not taken", extra={"topic": arrival.topic, "error": str(exc)})
            self._again_s = self._again_s or time.monotonic() + _AGAIN_S

    def refused(self, arrival: Arrival, error: LinkError) -> None:
        """Count, log and record that ``arrival`` was refused."""
        found = _KEYID.search(arrival.payload[-512:]) or _KEYID.search(arrival.payload[:512])
        keyid = found.group(1).decode() if found else None
        topic = arrival.topic if self._name(arrival.topic) else "(none of ours)"
        self.refusals.note(topic[:200], reason_of(error), str(error)[:300], keyid, time.monotonic(), time.time())

    def turn(self) -> bool:
        """Do what is due; return whether there is more to do at once."""
        more = False
        for handler in self._handlers:
            try:
                more |= handler.turn()
            except StoreError as exc:
                self.desk.counts["messages_failed_total"] += 1
                log.warning("message not carried out", extra={"error": str(exc)})
        self.refusals.tell(time.monotonic())
        return more

    def wants_again(self, now_s: float) -> bool:
        """Return, once, whether what is retained is to be asked for again by subscribing anew; ``now_s`` monotonic."""
        again, self.desk.again = self.desk.again, False
        if self._again_s is not None and now_s >= self._again_s:
            self._again_s, again = None, True
        return again

    def next_message(self) -> Message | None:
        """Return what handlers have to say next, None when nothing."""
        return self.desk.outbox.next()

    def measures(self) -> Mapping[str, float]:
        """Return the counters of health."""
        return {**self.refusals.counts, **self.desk.counts, "replies_dropped_total": self.desk.outbox.dropped}

    def _name(self, topic: str) -> str:
        found = split(topic)
        return found[1] if found and (found[0].site, found[0].terminal) == self._own else ""


def handlers(desk: Desk) -> Iterator[Handler]:
    """Yield the handler of every module of this package that has one."""
    for found in sorted(pkgutil.iter_modules(livegate.report.down.__path__), key=lambda module: module.name):
        module: Any = importlib.import_module(f"livegate.report.down.{found.name}")
        if hasattr(module, "handler"):
            yield module.handler(desk)


def matches(pattern: str, name: str) -> bool:
    """Return whether topic ``name`` is one of filter ``pattern``, whose levels may be ``+``."""
    wanted, given = pattern.split("/"), name.split("/")
    return len(wanted) == len(given) and all(w in ("+", g) for w, g in zip(wanted, given, strict=True))
