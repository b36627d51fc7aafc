"""The way of evidence from the terminal to the centre, on the command line."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

import pytest

from livegate.errors import EvidenceError
from livegate.evidence.bundle import About, bundle, pad
from livegate.evidence.cut import cut
from livegate.evidence.folder import EvidenceFolder
from livegate.evidence.seal import Opened, Recipient, seal
from livegate.trust.keys import SigningKey
from livegate_tools.console.evidence import write_opened
from support.sealed import keys, livegate, presented

DEVICE = SigningKey.generate()


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """A state folder with two attempts, and the centre's private key."""
    private, public = keys(tmp_path)
    folder = EvidenceFolder.of(tmp_path)
    folder.prepare()
    for number in (1, 2):
        about = About(f"a{number}", "lab/t1", f"2026-01-0{number}T00:00:00.000Z", "s", number, None, None)
        sealed = seal(about, bundle(about, cut(presented(), alone=True)), Recipient.of_pem(public), DEVICE)
        folder.write(f"a{number}", sealed)
    return private


def test_from_the_terminal_to_the_centre(centre: Path, tmp_path: Path) -> None:
    listed = livegate("evidence", "list", "--state-dir", tmp_path, "--json")
    lines = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [line["attempt_id"] for line in lines] == ["a1", "a2"]
    assert all(line["bytes"] > 0 and line["time"].startswith("2026") for line in lines)

    out, pictures = tmp_path / "out", tmp_path / "pictures"
    for _ in range(2):  # again is no error
        assert livegate("evidence", "export", "a2", "--to", out, "--state-dir", tmp_path).returncode == 0
    assert [path.name for path in out.iterdir()] == ["a2.lge"]
    assert (out / "a2.lge").stat().st_mode & 0o777 == 0o600

    key = base64.b64encode(DEVICE.public.raw).decode()
    arguments = ("--key", centre, "--to", pictures, "--device-key", key, "--json")
    opened = livegate("console", "open-evidence", out / "a2.lge", *arguments)
    assert opened.returncode == 0, opened.stderr
    told = json.loads(opened.stdout)
    assert (told["attempt_id"], told["terminal"], told["proven"]) == ("a2", "lab/t1", True)
    names = sorted(path.name for path in (pictures / "a2").iterdir())
    assert names[0] == "00-rgb.png"
    assert names[-1] == "evidence.json"

    deleted = livegate("evidence", "delete", "a1", "--state-dir", tmp_path)
    assert "a1" in deleted.stdout
    assert EvidenceFolder.of(tmp_path).sizes().keys() == {"a2"}
    assert livegate("evidence", "delete", "--all", "--state-dir", tmp_path).returncode == 0
    assert livegate("evidence", "list", "--state-dir", tmp_path).stdout == ""


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("delete",), 2, "name attempts, or --all"),
        (("delete", "a1", "--all"), 2, "name attempts, or --all"),
        (("delete", "../a1"), 1, "holds nothing of attempt"),
        (("export", "--to", "/proc/nowhere"), 1, "cannot be made"),
    ],
)
def test_what_cannot_be_done_is_said(
    centre: Path, tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    ended = livegate("evidence", *words, "--state-dir", tmp_path)
    assert (ended.returncode, says in ended.stderr) == (status, True), ended.stderr
    assert len(EvidenceFolder.of(tmp_path).sizes()) == 2


def test_another_centre_or_terminal_opens_nothing(centre: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other, _ = keys(tmp_path / "other")
    sealed = tmp_path / "evidence" / "a1.lge"
    ended = livegate("console", "open-evidence", sealed, "--key", other, "--to", tmp_path / "other")
    assert (ended.returncode, "does not open" in ended.stderr) == (1, True)
    wrong = base64.b64encode(SigningKey.generate().public.raw).decode()
    ended = livegate("console", "open-evidence", sealed, "--key", centre, "--to", tmp_path, "--device-key", wrong)
    assert (ended.returncode, "was not made by the terminal" in ended.stderr) == (1, True)
    assert not (tmp_path / "a1").exists()


def zipped(entries: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", how) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return packed.getvalue()


HEADER = {"attempt_id": "a1", "terminal": "lab/t1", "time": "t", "recipient": "", "signer": None}
ABOUT = json.dumps(HEADER).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        pad(b"x"),
        zipped({}),
        zipped({"evidence.json": b"[]"}),
        zipped({"evidence.json": b"[" * 100_000}),
        zipped({"evidence.json": b'{"attempt_id":"a2"}'}),
        zipped({"evidence.json": ABOUT, "../../etc/x": b""}),
        zipped({"evidence.json": ABOUT, "/etc/x": b""}),
        zipped({"evidence.json": ABOUT, "00-rgb.png": bytes(10**7)}, zipfile.ZIP_DEFLATED),
        zipped({"evidence.json": ABOUT, "99-depth.exe": b""}),
    ],
)
def test_a_bundle_no_terminal_sealed_writes_nothing(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EvidenceError, match="evidence: "):
        write_opened(Opened(HEADER, content, proven=False), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pictures_never_go_where_something_is(tmp_path: Path) -> None:
    (tmp_path / "a1").mkdir()
    with pytest.raises(EvidenceError, match="cannot be made"):
        write_opened(Opened(HEADER, zipped({"evidence.json": ABOUT}), proven=False), tmp_path)
