"""A console that runs: one thread that keeps the connection and takes events."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from livegate.config import Mqtt
from livegate.errors import LinkError
from livegate.report.session import Message, Timing, Who
from livegate.report.topics import Topics
from livegate.report.worker import Worker, WorkerState
from livegate.trust.keys import SigningKey
from livegate_tools.console.centre import Centre, Rules, Seen
from livegate_tools.console.commanding import Reply
from livegate_tools.console.heard import Heard
from livegate_tools.console.listserving import ListFolder
from livegate_tools.console.payloads import Order, Signer
from livegate_tools.console.receipts import Receipts

_RELEASER = "livegate"
_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream as the console holds it.

    ``through`` is the sequence everything is held up to, but for ``holes`` (first, last, accounted for by a gap
    event); ``begins_after`` is up to where it took the terminal's word that all was acknowledged before its time: that
    is not held; ``altered`` the first sequence that does not fit the chain, None while all does.
    """

    topics: Topics
    stream: str
    through: int
    chainhash: str
    known: int
    begins_after: int
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
        receipts: Receipts | None = None,
        settle: Callable[[], None] | None = None,
    ):
        """Prepare; raise LinkError when ``state_file`` exists and is not a console's.

        ``receipts`` countersigns what terminals sign; without it checkpoints are only verified. ``settle`` is called
        in the console's thread before each acknowledgement, and returns once the disk has what ``sink`` was given.
        """
        rules = rules or Rules()
        self._receipts, self._settle = receipts, settle
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

    @property
    def heard(self) -> Heard:
        """What terminals last said beside their events; live, so only look."""
        return self.centre.heard

    def publish(self, message: Message) -> Future[None]:
        """Send ``message`` as soon as there is a broker; the future ends when the broker has it, or refuses it.

        From any thread, as the methods below. Raises LinkError while too many messages wait.
        """
        taken = self.centre.postbox.post(message)
        self._worker.wake()
        return taken

    def retain(self, topics: Topics, name: str, sealed: bytes) -> Future[None]:
        """Leave an envelope at the broker for a terminal, whenever it comes: "trust/keyset", "twin/desired"."""
        return self.publish(Message(topics.down(name), sealed, retain=True))

    def command(self, key: SigningKey, topics: Topics, order: Order, timeout_s: float) -> Reply:
        """Have a terminal that is online do ``order``, and return what it replies.

        Raises LinkError when it is not online or does not reply in time; it may have obeyed all the same.
        """
        signer = Signer(key, f"{topics.site}/{topics.terminal}")
        message, reply = self.centre.commands.ask(signer, topics, self.heard.statuses.get(topics), order)
        self.publish(message)
        try:
            return reply.result(timeout_s)
        except TimeoutError as exc:
            reply.cancel()
            raise LinkError(
                f"{signer.audience}: no reply to {order.verb} within {timeout_s:g} s; it replies to no command that is "
                "not signed by a key of its keyset, and says message.refused in its events instead"
            ) from exc

    def offer_list(self, topics: Topics, folder: ListFolder) -> Future[None]:
        """Tell a terminal of a list and send it the chunks it asks for, for as long as this console runs."""
        return self.publish(self.centre.lists.offer(topics, folder))

    def wait(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Return once ``condition`` holds; raise LinkError that names ``what`` was waited for when it does not."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() >= deadline_s:
                why = self.link().last_error
                raise LinkError(f"{what}: not within {timeout_s:g} s" + (f" ({why})" if why else ""))
            time.sleep(_LOOK_S)

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
                begins_after=ledger.begins_after,
                repeated=ledger.repeated,
                altered=ledger.altered,
                holes=tuple((hole.first, hole.last, hole.accounted) for hole in list(ledger.holes)),
            )
            for (topics, stream), ledger in held
        ]
        return tuple(sorted(states, key=lambda state: (state.topics.site, state.topics.terminal, state.stream)))

    def _make_centre(self, rules: Rules, sink: Callable[[Seen], None], state_file: Path | None) -> Centre:
        return Centre(rules, sink, self._problem, state_file, self._receipts, self._settle)

    def _problem(self, text: str) -> None:
        self._worker.problem(text)
