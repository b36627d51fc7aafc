"""``livegate config show``: what it prints is a configuration again, with nothing internal and nothing secret."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from livegate import assets
from livegate.cli import main
from livegate.configfile import as_table, load, schema
from livegate.toml_text import toml_lines
from support.terminals import write_config

MORE = """
[[gate.limit]]
key = "door"
event = "attempt"
max = 3
window_s = 10
lockout_s = 0
[mqtt]
host = "broker"
protocol = 5
password_file = "password"
tls = { ca = "ca.pem" }
"""
TERMINALS = sorted(path for path in assets.folder("configs").glob("*.toml") if not path.stem.startswith("train"))


def shown(capsys: pytest.CaptureFixture[str], config: Path, *options: str) -> str:
    assert main(["config", "show", "--config", str(config), *options]) == 0
    return capsys.readouterr().out


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", TERMINALS, ids=lambda path: path.stem)
def test_what_is_shown_of_a_profile_is_a_file_again(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.toml"
    again.write_text(shown(capsys, path))
    assert as_table(load(again)) == as_table(load(path))
    table = json.loads(shown(capsys, path, "--json"))
    jsonschema.validate(without_nulls(table), schema())
    assert without_nulls(table) == tomllib.loads(again.read_text())


def test_every_key_the_schema_allows_is_there_and_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = json.loads(shown(capsys, write_config(tmp_path, MORE), "--json"))
    properties = schema()["properties"]
    assert set(table) == set(properties)
    for name in ("terminal", "detector", "decision", "gate", "store", "mqtt"):
        assert set(table[name]) == set(properties[name]["properties"])
    assert list(table["camera"][0]) == ["name", "role", "driver", "width", "height", "fps"]
    assert set(table["door"]) == {"name", "zone", "lock", "pulse_ms", "driver"}
    jsonschema.validate(without_nulls(table), schema())


def test_what_is_shown_can_be_run_from_the_same_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, MORE)
    again = tmp_path / "again.toml"
    again.write_text(shown(capsys, config))
    before, after = as_table(load(config)), as_table(load(again))
    assert before.pop("reader") != after.pop("reader")
    assert before == after


def test_secrets_are_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, MORE)
    secret = 'driver = "simulated"\napi_key = "s3cret"\nnested = [{ password = "s3cret", pin = 17 }]'
    config.write_text(config.read_text().replace('driver = "simulated"', secret))
    for options in ([], ["--json"]):
        out = shown(capsys, config, *options)
        assert "04A1" not in out
        assert "s3cret" not in out
        assert str(tmp_path / "password") in out
    table = json.loads(out)
    assert table["reader"] == [{"direction": "in", "driver": "scripted", "present": [{"after_ms": 200}]}]
    assert table["door"]["nested"] == [{"pin": 17}]


def test_a_driver_that_is_not_here_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path)
    config.write_text(config.read_text().replace('"fake"', '"not_here"'))
    assert 'driver = "not_here"\nwidth = 64\n' in shown(capsys, config)


def test_toml_of_every_kind_of_value() -> None:
    table = {
        "a b": 'quote " back \\ line \n del \x7f csi \x9b \N{GRINNING FACE}',
        "dates": [date(2026, 1, 2)],
        "mixed": [1, {"x": True, "y": [float("inf")]}],
        "empty": [],
        "none": None,
        "in": {"er": {"most": -1.5e-9}, "tables": [{"k": {"v": 1}}, {}]},
    }
    del (expected := dict(table))["none"]
    lines = list(toml_lines(table))
    assert tomllib.loads("\n".join(lines)) == expected
    assert all(line.isprintable() for line in lines)
