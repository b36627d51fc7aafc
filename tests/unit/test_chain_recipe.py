"""The recipe of docs/audit.md, run as an auditor would: with openssl, sha256sum and the standard library only."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from livegate.audit.chain import Verifier
from livegate.events.cloudevents import ChainHead
from livegate.events.opened import OpenedEvent
from livegate.trust.keys import SigningKey
from livegate_tools.console.receipts import sign_receipt
from support.chains import KEY, Chain, exported, signed_chain

RECIPE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", RECIPE, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", RECIPE, re.DOTALL)
FULL = signed_chain(3, 5).write(2)

if not os.environ.get("CI"):
    pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def shell(script: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def audited(folder: Path, export: bytes, key: SigningKey = KEY) -> subprocess.CompletedProcess[str]:
    (folder / "audit.py").write_text(PYTHON[0])
    (folder / "device.pem").write_bytes(key.public.pem)
    (folder / "export.jsonl").write_bytes(export)
    command = [sys.executable, "-I", "audit.py", "device.pem", "export.jsonl"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_the_script_proves_a_sound_export(tmp_path: Path) -> None:
    done = audited(tmp_path, exported(FULL.events))
    assert (done.returncode, done.stdout) == (0, "sound from event 1 to 20, signed up to 17\n"), done.stderr
    assert audited(tmp_path, exported(FULL.events[5:])).returncode == 0


def test_the_script_accepts_what_a_gap_event_owns_up_to(tmp_path: Path) -> None:
    chain = Chain().write(10).own_up(3, 4).sign()
    assert audited(tmp_path, exported(chain.without((3, 4)))).returncode == 0
    assert "event 5 is missing" in audited(tmp_path, exported(chain.without((3, 5)))).stderr


def test_the_script_names_what_is_wrong(tmp_path: Path) -> None:
    export = exported(FULL.events)
    lines = export.splitlines(keepends=True)
    assert "event 4," in audited(tmp_path, export.replace(b'"number":3}', b'"number":9}', 1)).stderr
    assert "event 8 is missing" in audited(tmp_path, b"".join(lines[:7] + lines[8:])).stderr
    assert "event 8," in audited(tmp_path, b"".join([*lines[:7], lines[2], *lines[7:]])).stderr
    assert (
        "event 6, line 6: a checkpoint, but not signed by this key"
        in audited(tmp_path, export, SigningKey.generate()).stderr
    )


def test_the_key_and_one_event_by_hand(tmp_path: Path) -> None:
    make_pem, one_event, _ = SHELL
    raw = base64.b64encode(KEY.public.raw).decode()
    shell(make_pem, tmp_path, DEVICE_KEY=raw)
    assert (tmp_path / "device.pem").read_bytes() == KEY.public.pem
    (tmp_path / "export.jsonl").write_bytes(exported(FULL.events))
    computed, written = shell(one_event, tmp_path).splitlines()
    assert computed.split()[0] == written.split('"')[3] == FULL.events[1].chainhash


def verdict_of(export: bytes) -> int | None:
    """Return the first bad sequence as the verifier names it."""
    verifier = Verifier(None, frozenset({KEY.public}), must_be_signed=True)
    for line in export.splitlines():
        try:
            verifier.take_opened(OpenedEvent.of(line))
        except ValueError as exc:
            verifier.refuse(str(exc))
    return verifier.finish().first_bad


def named(done: subprocess.CompletedProcess[str]) -> int | None:
    """Return the first bad sequence as the script names it; whatever is wrong, it says so in one line."""
    if done.returncode == 0:
        return None
    found = re.fullmatch(r"BAD: event (\d+)[ ,:].*\n", done.stderr)
    assert found, done.stderr
    return int(found[1])


DROPPED = Chain().write(20).sign().write(4).own_up(1, 6).sign().write(2)
FORGED = Chain().write(10).sign().write(2).own_up(4, 6).write(1)


def variants() -> dict[str, bytes]:
    whole = exported(FULL.events)
    lines = whole.splitlines(keepends=True)
    behind = DROPPED.without((1, 6))
    swapped = [behind[1], behind[0], *behind[2:]]
    inner = Chain().write(20).own_up(4, 9).sign()
    rest = inner.without((4, 9))
    return {
        "sound": whole,
        "beginning dropped": exported(behind),
        "swapped behind the dropped beginning": exported(swapped),
        "swapped behind a hole": exported([*rest[:3], rest[4], rest[3], *rest[5:]]),
        "forged gap event": exported(FORGED.without((4, 6))),
        "flipped byte": whole.replace(b'"number":3}', b'"number":2}', 1),
        "flipped sequence": whole.replace(b'"sequence":"000000000004"', b'"sequence":"000000000904"', 1),
        "flipped brace": b"".join([*lines[:6], b"[" + lines[6][1:], *lines[7:]]),
        "no text": b"".join([*lines[:6], lines[6].replace(b"door", b"\xff", 1), b"\xff\n", *lines[7:]]),
        "torn": whole[:-40],
        "byte order mark": b"\xef\xbb\xbf" + whole,
        "unsigned": exported(Chain().write(4).events),
        "flipped behind a hole": exported(rest).replace(b'"number":12}', b'"number":13}', 1),
    }


@pytest.mark.parametrize("name", variants())
def test_the_script_names_what_the_verifier_names(tmp_path: Path, name: str) -> None:
    export = variants()[name]
    done = audited(tmp_path, export)
    assert named(done) == verdict_of(export), done.stderr
    assert (done.returncode == 0) == (name in ("sound", "beginning dropped")), done.stderr


@pytest.mark.parametrize("export", [b"", b"\n", exported(FULL.events[:3]) + b"\n" + exported(FULL.events[3:]), b"[]\n"])
def test_the_script_says_of_every_file_what_it_is(tmp_path: Path, export: bytes) -> None:
    done = audited(tmp_path, export)
    assert done.returncode == 1
    assert re.fullmatch(r"BAD: .*line \d+: .*\n", done.stderr), done.stderr


def test_the_script_says_which_events_only_an_unsigned_one_explains(tmp_path: Path) -> None:
    told = audited(tmp_path, exported(FORGED.without((4, 6)))).stderr
    assert told == "BAD: event 4 is missing: 4 to 6, explained only by event 14, which is unsigned\n"


def test_receipts_by_hand(tmp_path: Path) -> None:
    console = SigningKey.generate()
    (tmp_path / "console.pem").write_bytes(console.public.pem)
    (tmp_path / "export.jsonl").write_bytes(exported(FULL.events))
    good = sign_receipt(console, FULL.stream, FULL.place(17), "console", 1_700_000_000)
    forged = sign_receipt(KEY, FULL.stream, FULL.place(17), "console", 1_700_000_000)
    other = sign_receipt(console, FULL.stream, ChainHead(21, "00" * 32), "console", 1_700_000_000)
    for receipts, expected in (
        ([good], ["1 receipts read"]),
        ([good, forged], ["BAD: receipt 2 is not signed by this console", "2 receipts read"]),
        ([other], ["BAD: receipt 1 is for event 000000000021, which is another one here or none", "1 receipts read"]),
        ([], ["0 receipts read"]),
    ):
        (tmp_path / "receipts.jsonl").write_bytes(b"".join(line + b"\n" for line in receipts))
        assert shell(SHELL[2], tmp_path).splitlines() == expected
