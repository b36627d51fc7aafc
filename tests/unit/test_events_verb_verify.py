from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from livegate.cli import main
from livegate.config import StoreConfig
from livegate.events.canonical import canonical
from livegate.events.cloudevents import ChainHead, sequence_text
from livegate.store import Store, open_store
from livegate.trust.device import device_key
from livegate.trust.keys import SigningKey
from support.stores import IDENTITY, StillClock, record, whole

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/events-verify.json").read_text())
CONSOLE = SigningKey.generate()


def text_of(key: SigningKey) -> str:
    return base64.b64encode(key.public.raw).decode()


def opened(folder: Path) -> Store:
    folder.mkdir(mode=0o700, exist_ok=True)
    return open_store(
        folder, IDENTITY, StoreConfig(1_000, checkpoint_events=10), StillClock(), signer=device_key(folder)
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A store of 29 events after a clean stop: 1 start, 25 attempts, 3 checkpoints."""
    folder = tmp_path / "state"
    with opened(folder) as store:
        for number in range(25):
            record(store, number)
    return folder


def verify(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    status = main(["events", "verify", "--json", *map(str, arguments)])
    report: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    Draft202012Validator(SCHEMA).validate(report)
    assert status == (0 if report["ok"] else 1)
    return status, report


def exported(state: Path, *arguments: object) -> Path:
    out = state.parent / "export.jsonl"
    assert main(["events", "export", "--state-dir", str(state), "--out", str(out), *map(str, arguments)]) == 0
    return out


def edit(state: Path, script: str, *values: object) -> None:
    connection = sqlite3.connect(state / "livegate.db", isolation_level=None)
    connection.execute(script, values)
    connection.close()


def receipt(stream: str, place: ChainHead, key: SigningKey = CONSOLE, **changes: str) -> bytes:
    members = {
        "stream": stream,
        "through": sequence_text(place.sequence),
        "chainhash": place.chainhash,
        "consumer": "console",
        "issued": "2026-11-21T22:13:28.000Z",
        "keyid": key.public.keyid,
    }
    sig = base64.b64encode(key.sign(b"livegate.receipt.v1\x00" + canonical(members))).decode()
    return canonical(members | {"sig": sig} | changes) + b"\n"


def test_an_export_is_the_stored_bytes_private_and_never_over_another(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = exported(state)
    with opened(state) as store:
        assert out.read_bytes().splitlines() == [event.body for event in whole(store)][:29]
    assert out.stat().st_mode & 0o777 == 0o600
    before = out.read_bytes()
    assert main(["events", "export", "--state-dir", str(state), "--out", str(out)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("after", "first"), [(0, 1), (5, 1), (9, 1), (10, 11), (11, 11), (20, 11), (21, 22), (28, 29), (500, 29)]
)
def test_an_export_begins_at_the_checkpoint_before(
    state: Path, capsys: pytest.CaptureFixture[str], after: int, first: int
) -> None:
    out = exported(state, "--after", after, "--json")
    done = json.loads(capsys.readouterr().out)
    assert done["first"] == first
    assert verify(capsys, "--file", out)[1]["streams"][0]["first"] == first


def test_an_export_up_to_a_sequence(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, report = verify(capsys, "--file", exported(state, "--through", 15))
    assert (report["streams"][0]["last"], report["streams"][0]["signed_through"]) == (15, 10)


@pytest.mark.parametrize("arguments", [["--after", "-1"], ["--after", "9", "--through", "3"], ["--through", "9" * 13]])
def test_sequences_that_are_none_are_refused(
    state: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = state.parent / "out"
    assert main(["events", "export", "--state-dir", str(state), "--out", str(out), *arguments]) != 0
    assert "expected 0 to" in capsys.readouterr().err
    assert not out.exists()


def test_an_export_that_cannot_be_written_leaves_nothing(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "export", "--state-dir", str(state), "--out", str(state / "no" / "out")]) == 1
    assert "cannot be made" in capsys.readouterr().err


def test_a_sound_store_and_its_export(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, report = verify(capsys, "--state-dir", state)
    assert report["ok"]
    assert report["device_key"] == "store"
    stream = report["streams"][0]
    assert (stream["start"], stream["events"], stream["signed_through"], stream["unsigned_tail"]) == (
        "given",
        29,
        28,
        0,
    )
    key = text_of(device_key(state))
    _, report = verify(capsys, "--file", exported(state), "--device-key", key)
    assert (report["ok"], report["device_key"], report["streams"][0]["start"]) == (True, "given", "genesis")


def test_the_key_as_a_file_and_the_wrong_key(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pem = state.parent / "device.pem"
    pem.write_bytes(device_key(state).public.pem)
    assert verify(capsys, "--state-dir", state, "--device-key", pem)[0] == 0
    other = text_of(SigningKey.generate())
    _, report = verify(capsys, "--state-dir", state, "--device-key", other)
    assert (report["streams"][0]["first_bad"], report["streams"][0]["fault"]) == (11, "unsigned")
    assert verify(capsys, "--state-dir", state, "--device-key", other, "--device-key", pem)[0] == 0
    assert main(["events", "verify", "--state-dir", str(state), "--device-key", "nonsense"]) != 0


def test_a_store_that_was_changed_by_hand_is_named(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pristine = state.parent / "pristine"
    shutil.copytree(state, pristine)
    number = "replace(CAST(body AS TEXT), '\"number\":3}', '\"number\":4}')"
    for script, first_bad, fault in (
        (f"UPDATE event SET body = CAST({number} AS BLOB) WHERE sequence = 5", 5, "altered"),
        ("UPDATE event SET body = x'7b7d' WHERE sequence = 5", 5, "unreadable"),
        ("UPDATE event SET chainhash = zeroblob(32) WHERE sequence = 7", 7, "store"),
        ("UPDATE event SET kind = 'tamper' WHERE sequence = 7", 7, "store"),
        ("UPDATE event SET sequence = 700 WHERE sequence = 29", 29, "store"),
        ("DELETE FROM event WHERE sequence = 8", 8, "missing"),
        ("UPDATE stream SET anchor_chainhash = zeroblob(32)", 1, "altered"),
        ("UPDATE stream SET anchor_sequence = 3", 4, "altered"),
        ("UPDATE stream SET acknowledged_through = 40", 30, "missing"),
    ):
        shutil.rmtree(state)
        shutil.copytree(pristine, state)
        edit(state, script)
        stream = verify(capsys, "--state-dir", state)[1]["streams"][0]
        assert (stream["first_bad"], stream["fault"]) == (first_bad, fault), script


def test_a_file_that_breaks_in_the_middle_is_read_as_far_as_it_goes(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = state / "livegate.db"
    spoiled = bytearray(database.read_bytes())
    at = spoiled.rindex(b'"number":24}')
    page = at // 1024 * 1024
    spoiled[page : page + 8] = b"\xff" * 8
    database.write_bytes(spoiled)
    _, report = verify(capsys, "--state-dir", state)
    assert not report["ok"]
    assert 20 < report["streams"][0]["first_bad"] <= 30


def test_what_is_no_store_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "verify", "--state-dir", str(tmp_path)]) == 1
    assert "there is no store here" in capsys.readouterr().err
    (tmp_path / "livegate.db").write_bytes(b"nonsense" * 1_000)
    assert main(["events", "verify", "--state-dir", str(tmp_path)]) == 1
    assert "not a database" in capsys.readouterr().err


def test_a_running_store_and_a_copy_with_its_log(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(state) as store:
        record(store)
        assert verify(capsys, "--state-dir", state)[1]["streams"][0]["last"] == store.last().sequence
        copy = state.parent / "copy"
        copy.mkdir()
        for name in ("livegate.db", "livegate.db-wal"):
            shutil.copyfile(state / name, copy / name)
            (copy / name).chmod(0o400)
        copy.chmod(0o500)
        _, report = verify(capsys, "--state-dir", copy)
        copy.chmod(0o700)
        assert report["ok"]
        assert report["device_key"] == "stream"
        assert report["streams"][0]["last"] == store.last().sequence


def test_receipts_show_what_was_cut_off(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(state) as store:
        last, stream = store.last(), store.stream
    receipts, key = state.parent / "receipts.jsonl", text_of(CONSOLE)
    receipts.write_bytes(receipt(stream, last))
    whole_file = exported(state)
    arguments = ("--receipts", receipts, "--console-key", key)
    _, report = verify(capsys, "--file", whole_file, *arguments)
    assert (report["ok"], report["streams"][0]["confirmed_through"], report["receipts_pinned"]) == (True, 30, True)
    cut = state.parent / "cut.jsonl"
    cut.write_bytes(b"".join(whole_file.read_bytes().splitlines(keepends=True)[:22]))
    assert verify(capsys, "--file", cut)[0] == 0
    stream_report = verify(capsys, "--file", cut, *arguments)[1]["streams"][0]
    assert (stream_report["first_bad"], stream_report["fault"]) == (23, "receipt")
    receipts.write_bytes(receipt(stream, ChainHead(7, "00" * 32)))
    assert verify(capsys, "--file", whole_file, *arguments)[1]["streams"][0]["first_bad"] == 7


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"{}\n",
        b"x" * 2_000_000 + b"\n",
        receipt("f" * 16, ChainHead(7, "00" * 32), SigningKey.generate()),
        receipt("f" * 16, ChainHead(7, "00" * 32), through="000000000008"),
        receipt("f" * 16, ChainHead(7, "00" * 32), through="8"),
        receipt("f" * 16, ChainHead(7, "00" * 32), sig="?"),
        receipt("f" * 16, ChainHead(7, "00" * 32)) + receipt("f" * 16, ChainHead(7, "11" * 32)),
    ],
)
def test_receipts_that_cannot_be_believed_are_refused(
    state: Path, line: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    receipts = state.parent / "receipts.jsonl"
    receipts.write_bytes(line)
    keys = ["--receipts", str(receipts), "--console-key", text_of(CONSOLE)]
    assert main(["events", "verify", "--state-dir", str(state), *keys]) != 0
    assert "is no receipt" in capsys.readouterr().err


def test_the_report_for_people(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "verify", "--state-dir", str(state)]) == 0
    told = capsys.readouterr().out
    assert "29 events, 1 to 29" in told
    assert "NOT PINNED" in told
    assert "  UNPROVEN: nothing missing, nothing altered up to 28 if that key is the terminal's" in told
    assert main(["events", "verify", "--state-dir", str(state), "--device-key", text_of(device_key(state))]) == 0
    told = capsys.readouterr().out
    assert "  proven up to 28: nothing missing, nothing altered" in told
    assert "UNPROVEN" not in told
    edit(state, "DELETE FROM event WHERE sequence = 8")
    assert main(["events", "verify", "--state-dir", str(state)]) == 1
    assert "BAD at 000000000008: missing" in capsys.readouterr().out


def test_an_empty_export_and_a_missing_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").touch()
    status, report = verify(capsys, "--file", tmp_path / "empty")
    assert (status, report["streams"]) == (1, [])
    assert main(["events", "verify", "--file", str(tmp_path / "none")]) != 0
    assert "cannot be read" in capsys.readouterr().err
    assert main(["events", "verify", "--file", os.devnull, "--console-key", "x"]) != 0


def test_what_nobody_signed_is_never_said_to_be_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    with open_store(folder, IDENTITY, StoreConfig(1_000), StillClock()) as store:
        record(store)
    out = exported(folder)
    status, report = verify(capsys, "--file", out)
    assert (status, report["ok"], report["proven"], report["streams"][0]["proof"]) == (0, True, False, "unsigned")
    status, report = verify(capsys, "--file", out, "--device-key", text_of(CONSOLE))
    assert (status, report["streams"][0]["proof"], report["streams"][0]["fault"]) == (1, "bad", "unsigned")
    assert main(["events", "verify", "--file", str(out)]) == 0
    told = capsys.readouterr().out
    assert "UNPROVEN" in told
    assert "nothing missing" not in told


def test_the_proof_is_told_to_programs(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = exported(state)
    _, report = verify(capsys, "--file", out)
    assert (report["proven"], report["streams"][0]["proof"]) == (False, "unpinned")
    _, report = verify(capsys, "--file", out, "--device-key", text_of(device_key(state)))
    assert (report["proven"], report["streams"][0]["proof"]) == (True, "proven")


def test_an_empty_file_of_receipts_is_told(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipts = state.parent / "receipts.jsonl"
    receipts.touch()
    arguments = ["--receipts", str(receipts), "--console-key", text_of(CONSOLE)]
    assert verify(capsys, "--state-dir", state, *arguments)[1]["receipts"] == 0
    assert main(["events", "verify", "--state-dir", str(state), *arguments]) == 0
    told = capsys.readouterr().out
    assert "there is no receipt in the file given" in told
    assert "none for this stream" in told


def test_a_key_that_was_replaced_as_the_documents_say(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = device_key(state)
    (state / "device.key").rename(state.parent / "old.key")
    with opened(state) as store:
        _, report = verify(capsys, "--state-dir", state)
        assert report["ok"], report
        record(store)
    new = device_key(state)
    _, report = verify(capsys, "--state-dir", state)
    assert report["ok"], report
    signatures = report["streams"][0]["signatures"]
    assert [(signed["keyid"], signed["earlier"]) for signed in signatures] == [
        (old.public.keyid, True),
        (new.public.keyid, False),
    ]
    assert main(["events", "verify", "--state-dir", str(state)]) == 0
    assert f"by key {old.public.keyid}, an earlier key that the stream names" in capsys.readouterr().out
    out = exported(state)
    assert verify(capsys, "--file", out, "--device-key", text_of(new))[1]["proven"]
    assert verify(capsys, "--file", out, "--device-key", text_of(old))[0] == 1
    assert verify(capsys, "--file", out, "--device-key", text_of(SigningKey.generate()))[0] == 1


def test_a_file_of_several_terminals_as_a_console_writes_it(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = exported(state).read_bytes().splitlines(keepends=True)
    other = state.parent / "other" / "state"
    other.parent.mkdir()
    with opened(other) as store:
        record(store)
    others = exported(other).read_bytes().splitlines(keepends=True)
    console = state.parent / "events.jsonl"
    console.write_bytes(b"".join([*lines[:4], *others[:2], *lines[2:9], *others[1:], *lines[9:]]))
    keys = ["--device-key", text_of(device_key(state)), "--device-key", text_of(device_key(other))]
    status, report = verify(capsys, "--file", console, *keys)
    assert (status, report["proven"]) == (0, True)
    assert [(stream["events"], stream["repeated"]) for stream in report["streams"]] == [(29, 2), (3, 1)]
