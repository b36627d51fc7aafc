"""The terminal's own key: in a file, or in a TPM played by small programs that behave like tpm2-tools."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from livegate.config import StoreConfig
from livegate.errors import StoreError
from livegate.store import open_store
from livegate.trust.device import device_key, kind_of_key
from livegate.trust.keys import SigningKey
from livegate.trust.tpm import MAX_SECRET_BYTES, Tpm
from support.schemas import valid
from support.stores import IDENTITY, StillClock

# Seals with a secret of "the chip", the file $CHIP; whoever holds only the sealed parts cannot open them.
FAKE = r"""import hashlib, hmac, os, pathlib, sys, time
tool, arguments = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
options = dict(zip(arguments[::2], arguments[1::2]))
assert os.environ["TPM2TOOLS_TCTI"].startswith("device:"), os.environ
chip = pathlib.Path(os.environ["CHIP"])
if (chip.parent / ("broken-" + tool)).exists():
    sys.exit("ERROR: Esys_Something(0x9A2) - tpm:session(1): authorization failure")
if (chip.parent / ("slow-" + tool)).exists():
    time.sleep(60)
seed = chip.read_bytes()
def pad(n): return hashlib.shake_256(seed).digest(n)
def xor(data): return bytes(a ^ b for a, b in zip(data, pad(len(data))))
def read(name): return pathlib.Path(options[name]).read_bytes()
def write(name, data): pathlib.Path(options[name]).write_bytes(data)
if tool == "tpm2_createprimary":
    assert options["-C"] == "o"
    write("-c", b"primary " + hashlib.sha256(seed).digest())
elif tool == "tpm2_create":
    assert read("-C").startswith(b"primary") and options["-i"] == "-"
    secret = sys.stdin.buffer.read()
    if len(secret) > 128:
        sys.exit("ERROR: Input data too large")
    write("-r", xor(secret))
    write("-u", hmac.digest(seed, secret, "sha256"))
elif tool == "tpm2_load":
    assert read("-C").startswith(b"primary")
    secret = xor(read("-r"))
    if hmac.digest(seed, secret, "sha256") != read("-u"):
        sys.exit("ERROR: Esys_Load(0x1DF) - tpm:parameter(1): integrity check failed")
    write("-c", read("-r"))
elif tool == "tpm2_unseal":
    sys.stdout.buffer.write(xor(read("-c")))
"""
TOOLS = ("tpm2_createprimary", "tpm2_create", "tpm2_load", "tpm2_unseal")


class Board:
    """A machine with a TPM and its tools; ``tpm`` is what the terminal uses."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "board"
        self.tools = self.folder / "bin"
        self.tools.mkdir(parents=True)
        for name in TOOLS:
            (self.tools / name).write_text(f"#!{sys.executable} -IS\n{FAKE}")
            (self.tools / name).chmod(0o755)
        self.chip("first chip")
        (self.folder / "tpmrm0").touch()
        monkeypatch.setenv("CHIP", str(self.folder / "chip"))
        monkeypatch.setenv("PATH", str(self.tools), prepend=os.pathsep)
        self.tpm = Tpm(self.folder / "tpmrm0", timeout_s=20.0)

    def chip(self, seed: str) -> None:
        (self.folder / "chip").write_text(seed)

    def fault(self, kind: str, tool: str) -> None:
        (self.folder / f"{kind}-{tool}").touch()


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(tmp_path, monkeypatch)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


NO_TPM = Tpm(Path("/nowhere/tpmrm0"))


def test_made_once_in_a_file(state: Path) -> None:
    assert kind_of_key(state) is None
    key = device_key(state, NO_TPM)
    assert (state / "device.key").stat().st_mode & 0o777 == 0o600
    assert device_key(state, NO_TPM).public == key.public
    assert [path.name for path in state.iterdir()] == ["device.key"]
    assert kind_of_key(state) == "a file only its owner may read"


def test_a_key_made_by_hand_is_taken(state: Path, board: Board) -> None:
    own = SigningKey.generate()
    own.save(state / "device.key")
    assert device_key(state, board.tpm).public == own.public
    assert not (state / "device.tpm").exists()


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_file_is_never_replaced(state: Path, content: bytes) -> None:
    path = state / "device.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="restore it from a backup"):
        device_key(state, NO_TPM)
    assert path.read_bytes() == content


def test_a_file_others_may_read_is_refused(state: Path) -> None:
    device_key(state, NO_TPM)
    (state / "device.key").chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        device_key(state, NO_TPM)


def test_sealed_where_there_is_a_tpm(state: Path, board: Board) -> None:
    key = device_key(state, board.tpm)
    assert [path.name for path in state.iterdir()] == ["device.tpm"]
    assert (state / "device.tpm").stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (state / "device.tpm").read_bytes()
    assert device_key(state, board.tpm).public == key.public
    assert kind_of_key(state) == "sealed by the TPM"
    assert len(key.pem) <= MAX_SECRET_BYTES


def test_a_copied_disk_is_not_the_terminal(state: Path, board: Board) -> None:
    device_key(state, board.tpm)
    board.chip("chip of another board")
    with pytest.raises(StoreError, match="integrity check failed"):
        device_key(state, board.tpm)
    assert not (state / "device.key").exists()


@pytest.mark.parametrize("tool", ["tpm2_createprimary", "tpm2_load", "tpm2_unseal"])
def test_a_sealed_key_is_never_replaced_because_the_tpm_fails(state: Path, board: Board, tool: str) -> None:
    device_key(state, board.tpm)
    before = (state / "device.tpm").read_bytes()
    board.fault("broken", tool)
    with pytest.raises(StoreError, match=rf"{tool}: failed: .*authorization failure; mend the TPM"):
        device_key(state, board.tpm)
    assert {path.name: path.read_bytes() for path in state.iterdir()} == {"device.tpm": before}


@pytest.mark.parametrize("tool", ["tpm2_createprimary", "tpm2_create"])
def test_a_tpm_that_cannot_seal_leaves_no_key_behind(state: Path, board: Board, tool: str) -> None:
    board.fault("broken", tool)
    with pytest.raises(StoreError, match="openssl genpkey"):
        device_key(state, board.tpm)
    assert list(state.iterdir()) == []


def test_a_tpm_that_hangs_is_waited_for_within_bounds(state: Path, board: Board) -> None:
    board.fault("slow", "tpm2_createprimary")
    with pytest.raises(StoreError, match=r"no answer from the TPM within 0\.5 s"):
        device_key(state, Tpm(board.tpm.device, timeout_s=0.5))
    assert list(state.iterdir()) == []


def test_tools_that_are_gone(state: Path, board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    device_key(state, board.tpm)
    monkeypatch.setenv("PATH", str(state))
    assert "not installed" in (board.tpm.missing() or "")
    with pytest.raises(StoreError, match="install the package tpm2-tools"):
        device_key(state, board.tpm)


def test_without_the_tools_a_first_key_goes_to_a_file(
    state: Path, board: Board, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(state))
    device_key(state, board.tpm)
    assert (state / "device.key").exists()
    assert "not in a TPM" in caplog.text


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"key":1,"public":"","private":""}', b"\xff" * 20_000])
def test_a_damaged_sealed_file_is_never_replaced(state: Path, board: Board, content: bytes) -> None:
    path = state / "device.tpm"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="cannot be unsealed"):
        device_key(state, board.tpm)
    assert path.read_bytes() == content


def test_another_key_out_of_the_tpm_is_refused(state: Path, board: Board) -> None:
    device_key(state, board.tpm)
    path = state / "device.tpm"
    members = json.loads(path.read_text())
    path.unlink()
    device_key(state, board.tpm)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"key": members["key"]}))
    with pytest.raises(StoreError, match="another key"):
        device_key(state, board.tpm)


def test_two_keys_are_one_too_many(state: Path, board: Board) -> None:
    device_key(state, board.tpm)
    SigningKey.generate().save(state / "device.key")
    with pytest.raises(StoreError, match="both"):
        device_key(state, board.tpm)


def test_the_first_event_of_a_start_names_it(state: Path) -> None:
    key = device_key(state, NO_TPM)
    with open_store(state, IDENTITY, StoreConfig(), StillClock(), signer=key) as store:
        data = json.loads(store.newest(1)[0].body)["data"]
    valid("system.started", data)
    assert data["what"]["device_keyid"] == key.public.keyid
    assert len(data["what"]["device_key"]) == 44
