"""Whom the terminal trusts: the keys in the configuration, and what the store remembers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from livegate.checks.finding import RENEW_S, Finding, tried
from livegate.config import Config, Trust
from livegate.errors import StoreError
from livegate.events.cloudevents import timestamp
from livegate.store.files import DATABASE
from livegate.store.trusted import Kept, look
from livegate.trust.device import PLAIN, SEALED, kind_of_key
from livegate.trust.keyfiles import check_private
from livegate.trust.keys import PublicKey
from livegate.trust.keyset import Keyset
from livegate.trust.site import site_keys
from livegate.trust.tpm import Tpm


def trust_findings(config: Config) -> Iterator[Finding]:
    """Yield what is found of whom this terminal trusts; nothing is changed."""
    trust, state_dir = config.trust, config.terminal.state_dir
    if trust.root_key_file is not None:
        yield tried("root key", partial(_root, trust.root_key_file))
    elif config.mqtt is not None:
        yield Finding("root key", None, "no [trust] root_key_file: no command, list or setting is taken")
    if trust.site_key_file is not None:
        yield tried("site key", lambda: _site(trust))
    yield _device(state_dir)
    try:
        kept = look(state_dir)
    except StoreError as exc:
        yield Finding("keyset", ok=False, text=str(exc))
        return
    if trust.root_key_file is not None:
        yield _keyset(kept.keyset)
    yield _floor(kept, state_dir)
    if kept.memory_lost:
        yield _lost(kept.memory_lost)


def _root(path: Path) -> str:
    return f"{path}: {PublicKey.of_pem(path).keyid}"


def _site(trust: Trust) -> str:
    site_keys(trust)
    return f"{trust.site_key_file}: readable by its owner only"


def _device(state_dir: Path) -> Finding:
    kind = kind_of_key(state_dir)
    if kind is None:
        missing = Tpm().missing()
        how = "sealed by the TPM" if missing is None else f"in a file, for {missing}"
        return Finding("device key", ok=True, text=f"is made at the first start, {how}")
    try:
        for name in (PLAIN, SEALED):
            if (state_dir / name).exists():
                check_private(state_dir / name)
    except StoreError as exc:
        return Finding("device key", ok=False, text=str(exc))
    return Finding("device key", ok=True, text=kind)


def _keyset(keyset: Keyset | None) -> Finding:
    if keyset is None or not keyset.payload:
        return Finding("keyset", None, "none yet: the centre must publish one that the root signed")
    left_s = keyset.expires_s - time.time()
    text = f"version {keyset.version} of root {keyset.root.keyid}, {len(keyset.keys)} keys"
    if left_s <= 0:
        text += f"; expired at {timestamp(keyset.expires_s)}: nothing but a newer keyset is taken"
    else:
        text += f", until {timestamp(keyset.expires_s)}"
    return Finding("keyset", True if left_s > RENEW_S else None, text)


def _lost(tables: tuple[str, ...]) -> Finding:
    text = f"was damaged or gone; the door stays shut, for lost are: {', '.join(tables)}; see what is missing in "
    return Finding(
        "memory", ok=False, text=f"{text}`livegate list show`, then send door.release or run `livegate list release`"
    )


def _floor(kept: Kept, state_dir: Path) -> Finding:
    if kept.floor_s == 0:
        return Finding("clock floor", ok=True, text="none yet")
    below_s = kept.floor_s - time.time()
    text = f"{timestamp(kept.floor_s)} is past"
    if below_s > 1:
        text += f", and the clock shows less by {below_s:.0f} s; set it"
        remedy = f"sqlite3 {state_dir / DATABASE} 'DELETE FROM time_floor'"  # noqa: S608 - for people to type
        return Finding(
            "clock floor", ok=False, text=f"{text}, or if it is right stop the terminal and run, as its user, {remedy}"
        )
    return Finding("clock floor", ok=True, text=text)
