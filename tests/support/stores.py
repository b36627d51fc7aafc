"""A store with a clock that stands still until it is told to go on, and the small values an attempt is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from livegate.config import GateMode, Limit, LimitKey, StoreConfig, WhenFull
from livegate.events import kinds
from livegate.events.cloudevents import Identity, StoredEvent
from livegate.events.environment import Environment
from livegate.gate.facts import Clock, GatePolicy
from livegate.gate.policy import decide
from livegate.store import Store, lists, open_store
from livegate.types import AccessEvent, Credential, CredentialRead, Decision, PadDecision, PadResult, Reason, Step

IDENTITY = Identity("lab", "t1", "0.1.0", "boot-1", "front")
ENVIRONMENT = Environment(IDENTITY)
BONA_FIDE = PadResult(PadDecision.BONA_FIDE, Reason.BONA_FIDE, 0.9, 2.0, 0.5, 10, Step.ALL)
ATTACK = PadResult(PadDecision.ATTACK, Reason.PRESENTATION_ATTACK, 0.1, -2.0, 0.5, 10, Step.ALL)
CARD = CredentialRead("card", "04A1B2C3")
WALL_S = 1_700_000_000.0


@dataclass
class StillClock:
    """Callable like ``read_clock``; time passes by ``go``."""

    now: Clock = Clock(WALL_S, 1_000_000_000, True)  # noqa: RUF009 - frozen

    def __call__(self) -> Clock:
        return self.now

    def go(self, seconds: float) -> Clock:
        self.now = replace(
            self.now, wall_s=self.now.wall_s + seconds, monotonic_ns=self.now.monotonic_ns + round(seconds * 1e9)
        )
        return self.now

    def reboot(self, off_s: float) -> None:
        """The machine is off for a while; its monotonic clock begins again."""
        self.now = replace(self.now, wall_s=self.now.wall_s + off_s, monotonic_ns=2_000_000)


def opened(
    folder: Path,
    clock: StillClock | None = None,
    *,
    boot: str = "boot-1",
    history: int = 1000,
    when_full: WhenFull = WhenFull.DENY,
) -> Store:
    identity = replace(IDENTITY, boot_id=boot)
    return open_store(folder, identity, StoreConfig(history, when_full), clock or StillClock())


def policy(*limits: Limit) -> GatePolicy:
    return GatePolicy(GateMode.CREDENTIAL_LIVENESS, limits=limits)


def limit(event: str, most: int, window_s: float, lockout_s: float, key: LimitKey = LimitKey.CREDENTIAL) -> Limit:
    return Limit(key, event, most, window_s, lockout_s)


def admit(store: Store, read: CredentialRead, now: Clock, until_s: float | None = None) -> str:
    """Put a credential on the allow list; return its pseudonym."""
    with store.transaction() as t:
        pseudonym = t.context.pseudonyms.of(read.value)
        lists.allow(t, Credential(pseudonym, read.kind, True, None, until_s), now)
    return pseudonym


def attempt(
    store: Store, pad: PadResult, rules: GatePolicy, now: Clock, read: CredentialRead | None = CARD
) -> Decision:
    """One attempt as the pipeline makes it: facts, decision, counters and event in one transaction."""
    with store.transaction() as t:
        decision = decide(pad, t.facts(read, rules, now), rules, attempt_id="a1")
        t.count(decision, rules, now)
        t.enqueue(kinds.access_attempt(decision, now, ENVIRONMENT))
    return decision


def plain(number: int = 0, kind: str = "access.attempt") -> AccessEvent:
    return AccessEvent(kind, {"number": number}, WALL_S, number)


def record(store: Store, number: int = 0, kind: str = "access.attempt") -> StoredEvent:
    with store.transaction() as t:
        return t.enqueue(plain(number, kind))


def whole(store: Store) -> list[StoredEvent]:
    """Return every event the store keeps."""
    return store.newest(1_000_000)


def rows(store: Store, table: str) -> int:
    """Return how many rows a table has."""
    with store.transaction() as t:
        return int(t.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def seen_as(pad: PadResult, signature: str) -> PadResult:
    """Return ``pad`` of an attempt whose medium has ``signature``."""
    return replace(pad, media_signature=signature)
