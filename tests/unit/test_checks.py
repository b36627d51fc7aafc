"""``livegate check``: what it finds on good and bad configurations, and that it leaves everything as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from livegate.cli import main
from livegate.errors import StoreError
from livegate.filesystem import kind_of
from livegate.store.files import prepare_folder
from support.certificates import Authority
from support.models import TINY_ONNX
from support.terminals import write_config

MQTT = '[mqtt]\nhost = "127.0.0.1"\n'
TLS = 'tls = {{ ca = "{ca}", certificate = "{certificate}", key = "{key}" }}\n'


def tree(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return mode, time of change and content of everything below ``folder``."""
    paths = [folder, *folder.rglob("*")]
    return {str(p): (p.stat().st_mode, p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in paths}


def checked(
    config: Path, capsys: pytest.CaptureFixture[str], *, cameras: bool = False
) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Run the check; return its status and the findings by what was checked. The folder must be as before.

    Watching the ``cameras`` takes seconds.
    """
    before = tree(config.parent)
    status = main(["check", "--config", str(config), "--json", *([] if cameras else ["--no-cameras"])])
    assert tree(config.parent) == before
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is (status == 0)
    assert told["ok"] is all(finding["ok"] is not False for finding in told["findings"])
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in told["findings"]:
        found.setdefault(finding["check"], []).append(finding)
    return status, found


def wrong(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    return [name for name, findings in found.items() if any(finding["ok"] is False for finding in findings)]


def private(path: Path, text: str = "x") -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_lamps_are_lit_for_a_moment_or_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lamps = '[[illuminator]]\ndriver = "simulated"\n\n[[illuminator]]\ndriver = "serial_pwm"\ndevice = "/dev/nowhere"\n'
    status, found = checked(write_config(tmp_path, MQTT + lamps), capsys)
    assert status == 1
    assert wrong(found) == ["illuminator"]
    assert [finding["ok"] for finding in found["illuminator"]] == [True, False]
    assert "/dev/nowhere" in found["illuminator"][1]["text"]


def test_a_good_terminal_is_ok(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = checked(write_config(tmp_path, MQTT), capsys, cameras=True)
    assert status == 0
    assert found["sensor rgb"][0]["text"] == "ok"
    assert {"configuration", "camera eye", "door", "reader", "model", "cues", "clock", "disk", "file system",
            "fsync"} <= set(found)  # fmt: skip
    assert "mqtt" not in found
    assert "tiny 1" in found["model"][0]["text"]
    assert " ms (median" in found["fsync"][0]["text"]


def test_text_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(write_config(tmp_path)), "--no-cameras"]) == 0
    out = capsys.readouterr().out
    assert "ok       model: tiny 1" in out
    assert "warning  mqtt: no [mqtt] table" in out


def test_no_broker_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = checked(write_config(tmp_path), capsys)
    assert status == 0
    assert found["mqtt"][0]["ok"] is None


@pytest.mark.parametrize("lacking", [False, True])
def test_a_wrong_model_is_not_ok(tmp_path: Path, lacking: bool, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path)
    network = tmp_path / "model" / "tiny.onnx"
    network.unlink() if lacking else network.write_bytes(TINY_ONNX + b"\0")
    status, found = checked(config, capsys)
    assert (status, wrong(found)) == (1, ["model"])
    assert "tiny.onnx" in found["model"][0]["text"]
    assert "textures judge in its place, at step 'texture': the door stays shut" in found["model"][0]["text"]
    assert found["decision"]


@pytest.mark.parametrize(
    ("more", "status", "ok", "words"),
    [
        ("", 1, False, "the door stays shut, for [decision] least_step = 'rgb'"),
        ("[decision]\nleast_step = 'texture'\n", 0, None, "the door may open"),
    ],
)
def test_no_network_is_a_fault_only_where_the_door_stays_shut(
    more: str, status: int, ok: bool | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found_status, found = checked(write_config(tmp_path, more, runtime="none"), capsys)
    assert (found_status, found["model"][0]["ok"]) == (status, ok)
    assert words in found["model"][0]["text"]
    assert found["without a network"][0]["ok"] is True
    assert "detector" not in found["cues"][0]["text"]
    assert "colour_texture" in found["cues"][0]["text"]


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        ('driver = "fake"', 'driver = "fakir"', "camera eye"),
        ("fps = 30", "fsp = 30", "camera eye"),
        ('driver = "simulated"', 'driver = "simulate"', "door"),
        ('driver = "scripted"\n', 'driver = "scripted"\nbaud = 9600\n', "reader"),
    ],
)
def test_a_wrong_driver_or_option_is_not_ok(
    tmp_path: Path, old: str, new: str, check: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path)
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    status, found = checked(config, capsys)
    assert (status, wrong(found)) == (1, [check])
    assert str(config) in found[check][0]["text"]


@pytest.mark.parametrize(("old", "new"), [("site", "sight"), ("[terminal]", "[terminal")])
def test_a_configuration_that_does_not_parse_is_not_ok(
    tmp_path: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path)
    config.write_text(config.read_text().replace(old, new))
    status, found = checked(config, capsys)
    assert (status, list(found)) == (1, ["configuration"])
    assert str(config) in found["configuration"][0]["text"]


def test_a_configuration_that_is_not_there_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(tmp_path / "none.toml"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "none.toml: cannot be read" in err


@pytest.mark.parametrize("state_dir", ["/proc/livegate", "terminal.toml", "terminal.toml/below"])
def test_a_state_dir_that_cannot_be_is_not_ok(
    tmp_path: Path, state_dir: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = checked(write_config(tmp_path, state_dir=state_dir), capsys)
    assert (status, wrong(found)) == (1, ["state_dir"])


@pytest.mark.parametrize(("mode", "faults"), [(0o700, []), (0o750, ["permissions"]), (0o777, ["permissions"])])
def test_a_state_dir_open_to_others_is_not_ok(
    tmp_path: Path, mode: int, faults: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(mode)
    status, found = checked(write_config(tmp_path), capsys)
    assert (status, wrong(found)) == (1 if faults else 0, faults)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_state_dir_of_somebody_else_is_not_ok_as_run_refuses_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    os.chown(tmp_path / "state", 12345, 12345)
    config = write_config(tmp_path)
    status, found = checked(config, capsys)
    assert (status, wrong(found)) == (1, ["permissions"])
    text = found["permissions"][0]["text"]
    assert "belongs to user 12345; run this as that user (sudo -u '#12345' livegate ...)" in text
    with pytest.raises(StoreError) as refused:
        prepare_folder(tmp_path / "state")
    assert str(refused.value) == text


@pytest.mark.parametrize(("mode", "status"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_a_password_others_may_read_is_not_ok(
    tmp_path: Path, mode: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    private(tmp_path / "password").chmod(mode)
    found_status, found = checked(write_config(tmp_path, MQTT + 'password_file = "password"\n'), capsys)
    assert (found_status, wrong(found)) == (status, ["secrets"] if status else [])


def issued(folder: Path, days: int) -> dict[str, Path]:
    """Make the files [mqtt] tls names, the terminal's certificate ending in so many days."""
    authority = Authority(folder, days=365)
    authority.issue("client", days=days)
    (folder / "client.key").chmod(0o600)
    return {"ca": folder / "ca.pem", "certificate": folder / "client.pem", "key": folder / "client.key"}


@pytest.mark.parametrize(
    ("days", "status", "said"), [(90, 0, "expires on"), (10, 0, "renew it"), (-1, 1, "expired on")]
)
def test_certificate_that_ends_is_told(
    tmp_path: Path, days: int, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found_status, found = checked(write_config(tmp_path, MQTT + TLS.format(**issued(tmp_path, days))), capsys)
    assert (found_status, wrong(found)) == (status, ["certificates"] if status else [])
    assert any(said in finding["text"] for finding in found["certificates"])


@pytest.mark.parametrize(
    ("missing", "fault"),
    [(None, []), ("ca", ["certificates"]), ("certificate", ["certificates"]), ("key", ["secrets"])],
)
def test_missing_tls_files_are_not_ok(
    tmp_path: Path, missing: str | None, fault: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    files = issued(tmp_path, days=90)
    if missing is not None:
        files[missing].unlink()
    status, found = checked(write_config(tmp_path, MQTT + TLS.format(**files)), capsys)
    assert (status, wrong(found)) == (1 if fault else 0, fault)


def test_the_file_system_is_named() -> None:
    assert kind_of(Path("/proc/self")) == "proc"
    assert kind_of(Path("/proc/../proc/sys")) == "proc"
    assert kind_of(Path("/")) == kind_of(Path("/nowhere/at/all"))


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="there is no /dev/shm")
def test_a_state_dir_in_memory_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = checked(write_config(tmp_path, state_dir="/dev/shm/livegate-test/none"), capsys)
    assert status == 0
    assert found["file system"][0]["ok"] is None


@pytest.mark.parametrize(("least_step", "warned"), [("rgb", True), ("fewer", True), ("all", False)])
def test_a_door_that_opens_without_a_sensor_that_is_there_is_a_warning(
    least_step: str, warned: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever covers a lens must not have it easier, unless somebody chose so."""
    second = "[[camera]]\nname = 'ir'\nrole = 'nir'\ndriver = 'fake'\n"
    status, found = checked(write_config(tmp_path, f"{second}[decision]\nleast_step = '{least_step}'\n"), capsys)
    assert status == 0
    assert [(f["ok"], "'all'" in f["text"] or '"all"' in f["text"]) for f in found.get("least_step", [])] == (
        [(None, True)] if warned else []
    )
