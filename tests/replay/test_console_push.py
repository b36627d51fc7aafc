"""What is pushed is looked at first, the terminal's word on it is waited for, and what it refuses is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livegate import cli
from livegate.config import Mqtt
from livegate.report.topics import Topics
from livegate_tools.console.listening import Listener
from livegate_tools.demo.broker import EmbeddedBroker
from support.terminals import RunningTerminal, write_config
from support.waiting import eventually

T1 = Topics("lab", "t1")


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def watching(broker: EmbeddedBroker) -> Iterator[Listener]:
    """Hears what the broker keeps."""
    console = Listener(Mqtt("127.0.0.1", broker.port), T1)
    console.start()
    yield console
    console.stop(5)


class Desk:
    """A person at the centre: the verbs, and what they said last."""

    def __init__(self, folder: Path, port: int, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.keys, self._port, self._capsys = folder, folder / "keys", port, capsys
        self.make("keys", "init", str(self.keys))

    def other(self) -> Desk:
        """Return somebody else, with keys of his own."""
        folder = self.folder / "other"
        folder.mkdir()
        return Desk(folder, self._port, self._capsys)

    def make(self, *words: str) -> None:
        assert cli.main(["console", *words]) == 0
        self._capsys.readouterr()

    def keyset(self, version: int, *more: str, audience: str = "lab/*", out: str = "") -> Path:
        path = self.folder / (out or f"keyset-{version}.json")
        words = ["keys", "keyset", str(self.keys), "--version", str(version), "--audience", audience]
        self.make(*words, "--out", str(path), *more)
        return path

    def settings(self, members: object) -> Path:
        path = self.folder / "settings.json"
        path.write_text(json.dumps(members))
        return path

    def key(self, name: str) -> tuple[str, str]:
        return "--key", str(self.keys / f"{name}.pem")

    def push(self, what: str, path: Path, *more: str) -> tuple[int, dict[str, Any]]:
        """Push to lab/t1; return the status, and what was said."""
        place = ["--site", "lab", "--terminal", "t1", "--port", str(self._port), "--json", "--timeout", "20"]
        status = cli.main(["console", "push", what, str(path), *place, *more])
        return status, json.loads(self._capsys.readouterr().out)


@pytest.fixture
def desk(broker: EmbeddedBroker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, broker.port, capsys)


def test_what_would_be_refused_is_not_sent(desk: Desk, watching: Listener) -> None:
    root = ("--root", str(desk.keys / "root.pub"))
    status, said = desk.push("keyset", desk.keyset(1, audience="lab/t2"), *root)
    assert (status, "wrong_audience" in said["error"]) == (1, True)
    second = desk.keyset(2)
    assert "unknown_key" in desk.push("keyset", second, "--root", str(desk.keys / "twin.pub"))[1]["error"]
    assert watching.kept(T1, "trust/keyset") is None
    assert desk.push("keyset", second, *root)[0] == 0
    eventually(lambda: watching.kept(T1, "trust/keyset") == second.read_bytes())

    assert "version_back" in forged_version(desk, 1)
    settings = desk.settings({"gate.pairing_window_ms": 300})
    assert "wrong_role" in desk.push("twin", settings, *desk.key("commands"))[1]["error"]
    assert "unknown_key" in desk.push("twin", settings, *desk.key("root"))[1]["error"]
    assert watching.kept(T1, "twin/desired") is None
    assert desk.push("twin", settings, *desk.key("twin"), "--version", "5")[0] == 0
    eventually(lambda: watching.kept(T1, "twin/desired"))
    assert "version_back" in desk.push("twin", settings, *desk.key("twin"), "--version", "4")[1]["error"]
    assert desk.push("twin", settings, *desk.key("twin"), "--version", "4", "--anyway")[0] == 0

    cards = desk.folder / "cards.csv"
    cards.write_text("value\n04A1\n")
    words = ["--site-key", str(desk.keys / "site.key"), *desk.key("lists"), "--audience", "lab/t2"]
    desk.make("list", "make", "allow", str(cards), "--out", str(desk.folder / "allow"), *words)
    assert "wrong_audience" in desk.push("list", desk.folder / "allow")[1]["error"]
    assert watching.kept(T1, "lists/allow/manifest") is None


def forged_version(desk: Desk, version: int) -> str:
    """Push a keyset of a folder that remembers nothing of the versions before."""
    (desk.keys / "keysets.json").unlink()
    return str(desk.push("keyset", desk.keyset(version, out="old.json"))[1]["error"])


def test_keyset_that_forgets_a_revocation_is_not_sent(desk: Desk) -> None:
    assert desk.push("keyset", desk.keyset(2, "--revoke", "0123456789abcdef"))[0] == 0
    (desk.keys / "keysets.json").unlink()
    assert "does not revoke 0123456789abcdef" in desk.push("keyset", desk.keyset(3))[1]["error"]


def test_terminals_word_is_waited_for_and_what_it_refuses_is_undone(
    desk: Desk, broker: EmbeddedBroker, watching: Listener
) -> None:
    more = (
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        '[trust]\nroot_key_file = "keys/root.pub"\nsite_key_file = "keys/site.key"\n'
    )
    with RunningTerminal(write_config(desk.folder, more)) as terminal:
        eventually(lambda: watching.heard.is_online(T1))
        status, said = desk.push("keyset", desk.keyset(1))
        assert (status, said["applied"]) == (0, True)
        good = desk.settings({"gate.pairing_window_ms": 300})
        assert desk.push("twin", good, *desk.key("twin"), "--version", "1")[1]["applied"] is True
        eventually(lambda: watching.kept(T1, "twin/desired"))
        former = watching.kept(T1, "twin/desired")
        bad = desk.settings({"gate.pairing_window_ms": 300_000})
        status, said = desk.push("twin", bad, *desk.key("twin"), "--version", "2")
        assert (status, said["applied"]) == (1, False)
        eventually(lambda: watching.kept(T1, "twin/desired") == former)

        labels = desk.folder / "labels.jsonl"
        labels.write_text('{"attempt_id": "0123456789abcdef", "label": "bona_fide"}\n')
        status, said = desk.push("label", labels, *desk.key("labels"))
        assert (status, said["refused"]) == (0, None)
        status, said = desk.push("label", labels, *desk.key("twin"))
        assert (status, said["refused"]) == (1, "wrong_role")

        # Somebody else's root: the broker keeps nothing of it, so that only the terminal can tell.
        other = desk.other()
        kept = watching.kept(T1, "trust/keyset")
        status, said = other.push("keyset", other.keyset(9, out="other.json"), "--anyway")
        assert (status, said["applied"], said["reason"]) == (1, False, "unknown_key")
        eventually(lambda: watching.kept(T1, "trust/keyset") == kept)
        assert terminal.terminate() == 0
