"""A console that runs: one thread that keeps the connection and takes events."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from livegate.config import Mqtt
from livegate.report.session import Timing, Who
from livegate.report.topics import Topics
from livegate.report.worker import Worker, WorkerState
from livegate_tools.console.centre import Centre, Rules, Seen

_RELEASER = "livegate"


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream as the console holds it.

    ``through`` is the sequence everything is held up to, but for ``holes`` (first, last, accounted for by a gap
    event); ``altered`` the first sequence that does not fit the chain, None while all does.
    """

    topics: Topics
    stream: str
    through: int
    chainhash: str
    known: int
    repeated: int
    altered: int | None
    holes: tuple[tuple[int, int, bool], ...]


class Console:
    """Subscribes to terminals, proves their event chains, and acknowledges what it holds.

    An acknowledging console keeps a session under its name with the broker, so that events wait for it; two at once
    under one name would throw each other out. One that only looks on keeps none.
    """

    def __init__(
        self,
        mqtt: Mqtt,
        sink: Callable[[Seen], None],
        *,
        rules: Rules | None = None,
        state_file: Path | None = None,
        timing: Timing | None = None,
    ):
        """Prepare; raise LinkError when ``state_file`` exists and is not a console's."""
        rules = rules or Rules()
        self.centre = self._make_centre(rules, sink, state_file)
        lasting = rules.acknowledge
        name = f"{_RELEASER}-{rules.consumer if lasting else secrets.token_hex(6)}"
        self._worker = Worker("console", mqtt, Who(name, lasting), self.centre, timing)

    def start(self) -> None:
        """Start the thread; returns at once, connected or not."""
        self._worker.start()

    def stop(self, timeout_s: float) -> None:
        """Acknowledge what is held, disconnect and end, within ``timeout_s``. This method is idempotent."""
        self._worker.stop(timeout_s)

    def link(self) -> WorkerState:
        """Return the state of the connection."""
        return self._worker.state()

    def streams(self) -> tuple[StreamState, ...]:
        """Return every stream heard of, by site, terminal and name."""
        held = self.centre.ledgers().items()
        states = [
            StreamState(
                topics=topics,
                stream=stream,
                through=ledger.head.sequence,
                chainhash=ledger.head.chainhash,
                known=ledger.known,
                repeated=ledger.repeated,
                altered=ledger.altered,
                holes=tuple((hole.first, hole.last, hole.accounted) for hole in list(ledger.holes)),
            )
            for (topics, stream), ledger in held
        ]
        return tuple(sorted(states, key=lambda state: (state.topics.site, state.topics.terminal, state.stream)))

    def _make_centre(self, rules: Rules, sink: Callable[[Seen], None], state_file: Path | None) -> Centre:
        return Centre(rules, sink, self._problem, state_file)

    def _problem(self, text: str) -> None:
        self._worker.problem(text)
