"""Every stream the console takes: its ledger, and when what is to be said about it."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from livegate.errors import LinkError
from livegate.events.cloudevents import ChainHead, type_of
from livegate.events.kinds import SYSTEM_STARTED
from livegate.report.acks import Ack
from livegate.report.topics import Topics
from livegate_tools.console.ledger import Ledger, Taken
from livegate_tools.console.problems import Problems
from livegate_tools.console.reading import Seen
from livegate_tools.console.statefile import Key

Proves = Callable[[Seen, bool], ChainHead | None]
"""Returns the place a checkpoint vouches for by its terminal's key; with True by any, while none is known."""
MAX_STREAMS = 20_000
MAX_STREAMS_OF_ONE = 64
_MAX_DOUBLINGS = 4
_ASKED_ENOUGH = 5
_STARTED = type_of(SYSTEM_STARTED)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the console listens to and how it answers.

    ``consumer`` is the name it acknowledges under; terminals release events only to the one they are configured
    with. Acknowledgements are gathered: one after ``ack_every`` events or ``ack_after_s``, whichever is first.
    """

    scope: Topics = field(default_factory=lambda: Topics("+", "+"))
    consumer: str = "console"
    acknowledge: bool = True
    ack_every: int = 200
    ack_after_s: float = 0.2
    want_after_s: float = 1.0
    follow: bool = True
    """Whether events are taken at all; a console that only speaks needs none."""


@dataclass(slots=True)
class _Desk:
    """One stream's ledger, and when what is to be done about it.

    ``unsure``: a connection was made since we last asked, so the terminal may have sent what nobody kept for us.
    """

    topics: Topics
    ledger: Ledger
    pending: int = 0
    unsure: bool = False
    due_s: float = math.inf
    moved_s: float = -math.inf
    asked_s: float = -math.inf
    in_vain: int = 0
    """How often we asked since anything new came."""


class Desks:
    """Takes events of all streams; says which acknowledgements are due. Not thread-safe, but for :meth:`ledgers`."""

    def __init__(
        self, rules: Rules, kept: dict[Key, Ledger], problems: Problems, now: Callable[[], float] = time.monotonic
    ):
        self._rules = rules
        self._problems = problems
        self._now = now
        self._desks = {key: _Desk(key[0], ledger) for key, ledger in kept.items()}
        self._of: defaultdict[Topics, dict[str, Ledger]] = defaultdict(dict)
        for (topics, stream), ledger in kept.items():
            self._of[topics][stream] = ledger
        self._open: dict[Key, _Desk] = {}

    def ledgers(self) -> dict[Key, Ledger]:
        """Return the ledger of every stream heard of; they are live, so only look."""
        return {key: desk.ledger for key, desk in list(self._desks.items())}

    def reconnected(self) -> None:
        """Say again, at once, what was not said to its end."""
        for desk in self._open.values():
            desk.due_s = 0.0 if desk.pending else desk.due_s

    def know(self, topics: Topics, stream: str) -> None:
        """Begin a ledger for ``stream`` unless there is one; LinkError when there are too many that are signed.

        What nobody signed makes room: who invents streams must not keep a terminal's next one out.
        """
        self._desk((topics, stream))

    def claim(self, topics: Topics, stream: str, sequence: int) -> None:
        """Note that a terminal says it sent ``stream`` up to ``sequence``; ask it soon whether there is more."""
        desk = self._desk((topics, stream))
        desk.ledger.claim(sequence)
        desk.unsure = True
        desk.in_vain = 0
        desk.due_s = desk.moved_s = self._now()

    def claim_released(self, topics: Topics, stream: str, sequence: int) -> None:
        """Note that a terminal says ``stream`` was acknowledged to it up to ``sequence``."""
        if (topics, stream) in self._desks:
            self._desks[topics, stream].ledger.claim_released(sequence)

    def vouch(self, topics: Topics, stream: str, sequence: int) -> None:
        """Note that the terminal's device key signed for ``stream`` up to ``sequence``."""
        ledger = self._desks[topics, stream].ledger
        ledger.signed = max(ledger.signed, sequence)

    def take(self, seen: Seen, keep: Callable[[Seen], None], proves: Proves | None = None) -> Taken:
        """Judge an event by its stream's ledger, ``keep`` it when it is new, and plan the answer.

        When ``keep`` raises, the event counts as not held and will be asked for again. ``proves`` is asked which place
        an event vouches for that comes ahead of its own; without it nothing proves a gap.
        """
        desk = self._desk((seen.topics, seen.stream))
        ledger, signed = desk.ledger, None
        if proves is not None and seen.event.sequence > ledger.want:
            signed = proves(seen, ledger.head.sequence == 0)
        taken = ledger.judge(seen.opened, asking=self._rules.acknowledge, signed=signed)
        if taken is Taken.NEW:
            keep(seen)
            self._hold(desk, seen)
        self._plan(desk, taken)
        return taken

    def due(self) -> bool:
        """Return whether any acknowledgement is due."""
        now_s = self._now()
        return any(desk.due_s <= now_s for desk in self._open.values())

    def answers(self, room: int) -> Iterable[tuple[Topics, Ack]]:
        """Yield up to ``room`` acknowledgements: the due ones, then all others that say something new.

        What is held must be on the disk before: one write then serves every stream.
        """
        now_s = self._now()
        ready = sorted((d for d in self._open.values() if d.pending or d.due_s <= now_s), key=lambda desk: desk.due_s)
        for desk in ready[:room]:
            yield desk.topics, self._answer(desk, now_s)

    def next_s(self) -> float:
        """Return in how many seconds something is due; infinite when nothing is."""
        return min((desk.due_s for desk in self._open.values()), default=math.inf) - self._now()

    def _hold(self, desk: _Desk, seen: Seen) -> None:
        ledger = desk.ledger
        begun = ledger.begins_after
        ledger.hold(seen.opened)
        if seen.event.sequence == 1:
            ledger.follows = self._names_a_signed_one(seen)
        if ledger.begins_after > begun:
            text = (
                f"{_place(seen.topics)}: nothing was held of {seen.stream}, and the terminal says that its events up "
                f"to {ledger.begins_after} were acknowledged before; this console begins behind them and does not hold "
                "them. If it should, they are lost: look whether its state was, or somebody else spoke in its name"
            )
            self._problems.report(("begins", seen.topics, seen.stream), text)

    def _names_a_signed_one(self, seen: Seen) -> bool:
        predecessor = seen.opened.what.get("predecessor")
        if seen.members.get("type") != _STARTED or not isinstance(predecessor, dict):
            return False
        before = self._of[seen.topics].get(str(predecessor.get("stream")))
        return before is not None and before.signed > 0

    def _plan(self, desk: _Desk, taken: Taken) -> None:
        now_s = self._now()
        after_s = self._rules.ack_after_s
        if taken is Taken.NEW:
            desk.pending += 1
            desk.moved_s = now_s
            desk.in_vain = 0
            after_s = 0.0 if desk.pending >= self._rules.ack_every else after_s
        elif taken is Taken.AHEAD:
            after_s = max(0.0, desk.asked_s + self._patience_s(desk) - now_s)
        desk.due_s = min(desk.due_s, now_s + after_s)

    def _answer(self, desk: _Desk, now_s: float) -> Ack:
        ledger = desk.ledger
        # What is behind a hole is surely missing; what the terminal only says it sent may still be on its way.
        quiet_s = now_s - (desk.asked_s if ledger.skipping else max(desk.asked_s, desk.moved_s))
        asks = (ledger.behind or desk.unsure) and quiet_s >= self._patience_s(desk)
        if asks:
            desk.unsure = False
            desk.asked_s = now_s
            desk.in_vain += 1
            if ledger.skipping and desk.in_vain >= _ASKED_ENOUGH:
                self._tell_stuck(desk)
        desk.pending = 0
        if ledger.behind or desk.unsure:
            desk.due_s = max(now_s, max(desk.moved_s, desk.asked_s) + self._patience_s(desk))
        else:
            desk.due_s = math.inf
            del self._open[desk.topics, ledger.stream]
        want = ledger.want if asks else None
        return Ack(ledger.stream, ledger.head.sequence, ledger.head.chainhash, self._rules.consumer, want)

    def _tell_stuck(self, desk: _Desk) -> None:
        topics, ledger = desk.topics, desk.ledger
        text = (
            f"{_place(topics)}: asked {desk.in_vain} times for event {ledger.want} of {ledger.stream}, "
            "and only later ones come; nothing behind it is acknowledged. Does the broker refuse so large a message?"
        )
        if ledger.told_unsigned:
            text += (
                " A gap event says that it was dropped, and no checkpoint of the terminal's device key covers that "
                "event: somebody may have made it up"
            )
        if ledger.released >= ledger.want:
            text += (
                f" The terminal says that it was acknowledged up to {ledger.released}, which nobody signed. If it was, "
                "and this console's state is an older copy, take the stream out of the state file to begin there"
            )
        self._problems.report(("stuck", topics), text)

    def _patience_s(self, desk: _Desk) -> float:
        """Return how long to wait before asking again: each time in vain twice as long, up to sixteenfold."""
        return self._rules.want_after_s * 2.0 ** min(max(0, desk.in_vain - 1), _MAX_DOUBLINGS)

    def _desk(self, key: Key) -> _Desk:
        desk = self._desks.get(key)
        if desk is None:
            self._make_room(key[0])
            desk = self._desks[key] = _Desk(key[0], Ledger.begin(key[1]))
            self._of[key[0]][key[1]] = desk.ledger
        self._open[key] = desk
        return desk

    def _make_room(self, topics: Topics) -> None:
        if len(self._of[topics]) >= MAX_STREAMS_OF_ONE:
            self._forget_one([(topics, stream) for stream in self._of[topics]])
        elif len(self._desks) >= MAX_STREAMS:
            self._forget_one(list(self._desks))

    def _forget_one(self, oldest_first: list[Key]) -> None:
        """Forget the oldest stream that nobody signed, those that succeed a signed one last."""
        unsigned = [key for key in oldest_first if not self._desks[key].ledger.signed]
        if not unsigned:
            raise LinkError(f"{len(oldest_first)} streams are known and all are signed; no more are taken")
        topics, stream = gone = min(unsigned, key=lambda key: self._desks[key].ledger.follows)
        del self._desks[gone], self._of[topics][stream]
        self._open.pop(gone, None)
        text = f"{_place(topics)}: too many streams of this terminal; forgot {stream!r}, which its device never signed"
        self._problems.report(("forgot", topics), text)


def _place(topics: Topics) -> str:
    return f"{topics.site}/{topics.terminal}"
