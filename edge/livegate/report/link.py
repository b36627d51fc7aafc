"""The terminal's link to its centre: starts, stops and watches the one MQTT thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livegate import __version__
from livegate.config import Mqtt, Protocol, Terminal
from livegate.report.down.inbox import Inbox
from livegate.report.health import Measures, process_measures
from livegate.report.rhythm import Rhythm
from livegate.report.sender import Sender, Speaker
from livegate.report.session import Message, Timing, Who
from livegate.report.source import EventSource
from livegate.report.topics import Topics
from livegate.report.worker import Worker


@dataclass(frozen=True, slots=True)
class LinkState:
    """The link at one moment.

    ``sent_through`` went to the broker, ``acknowledged_through`` is what the console confirmed; ``last_error`` is
    what is wrong now, None while nothing is.
    """

    connected: bool
    protocol: Protocol | None
    sent_through: int
    acknowledged_through: int
    last_error: str | None
    reconnects: int
    acks_refused: int
    alive: bool
    """The thread runs; only a mistake of ours ends it before it is stopped."""


class Link:
    """Sends the store's events to the broker and lets the console's acknowledgements release them.

    Runs in a thread of its own, which no refusal, silence or garbage from the network ends: it waits and connects
    again. Nothing here ever delays a decision.
    """

    def __init__(
        self,
        config: Mqtt,
        terminal: Terminal,
        store: EventSource,
        *,
        boot_id: str,
        measures: Measures | None = None,
        timing: Timing | None = None,
        rhythm: Rhythm | None = None,
    ):
        """Prepare the link; ``measures`` are published as health beside the link's own. May raise StoreError.

        Until :meth:`listen` nothing but acknowledgements is subscribed to.
        """
        self._started_s = time.monotonic()
        self._more_measures = measures
        topics = Topics.of(terminal)
        self._sender = Sender(
            config, Speaker(topics, boot_id, __version__), store, self._measures, self._problem, rhythm
        )
        who = Who(f"{terminal.site}-{terminal.id}")
        self._worker = Worker("mqtt", config, who, self._sender, timing)

    def listen(self, inbox: Inbox) -> None:
        """Take from now on what comes down for ``inbox`` and say what it has to say; before :meth:`start`."""
        self._sender.listen(inbox)

    def announce(self, messages: tuple[Message, ...], told: Callable[[], None]) -> None:
        """Publish ``messages`` on every connection; before :meth:`start`.

        ``told`` is called in the MQTT thread once a broker has taken all of them.
        """
        self._sender.announce(messages, told)

    def adjust(self, resend_after_s: float, health_s: float | None) -> None:
        """Speak in another rhythm, ``health_s`` None for the usual one; before :meth:`start` or in the MQTT thread."""
        self._sender.adjust(resend_after_s, health_s)

    def start(self) -> None:
        """Start the thread; returns at once, connected or not."""
        self._worker.start()

    def stop(self, timeout_s: float) -> None:
        """Publish that we are offline, disconnect and end, within ``timeout_s``. This method is idempotent."""
        self._worker.stop(timeout_s)

    def wake(self) -> None:
        """Say that an event was committed; never blocks, from any thread."""
        self._sender.wake()
        self._worker.wake()

    def state(self) -> LinkState:
        """Return the link's newest state; from any thread."""
        worker, window = self._worker.state(), self._sender.window
        return LinkState(
            connected=worker.connected,
            protocol=worker.protocol,
            sent_through=window.sent_through,
            acknowledged_through=window.acknowledged,
            last_error=worker.last_error,
            reconnects=worker.reconnects,
            acks_refused=self._sender.counts["acks_refused_total"],
            alive=worker.alive,
        )

    def _problem(self, text: str) -> None:
        self._worker.problem(text)

    def _measures(self) -> Mapping[str, float]:
        ours = {
            "uptime_seconds": round(time.monotonic() - self._started_s, 3),
            "mqtt_reconnects_total": self._worker.state().reconnects,
        }
        return {**process_measures(), **ours, **(self._more_measures() if self._more_measures else {})}
