"""The verbs that make keys, keysets and lists: what they write is what a terminal takes, and nothing is overwritten."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate import cli
from livegate.errors import ConfigError, TrustError
from livegate.lists.chunks import parse_chunk
from livegate.lists.values import ListName
from livegate.report.topics import Topics
from livegate.store.pseudonyms import Pseudonyms
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.envelope import parse_envelope
from livegate.trust.keys import PublicKey, SigningKey
from livegate.trust.keyset import Keyset, open_keyset
from livegate.trust.payload import KeyRole
from livegate_tools.console.command import arguments_of
from livegate_tools.console.listmaking import changes_since, whole_entry
from livegate_tools.console.listserving import ListFolder
from livegate_tools.console.pseudonym import site_pseudonyms

T1 = Topics("lab", "t1")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("centre") / "keys"
    assert cli.main(["console", "keys", "init", str(folder), "--json"]) == 0
    return folder


def keyset(keys: Path, out: Path, version: int, *more: str) -> Any:
    """Make a keyset; return its envelope."""
    command = ["console", "keys", "keyset", str(keys), "--version", str(version), "--audience", "lab/*"]
    assert cli.main([*command, "--out", str(out), *more]) == 0
    return parse_envelope(out.read_bytes(), 100_000)


def now(folder: Path) -> TrustedNow:
    return TrustedNow(folder.stat().st_mtime + 60, synchronised=True)


def make(keys: Path, listed: str, source: Path, out: Path, *more: str) -> int:
    command = ["console", "list", "make", listed, str(source), "--out", str(out), "--audience", "lab/*"]
    return cli.main([*command, "--key", str(keys / "lists.pem"), "--site-key", str(keys / "site.key"), *more])


def entries(folder: Path) -> list[dict[str, Any]]:
    """Return the entries of a list folder in the order terminals get them."""
    opened = ListFolder.open(folder)
    found: list[dict[str, Any]] = []
    for index in range(opened.manifest.chunks):
        found += parse_chunk(parse_envelope(opened.chunk(index), 200_000).payload).entries
    return found


def by_value(entry: dict[str, Any]) -> str:
    return str(entry["value"])


def test_keys_are_private_and_never_overwritten(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    assert {name for name in before if name.endswith(".pem")} == {
        f"{name}.pem" for name in ("root", "receipts", "commands", "twin", "lists", "labels")
    }
    for path in keys.glob("*.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert cli.main(["console", "keys", "init", str(keys)]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == before


def test_keyset_is_what_terminals_with_the_root_take(keys: Path, tmp_path: Path) -> None:
    pinned = Keyset.pinned(PublicKey.of_pem(keys / "root.pub"))
    first = open_keyset(keyset(keys, tmp_path / "1.json", 1), pinned, T1, now(keys))
    for role in ("commands", "twin", "lists", "labels"):
        key = SigningKey.of_pem(keys / f"{role}.pem").public
        assert first.key_for(key.keyid, KeyRole(role), now(keys)) == key


def test_key_that_is_revoked_gives_way_to_another(keys: Path, tmp_path: Path) -> None:
    pinned = Keyset.pinned(PublicKey.of_pem(keys / "root.pub"))
    assert cli.main(["console", "keys", "add", str(keys), "commands", "night"]) == 0
    old, new = (PublicKey.of_pem(keys / f"{name}.pub") for name in ("commands", "commands-night"))
    second = open_keyset(keyset(keys, tmp_path / "2.json", 2, "--revoke", old.keyid), pinned, T1, now(keys))
    assert second.key_for(new.keyid, KeyRole.COMMANDS, now(keys)) == new
    with pytest.raises(TrustError, match="revoked"):
        second.key_for(old.keyid, KeyRole.COMMANDS, now(keys))


def test_keyset_after_a_revocation_carries_it_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys"
    assert cli.main(["console", "keys", "init", str(keys)]) == 0
    stolen = PublicKey.of_pem(keys / "commands.pub")
    keyset(keys, tmp_path / "1.json", 1)
    keyset(keys, tmp_path / "2.json", 2, "--revoke", stolen.keyid)
    pinned = Keyset.pinned(PublicKey.of_pem(keys / "root.pub"))
    fresh = open_keyset(keyset(keys, tmp_path / "3.json", 3), pinned, T1, now(keys))
    assert stolen.keyid in fresh.revoked
    assert stolen not in {trusted.key for trusted in fresh.keys}
    command = ["console", "keys", "keyset", str(keys), "--audience", "lab/*", "--out", str(tmp_path / "x.json")]
    for version in ("3", "2", "0"):
        assert cli.main([*command, "--version", version]) == 2
        assert "expected 4 or more" in capsys.readouterr().err
    assert cli.main([*command, "--version", "4", "--revoke", "commands"]) == 2
    assert "16 hexadecimal digits" in capsys.readouterr().err
    root = PublicKey.of_pem(keys / "root.pub").keyid
    assert cli.main([*command, "--version", "4", "--revoke", root]) == 2
    assert "cannot revoke the root" in capsys.readouterr().err
    (keys / "keysets.json").write_text("{")
    assert cli.main([*command, "--version", "4"]) == 2
    assert "which keys are revoked" in capsys.readouterr().err
    assert not (tmp_path / "x.json").exists()


def test_next_root_is_named_and_then_signs(keys: Path, tmp_path: Path) -> None:
    pinned = Keyset.pinned(PublicKey.of_pem(keys / "root.pub"))
    named = open_keyset(keyset(keys, tmp_path / "3.json", 3, "--next-root"), pinned, T1, now(keys))
    sealed = keyset(keys, tmp_path / "4.json", 4, "--root", str(keys / "next-root.pem"))
    assert open_keyset(sealed, named, T1, now(keys)).root == PublicKey.of_pem(keys / "next-root.pub")
    with pytest.raises(TrustError):
        open_keyset(sealed, pinned, T1, now(keys))


def test_list_of_card_numbers_holds_only_their_pseudonyms(keys: Path, tmp_path: Path) -> None:
    source = tmp_path / "cards.csv"
    source.write_text("value,until,zones,duress\n04A1,2027-01-01T00:00:00Z,hall;lift,yes\n04A2,,,\n")
    assert make(keys, "allow", source, tmp_path / "v1", "--version", "1") == 0
    of = site_pseudonyms(keys / "site.key").of
    expected = [
        {
            "kind": "card",
            "value": of("04A1"),
            "until": "2027-01-01T00:00:00Z",
            "zones": ["hall", "lift"],
            "duress": True,
        },
        {"kind": "card", "value": of("04A2")},
    ]
    assert entries(tmp_path / "v1") == sorted(expected, key=by_value)
    assert all(b"04A1" not in path.read_bytes() for path in (tmp_path / "v1").iterdir())
    manifest = ListFolder.open(tmp_path / "v1").manifest
    assert (manifest.name, manifest.version, manifest.base, manifest.entries) == (ListName.ALLOW, 1, None, 2)


def test_delta_tells_what_changed(keys: Path, tmp_path: Path) -> None:
    lines = [{"value": f"{number:04X}", "reason": "lost"} for number in range(300)]
    write(tmp_path / "1.jsonl", lines)
    assert make(keys, "block", tmp_path / "1.jsonl", tmp_path / "v1", "--version", "1") == 0
    lines[3]["reason"] = "stolen"
    write(tmp_path / "2.jsonl", [*lines[1:], {"value": "FFFF", "action": "review"}])
    assert (
        make(keys, "block", tmp_path / "2.jsonl", tmp_path / "v2", "--version", "2", "--since", str(tmp_path / "v1"))
        == 0
    )
    of = site_pseudonyms(keys / "site.key").of
    assert sorted(entries(tmp_path / "v2"), key=by_value) == sorted(
        [
            {"kind": "credential", "value": of("0003"), "reason": "stolen"},
            {"kind": "credential", "value": of("FFFF"), "action": "review"},
            {"kind": "credential", "value": of("0000"), "op": "delete"},
        ],
        key=by_value,
    )
    assert ListFolder.open(tmp_path / "v2").manifest.base == 1


def write(path: Path, lines: Sequence[object]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@given(*[st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))] * 2)
def test_changes_make_the_one_into_the_other(before: dict[str, int], after: dict[str, int]) -> None:
    def listed(values: dict[str, int]) -> list[dict[str, Any]]:
        return [{"kind": "card", "value": value, "schedule": str(number)} for value, number in values.items()]

    made = dict(before)
    for entry in changes_since(listed(before), listed(after)):
        if entry.get("op") == "delete":
            del made[entry["value"]]
        else:
            made[entry["value"]] = int(entry["schedule"])
    assert made == after


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("value\n04A1\n04A1\n", "entry 2 stands there before"),
        ("value,until\n04A1,tomorrow\n", "entry 1: 'until'"),
        ("kind\ncard\n", "line 2: expected one of 'value' and 'pseudonym'"),
        ("value\n04A1,x\n", "line 2: has more cells"),
        ("value,colour\n04A1,red\n", "entry 1: allow entry: 1 unknown member"),
    ],
)
def test_table_with_a_mistake_makes_nothing(
    keys: Path, tmp_path: Path, content: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cards.csv").write_text(content)
    assert make(keys, "allow", tmp_path / "cards.csv", tmp_path / "v1") == 2
    assert says in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cards.csv"]


def test_raw_value_needs_the_site_key() -> None:
    with pytest.raises(ConfigError, match="give --site-key"):
        whole_entry(ListName.BLOCK, {"value": "04A1"}, "line 1", None)
    media = {"kind": "media", "value": "0" * 32}
    assert whole_entry(ListName.BLOCK, media, "line 1", None) == media
    assert whole_entry(ListName.BLOCK, {"value": "x"}, "", Pseudonyms(b"k"))["value"] == Pseudonyms(b"k").of("x")


def test_arguments_of_a_command_are_json_or_text() -> None:
    assert arguments_of(["level=debug", "all=true", "n=3", "t=a=b"]) == {
        "level": "debug",
        "all": True,
        "n": 3,
        "t": "a=b",
    }
    with pytest.raises(ConfigError, match="expected NAME=VALUE"):
        arguments_of(["level"])


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("push keyset FILE --site lab", "make one with console keys keyset"),
        ("push label FILE --site lab --key KEYS/labels.pem", "line 1"),
        ("push twin FILE --site lab --key FILE", "holds no Ed25519 private key"),
        ("push list FILE --site lab", "console list make"),
        ("command door.pulse --key KEYS/commands.pem --site LAB --terminal t1", "expected letters a-z"),
        ("tail --receipts FILE", "go together"),
        ("tail --tls-key FILE", "go together"),
        ("pseudonym 04A1 --site-key FILE", "holds no site key"),
    ],
)
def test_wrong_use_is_said_in_a_sentence(
    keys: Path, tmp_path: Path, command: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    path.write_text('{"attempt_id": "a", "label": "maybe"}')
    path.chmod(0o600)
    words = command.replace("FILE", str(path)).replace("KEYS", str(keys)).split()
    assert cli.main(["console", *words]) in (1, 2)
    assert says in capsys.readouterr().err


def test_pseudonym_is_the_one_terminals_make(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["console", "pseudonym", "04A1", "--site-key", str(keys / "site.key"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["pseudonym"]
    assert said == site_pseudonyms(keys / "site.key").of("04A1")
