"""Every parser of what comes from outside, by a coverage-guided fuzzer: it takes, or refuses in our words."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import livegate
from livegate.audit.chain import Verifier
from livegate.configfile import load
from livegate.errors import LinkError, Refusal, TrustError
from livegate.events.cloudevents import genesis
from livegate.events.opened import OpenedEvent
from livegate.evidence.bundle import About, pad
from livegate.evidence.seal import Recipient, open_sealed, seal
from livegate.lists.chunks import changes, parse_chunk
from livegate.lists.manifest import parse_manifest
from livegate.report.acks import Ack, format_ack, parse_ack
from livegate.report.status import Presence, Status, format_status, parse_status
from livegate.store import lists
from livegate.trust.envelope import EnvelopeType, parse_envelope
from livegate.trust.envelope import seal as seal_envelope
from livegate.types import Credential, CredentialRead
from support.desks import CHALLENGE, Terminal1
from support.fuzzer import Fuzzer
from support.records import record, times
from support.signing import Centre
from support.stores import BONA_FIDE, IDENTITY, StillClock, attempt, limit, opened, policy

CONFIGS = Path(__file__).parents[2] / "configs"
PLACES = (Path(livegate.__file__).parent,)
# A fraction of a second a parser in CI.
EXECUTIONS = times(600, 60_000)
# Those that end in a transaction are slower by the disk.
DEEP = times(150, 6_000)

pytestmark = pytest.mark.timeout(1_800)


def fuzz(name: str, target: Callable[[bytes], object], seeds: list[bytes], executions: int = EXECUTIONS) -> None:
    report = Fuzzer(target, seeds, PLACES, seed=sum(name.encode())).run(executions)
    for place, (content, text) in report.crashes.items():
        sys.stdout.write(f"CRASH {name}: {place}\ninput {content!r}\n{text}\n")
    assert not report.crashes, f"{len(report.crashes)} crashes, printed above"
    assert 0 < report.accepted < report.executions, "neither all refused nor all taken: else this proves little"
    record(
        f"fuzzed: {name}",
        f"{report.executions:,} inputs, {report.lines:,} lines reached, {report.corpus:,} kept",
        remarks=f"{report.accepted:,} taken, no crash",
    )


def test_acknowledgements() -> None:
    good = [Ack("s1", 7, "0" * 64, "console"), Ack("s1", 0, "f" * 64, "console", 1)]
    fuzz("events/ack", parse_ack, [format_ack(ack) for ack in good])


def test_status() -> None:
    status = Status(Presence.ONLINE, "boot", "challenge", 1.7e9, "0.1", "s1", 4)
    fuzz("status, at the console", parse_status, [format_status(status)])


def test_envelopes() -> None:
    centre = Centre()
    fuzz("signed envelope", lambda content: parse_envelope(content, 4_096), [centre.keyset(), centre.twin(1, {})])


def test_manifests_and_chunks() -> None:
    centre = Centre()
    manifests = [centre.manifest("block", 1, "0" * 64, 1, 1), centre.manifest("allow", 2, "f" * 64, 3, 9, base=1)]
    fuzz("list manifest", parse_manifest, [payload(envelope) for envelope in manifests])
    chunks = [centre.chunk_payload("block", 1, 0, BLOCKED), centre.chunk_payload("allow", 1, 0, ALLOWED)]
    fuzz("list chunk", lambda content: list(changes(parse_chunk(content), whole=False)), chunks)


BLOCKED = [{"kind": "credential", "value": "a" * 32, "action": "deny", "reason": "lost", "until": None}]
ALLOWED = [
    {"kind": "card", "value": "b" * 32, "from": None, "until": None, "schedule": None, "zones": ["z"], "duress": False},
    {"op": "delete", "kind": "pin", "value": "c" * 32},
]


def payload(envelope: bytes) -> bytes:
    return base64.b64decode(json.loads(envelope)["payload"])


@dataclass
class Signed:
    """The receiving side of a terminal, and a thief of the centre's keys: payloads are fuzzed and then signed."""

    terminal: Terminal1
    topic: str
    type: EnvelopeType
    count: int = 10

    def fresh(self, content: bytes) -> bytes:
        """Return the payload with another nonce and a higher version, where it has some: else all would be replays."""
        try:
            members = json.loads(content)
        except (ValueError, RecursionError):
            return content
        self.count += 1
        if isinstance(members, dict) and isinstance(members.get("nonce"), str) and len(members["nonce"]) > 15:
            members["nonce"] = f"{self.count:020d}"
        if isinstance(members, dict) and type(members.get("version")) is int and 0 < members["version"] < 9:
            members["version"] = self.count
        return json.dumps(members).encode()

    def hear(self, content: bytes) -> None:
        """Raise TrustError when the terminal refused the payload."""
        centre = self.terminal.centre
        key = centre.root if self.type is EnvelopeType.KEYSET else centre.key
        refused = self.terminal.inbox.refusals.counts["messages_refused_total"]
        self.terminal.hear(self.topic, seal_envelope(key, self.type, self.fresh(content)))
        self.terminal.inbox.turn()
        self.terminal.said()
        if self.terminal.inbox.refusals.counts["messages_refused_total"] > refused:
            raise TrustError(Refusal.MALFORMED, "refused")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal1]:
    made = Terminal1(tmp_path).trusting()
    yield made
    made.close()


@pytest.mark.parametrize("topic", ["trust/keyset", "twin/desired", "commands", "labels", "lists/block/manifest"])
def test_whatever_a_stolen_key_signs(topic: str, terminal: Terminal1) -> None:
    centre = terminal.centre
    verbs = ("door.pulse", "list.get", "log.level", "config.get", "lockout.clear", "media.forget", "presence.clear")
    seeds = {
        "trust/keyset": (EnvelopeType.KEYSET, [centre.keyset(2)]),
        "twin/desired": (EnvelopeType.TWIN, [centre.twin(number, wish) for number, wish in enumerate(WISHES, 1)]),
        "commands": (EnvelopeType.COMMAND, [centre.command(verb, IDENTITY.boot_id, CHALLENGE) for verb in verbs]),
        "labels": (EnvelopeType.LABEL, [centre.label("a1", "attack", "print_flat"), centre.label("a2", "bona_fide")]),
        "lists/block/manifest": (EnvelopeType.LIST_MANIFEST, [centre.manifest("block", 1, "0" * 64, 1, 1)]),
    }
    type_, good = seeds[topic]
    signed = Signed(terminal, topic, type_)
    fuzz(f"{topic}, payload signed", signed.hear, [payload(envelope) for envelope in good], DEEP)


WISHES = (
    {},
    {"gate.limit": [{"key": "door", "event": "denied", "max": 2, "window_s": 60, "lockout_s": 60}]},
    {"decision.least_step": "all", "decision.max_apcer": 0.01, "evidence.enabled": False, "log.level": "DEBUG"},
    {"gate.in_doubt": {"schedule": "deny"}, "gate.anti_pass_back": {"mode": "timed", "reset_s": 600}},
)


def test_configuration_files(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        load(path)

    fuzz("configuration (TOML)", read, [file.read_bytes() for file in sorted(CONFIGS.glob("*.toml"))], DEEP)


def test_exported_events(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for _ in range(3):
            attempt(store, BONA_FIDE, policy(), StillClock().now)
        bodies, start = [event.body for event in store.newest(10)], genesis(store.stream)

    def read(content: bytes) -> None:
        verifier = Verifier(start)
        for line in content.split(b"\n"):
            with contextlib.suppress(ValueError):
                verifier.take_opened(OpenedEvent.of(line))
        if verifier.finish().first_bad is not None:
            raise LinkError("not proven")

    fuzz("exported events", read, [b"\n".join(bodies), bodies[0]])


def test_sealed_evidence(tmp_path: Path) -> None:
    centre = X25519PrivateKey.generate()
    recipient = Recipient(centre.public_key())
    about = About("a1", "lab/t1", "t", "s", 1, None, None)
    good = [seal(about, pad(content), recipient) for content in (b"", b"pictures")]
    fuzz("sealed evidence", lambda content: open_sealed(content, centre), [one[:4096] for one in good] + good, DEEP)


def test_credentials_and_codes(tmp_path: Path) -> None:
    rules = policy(limit("attempt", 1_000_000, 60.0, 0.0))
    with opened(tmp_path, history=1_000_000) as store:
        tables = store.counts().last_sequence

        def show(content: bytes) -> None:
            text = content.decode("utf-8", "surrogateescape")
            decision = attempt(store, BONA_FIDE, rules, StillClock().now, CredentialRead("qr", text))
            if decision.credential is None or not decision.credential.known:
                raise LinkError("unknown")

        with store.transaction() as t:
            pseudonym = t.context.pseudonyms.of("'; DROP TABLE event; --")
            lists.allow(t, Credential(pseudonym, "qr", known=True), StillClock().now)
        fuzz("credential and QR text", show, [b"'; DROP TABLE event; --", b"04A1B2C3", b"\xff\x00"], DEEP)
        assert store.counts().last_sequence > tables
