"""What ``livegate check`` says of keys, the keyset and the floor of time; it changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from livegate.checks.finding import Finding
from livegate.checks.trust import trust_findings
from livegate.config import Config, Mqtt, Trust
from livegate.configfile import load
from livegate.events.cloudevents import Identity
from livegate.store import open_store, trusted
from livegate.store.lost import note_lost
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.device import device_key
from livegate.trust.envelope import EnvelopeType
from livegate.trust.keys import SigningKey
from livegate.trust.keyset import keyset_payload
from livegate.trust.tpm import Tpm
from support.authority import DAY_S, sealed
from support.stores import StillClock, opened
from support.terminals import write_config

ROOT = SigningKey.generate()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    root = tmp_path / "root.pem"
    root.write_bytes(ROOT.public.pem)
    found = load(write_config(tmp_path))
    return replace(found, mqtt=Mqtt("localhost"), trust=Trust(root_key_file=root))


def found(config: Config) -> dict[str, Finding]:
    return {finding.check: finding for finding in trust_findings(config)}


def remember(config: Config, expires_s: float, floor_s: float = 0.0) -> None:
    """Leave a store behind whose keyset was issued yesterday and ends in ``expires_s``."""
    terminal, now_s = config.terminal, time.time()
    identity = Identity(terminal.site, terminal.id, "1", "boot-1", "door")
    payload = keyset_payload("lab/*", 4, (), now_s - DAY_S, now_s + expires_s)
    with open_store(terminal.state_dir, identity, config.store, StillClock()) as store, store.transaction() as t:
        keyset = trusted.load_keyset(t, ROOT.public)
        trusted.take_keyset(
            t, sealed(ROOT, EnvelopeType.KEYSET, payload), keyset, TrustedNow(now_s - DAY_S, synchronised=True)
        )
        trusted.raise_floor(t, floor_s)


def test_before_the_first_start(config: Config) -> None:
    told = found(config)
    assert {name: finding.ok for name, finding in told.items()} == {
        "root key": True,
        "device key": True,
        "keyset": None,
        "clock floor": True,
    }
    assert ROOT.public.keyid in told["root key"].text
    assert "is made at the first start" in told["device key"].text
    assert not config.terminal.state_dir.exists()


def test_a_link_without_a_root_is_a_warning(config: Config) -> None:
    told = found(replace(config, trust=Trust()))
    assert told["root key"].ok is None
    assert "keyset" not in told
    assert "root key" not in found(replace(config, trust=Trust(), mqtt=None))


@pytest.mark.parametrize(
    ("left_s", "ok", "words"),
    [(60 * DAY_S, True, "until"), (10 * DAY_S, None, "until"), (-60.0, None, "nothing but a newer keyset is taken")],
)
def test_the_keyset_and_its_end(config: Config, left_s: float, ok: bool | None, words: str) -> None:
    remember(config, left_s)
    before = {path: path.read_bytes() for path in config.terminal.state_dir.iterdir()}
    told = found(config)
    assert {path: path.read_bytes() for path in config.terminal.state_dir.iterdir()} == before
    assert told["keyset"].ok is ok
    assert "version 4" in told["keyset"].text
    assert words in told["keyset"].text
    assert told["clock floor"].ok is True


def test_a_clock_below_its_floor_is_not_ok(config: Config) -> None:
    remember(config, 60 * DAY_S, time.time() + DAY_S)
    told = found(config)
    assert told["clock floor"].ok is False
    assert "set it, or if it is right stop the terminal and run" in told["clock floor"].text
    assert told["clock floor"].text.endswith("livegate.db 'DELETE FROM time_floor'")


def test_lost_memory_is_not_ok_and_says_what_to_do(config: Config) -> None:
    remember(config, 60 * DAY_S)
    assert "memory" not in found(config)
    with opened(config.terminal.state_dir) as store, store.transaction() as t:
        note_lost(t.connection, ["list_entry"])
    told = found(config)["memory"]
    assert told.ok is False
    assert "lost are: list_entry" in told.text
    assert "livegate list release" in told.text


def test_the_device_key(config: Config) -> None:
    state = config.terminal.state_dir
    state.mkdir(mode=0o700)
    device_key(state, Tpm(Path("/nowhere")))
    assert found(config)["device key"] == Finding("device key", ok=True, text="a file only its owner may read")
    (state / "device.key").chmod(0o644)
    assert found(config)["device key"].ok is False


def spoil(content: bytes) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(content), None)[1]


@pytest.mark.parametrize("spoilt", [spoil(b"x"), Path.unlink], ids=["other content", "missing"])
def test_a_wrong_root_key(config: Config, spoilt: Callable[[Path], None]) -> None:
    assert config.trust.root_key_file is not None
    spoilt(config.trust.root_key_file)
    assert found(config)["root key"].ok is False


@pytest.mark.parametrize(
    ("text", "mode", "ok"), [("ab" * 32, 0o600, True), ("ab" * 32, 0o644, False), ("ab", 0o600, False)]
)
def test_the_site_key(config: Config, tmp_path: Path, text: str, mode: int, ok: bool) -> None:
    path = tmp_path / "site.key"
    path.write_text(text)
    path.chmod(mode)
    told = found(replace(config, trust=Trust(site_key_file=path)))["site key"]
    assert told.ok is ok
    assert "ab" * 32 not in told.text


def test_a_store_that_cannot_be_read(config: Config) -> None:
    remember(config, DAY_S)
    (config.terminal.state_dir / "livegate.db").write_bytes(b"no database at all, but long enough" * 100)
    assert found(config)["keyset"].ok is False
