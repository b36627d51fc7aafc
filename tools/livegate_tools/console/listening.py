"""A console that speaks and listens for the answer: what the broker keeps, what terminals' events say they refused."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livegate.config import Mqtt
from livegate.errors import LinkError
from livegate.events.central import MESSAGE_REFUSED
from livegate.events.cloudevents import kind_of
from livegate.events.trust import KEYSET_APPLIED
from livegate.report.session import Arrival, Happening, Message, Session
from livegate.report.topics import Topics, split
from livegate.trust.payload import moment_of
from livegate_tools.console.centre import Centre, Rules, Seen
from livegate_tools.console.console import Console

KEPT = ("trust/keyset", "twin/desired", "lists/block/manifest", "lists/allow/manifest")
"""What stays at the broker of what a centre says."""
BROKER_S = 15.0
_MAX_KEPT = 40_000
_MAX_TOLD = 1_000
# An event older than what was just sent comes again while nobody acknowledges it; clocks differ by less, mostly.
_SKEW_S = 2.0
_TOLD = (MESSAGE_REFUSED, KEYSET_APPLIED)


@dataclass(frozen=True, slots=True)
class _Told:
    topics: Topics
    kind: str
    what: Mapping[str, Any]


class Listener(Console):
    """A console that takes no part in acknowledging. Its methods may be called from any thread."""

    def __init__(self, mqtt: Mqtt, scope: Topics) -> None:
        self._told: deque[_Told] = deque(maxlen=_MAX_TOLD)
        self._lock = threading.Lock()
        self._kept: dict[tuple[Topics, str], bytes] = {}
        super().__init__(mqtt, self._hear, rules=Rules(scope, acknowledge=False))

    def kept(self, topics: Topics, name: str) -> bytes | None:
        """Return what the broker keeps on a topic, None when nothing; what we publish there counts at once."""
        return self._kept.get((topics, name)) or None

    def leave(self, topics: Topics, name: str, sealed: bytes, *, retain: bool = True) -> None:
        """Publish, and return when the broker has it; LinkError when it does not take it."""
        self.taken(self.publish(Message(topics.down(name), sealed, retain=retain)).result, topics.down(name))

    def taken(self, result: Callable[[float], None], topic: str) -> None:
        """Wait for the broker to take what goes to ``topic``; LinkError when it does not."""
        try:
            result(BROKER_S)
        except TimeoutError as exc:
            raise LinkError(f"{topic}: the broker did not take it within {BROKER_S:g} s") from exc

    def refusal(self, topics: Topics, name: str, asked_s: float) -> str | None:
        """Return why a terminal's events say it refused a message on a topic since ``asked_s`` (Unix), None if not.

        Its clock may be wrong, and of one reason it tells once a minute: no refusal seen is no consent.
        """
        for told in self._of(topics, MESSAGE_REFUSED):
            if told.get("topic") == topics.down(name) and _since_s(told) >= asked_s - _SKEW_S:
                return str(told.get("reason"))
        return None

    def has_keyset(self, topics: Topics, version: int) -> bool:
        """Return whether a terminal's events say that it took keyset ``version``."""
        return any(told.get("version") == version for told in self._of(topics, KEYSET_APPLIED))

    def listen(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until ``condition`` holds; return whether it does, ``timeout_s`` later at most."""
        deadline_s = time.monotonic() + timeout_s
        while not (held := condition()) and time.monotonic() < deadline_s:
            time.sleep(0.02)
        return held

    def _of(self, topics: Topics, kind: str) -> list[Mapping[str, Any]]:
        with self._lock:
            return [told.what for told in self._told if (told.topics, told.kind) == (topics, kind)]

    def _hear(self, seen: Seen) -> None:
        kind = kind_of(seen.members.get("type", ""))
        if kind in _TOLD:
            with self._lock:
                self._told.append(_Told(seen.topics, kind, seen.opened.what))

    def _keep(self, topics: Topics, name: str, payload: bytes) -> None:
        if (topics, name) in self._kept or len(self._kept) < _MAX_KEPT:
            self._kept[topics, name] = payload

    def _make_centre(self, rules: Rules, sink: Callable[[Seen], None], state_file: Path | None) -> Centre:
        return _Centre(rules, sink, self._problem, self._keep, state_file)


class _Centre(Centre):
    """Also hears what the broker keeps for terminals."""

    def __init__(
        self,
        rules: Rules,
        sink: Callable[[Seen], None],
        problem: Callable[[str], None],
        keep: Callable[[Topics, str, bytes], None],
        state_file: Path | None,
    ) -> None:
        super().__init__(rules, sink, problem, state_file)
        self._scope, self._take_kept = rules.scope, keep

    def opened(self, session: Session) -> None:
        """Ask for it before all else, so that it is here once the terminal's status is."""
        session.subscribe(*(self._scope.down(name) for name in KEPT))
        super().opened(session)

    def happened(self, happening: Happening) -> None:
        """Keep it apart."""
        found = split(happening.topic) if isinstance(happening, Arrival) else None
        if isinstance(happening, Arrival) and found is not None and found[1] in KEPT:
            self._take_kept(*found, happening.payload)
        else:
            super().happened(happening)


def _since_s(refused: Mapping[str, Any]) -> float:
    try:
        return moment_of(refused, "since")
    except LinkError:
        return 0.0
