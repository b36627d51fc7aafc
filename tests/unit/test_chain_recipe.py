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

from livegate.trust.keys import SigningKey
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
    assert (done.returncode, done.stdout) == (0, "sound up to event 20, signed up to 17\n"), done.stderr
    assert audited(tmp_path, exported(FULL.events[5:])).returncode == 0


def test_the_script_accepts_what_a_gap_event_owns_up_to(tmp_path: Path) -> None:
    chain = Chain().write(10).own_up(3, 4).sign()
    assert audited(tmp_path, exported(chain.without((3, 4)))).returncode == 0
    assert "event 3 is missing" in audited(tmp_path, exported(chain.without((3, 5)))).stderr


def test_the_script_names_what_is_wrong(tmp_path: Path) -> None:
    export = exported(FULL.events)
    lines = export.splitlines(keepends=True)
    assert "event 4," in audited(tmp_path, export.replace(b'"number":3}', b'"number":9}', 1)).stderr
    assert "event 8 is missing" in audited(tmp_path, b"".join(lines[:7] + lines[8:])).stderr
    assert "event 8," in audited(tmp_path, b"".join([*lines[:7], lines[2], *lines[7:]])).stderr
    assert "checkpoint 6," in audited(tmp_path, export, SigningKey.generate()).stderr


def test_the_key_and_one_event_by_hand(tmp_path: Path) -> None:
    make_pem, one_event = SHELL
    raw = base64.b64encode(KEY.public.raw).decode()
    shell(make_pem, tmp_path, DEVICE_KEY=raw)
    assert (tmp_path / "device.pem").read_bytes() == KEY.public.pem
    (tmp_path / "export.jsonl").write_bytes(exported(FULL.events))
    computed, written = shell(one_event, tmp_path).splitlines()
    assert computed.split()[0] == written.split('"')[3] == FULL.events[1].chainhash
