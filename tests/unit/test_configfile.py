from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema
import pytest

from livegate import assets
from livegate.config import LimitKey, Protocol
from livegate.configfile import load, schema
from livegate.errors import ConfigError

MINIMAL = """
[terminal]
site = "hq"
id = "front"
state_dir = "state"

[[camera]]
name = "eye"
role = "rgb"
driver = "v4l2"
device = "/dev/video0"

[door]
driver = "simulated"

[[reader]]
driver = "serial_line"
device = "/dev/ttyUSB0"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(text)
    return path


def test_minimal_file_becomes_a_config(tmp_path: Path) -> None:
    config = load(written(tmp_path, MINIMAL))
    assert config.terminal.state_dir == tmp_path / "state"
    assert config.camera[0].source.options == {"device": "/dev/video0"}
    assert config.reader[0].source.driver == "serial_line"
    assert config.mqtt is None
    assert len(config.version) == 64


def test_every_table_is_read(tmp_path: Path) -> None:
    more = """
    [mqtt]
    host = "broker"
    protocol = 5
    tls = { ca = "ca.pem" }
    [[gate.limit]]
    key = "credential"
    event = "denied"
    max = 3
    window_s = 60
    lockout_s = 300
    """
    config = load(written(tmp_path, MINIMAL + more))
    assert config.mqtt is not None
    assert config.mqtt.protocol is Protocol.V5
    assert config.mqtt.tls is not None
    assert config.mqtt.tls.ca == tmp_path / "ca.pem"
    assert config.gate.limit[0].key is LimitKey.CREDENTIAL


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('site = "hq"', 'site = "HQ"', "does not match"),
        ('site = "hq"', 'sight = "hq"', "did you mean 'site'"),
        ('id = "front"', 'id = "a-name-that-is-too-long"', "exceed 22 characters"),
        ('role = "rgb"', 'role = "nir"', "no [[camera]] has role 'rgb'"),
        ('role = "rgb"', 'role = "infrared"', "expected one of rgb, nir, depth, rgb_right"),
        ('driver = "v4l2"', 'driver = "os.system"', ": [[camera]] 1: 'driver': 'os.system' is no driver's name"),
        (
            'driver = "simulated"',
            'driver = "Door"',
            ": [door]: 'driver': 'Door' is no driver's name ([a-z0-9_]+); give",
        ),
        ('driver = "serial_line"', 'driver = "serial-line"', ": [[reader]] 1: 'driver': 'serial-line' is no driver's"),
        ('driver = "v4l2"', "", "[[camera]] 1: lacks 'driver'"),
        ("[[camera]]", "[camera]", "must be written [[camera]]"),
        ('[[reader]]\ndriver = "serial_line"\ndevice = "/dev/ttyUSB0"', "", "needs at least one [[reader]]"),
        ("[terminal]", "[terminal", "is not TOML"),
        ("[terminal]", 'version = "1"\n[terminal]', "unknown key 'version'"),
        ("[terminal]", 'zzz = "1"\n[terminal]', "known are camera, decision"),
        ("[terminal]", 'zzz = "1"\n[terminal]', "mqtt, quality"),
    ],
)
def test_wrong_file_names_file_key_and_remedy(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in MINIMAL
    path = written(tmp_path, MINIMAL.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_anyone_alive_must_be_meant(tmp_path: Path) -> None:
    screening = MINIMAL + '[gate]\nmode = "presence_screening"\n'
    with pytest.raises(ConfigError, match="allow_unidentified"):
        load(written(tmp_path, screening))
    load(written(tmp_path, screening + "allow_unidentified = true\n"))


def test_a_limit_on_an_event_that_never_happens_is_refused(tmp_path: Path) -> None:
    limit = '[[gate.limit]]\nkey = "door"\nevent = "presentation_atack"\nmax = 1\nwindow_s = 9\nlockout_s = 9\n'
    with pytest.raises(ConfigError, match="did you mean 'presentation_attack'"):
        load(written(tmp_path, MINIMAL + limit))


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")
    for content in (b"\xff\xfe", b"x = " + b"[" * 100_000):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(ConfigError, match="is not TOML"):
            load(tmp_path / "bad.toml")


def test_schema_agrees_with_the_parser(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(tomllib.loads(MINIMAL), schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(MINIMAL.replace("site", "sight")), schema())


TERMINALS = sorted(path for path in assets.folder("configs").glob("*.toml") if not path.stem.startswith("train"))


@pytest.mark.parametrize("path", TERMINALS, ids=lambda path: path.stem)
def test_shipped_profiles_are_valid(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text()), schema())
    load(path)
