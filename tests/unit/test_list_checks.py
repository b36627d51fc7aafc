"""What ``livegate check`` says of the central lists."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from livegate.checks.lists import list_findings
from livegate.lists import CentralLists, ListName, Receiver
from support.central_lists import blocked_many, edition, made, received


def receive(folder: Path, ends_in_s: float, entries: int = 3) -> None:
    now_s = time.time()
    of = replace(edition(), issued_s=now_s - 86_400, expires_s=now_s + ends_in_s)
    lists = CentralLists.open(folder)
    received(Receiver(lists, spare_bytes=0), made(of, blocked_many(entries)), now_s=now_s - 3_600)
    lists.close()


def found(folder: Path) -> list[tuple[str, bool | None]]:
    return [(finding.check, finding.ok) for finding in list_findings(folder)]


def test_no_list_is_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    assert found(tmp_path / "not there") == []


def test_a_sound_list(tmp_path: Path) -> None:
    receive(tmp_path, ends_in_s=3_600)
    (finding,) = list_findings(tmp_path)
    assert (finding.check, finding.ok) == ("block list", True)
    assert "version 1, 3 entries, until" in finding.text


def test_an_expired_list_is_a_warning(tmp_path: Path) -> None:
    receive(tmp_path, ends_in_s=-60)
    assert found(tmp_path) == [("block list", None)]


def test_rot_that_no_lookup_met(tmp_path: Path) -> None:
    receive(tmp_path, ends_in_s=3_600, entries=5_000)
    path = tmp_path / "lists.block.1.db"
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 2_048)
    (finding,) = list_findings(tmp_path)
    assert (finding.check, finding.ok) == ("block list", False)
    assert str(path) in finding.text


def test_a_file_that_is_no_list(tmp_path: Path) -> None:
    (tmp_path / f"lists.{ListName.ALLOW}.4.db").write_bytes(b"nonsense" * 1_000)
    assert found(tmp_path) == [("allow list", False)]
