"""What is wrong, said once and then now and again: who can send us messages could otherwise fill our log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

_MAX_KINDS = 1_000
_MOST = 60


@dataclass(slots=True)
class _Said:
    at_s: float
    kept_back: int = 0


class Problems:
    """Passes a problem on when its kind is new, and then at most once in ``every_s`` with the number kept back.

    Of all kinds together no more than 60 are told in ``every_s``, so that inventing kinds gains nothing. 1,000 kinds
    are told apart; of more, the one silent for longest is forgotten. Not thread-safe.
    """

    def __init__(self, tell: Callable[[str], None], every_s: float = 60.0, now: Callable[[], float] = time.monotonic):
        self._tell = tell
        self._every_s = every_s
        self._now = now
        self._said: dict[object, _Said] = {}
        self._since_s = now()
        self._told = 0

    def report(self, kind: object, text: str) -> None:
        """Tell ``text``, unless one of this kind, or too much of any, was told lately."""
        now_s = self._now()
        if now_s - self._since_s >= self._every_s:
            self._since_s, self._told = now_s, 0
        said = self._said.pop(kind, None)
        lately = said is not None and now_s - said.at_s < self._every_s
        if lately or self._told >= _MOST:
            said = said or _Said(-self._every_s)
            said.kept_back += 1
            self._remember(kind, said)
            return
        more = f" (and {said.kept_back} more like it)" if said is not None and said.kept_back else ""
        self._remember(kind, _Said(now_s))
        self._told += 1
        self._tell(text + more)

    def _remember(self, kind: object, said: _Said) -> None:
        if len(self._said) >= _MAX_KINDS:
            del self._said[next(iter(self._said))]
        self._said[kind] = said
