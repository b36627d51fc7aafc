"""Read a configuration file into a Config, and describe what such a file may hold.

A camera, door, reader or illuminator table holds its own keys and, beside them, its driver's options; they are told
apart here, and the driver parses the rest when it is loaded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from livegate.config import DRIVER_NAME, CameraConfig, Config, GateMode, Limit, PassBack
from livegate.errors import ConfigError
from livegate.options import json_schema, parse, unknown_key
from livegate.types import Direction, Outcome, Reason, Role

# An MQTT 3.1.1 server need only take client ids of 23 bytes; one of them is the dash between site and terminal.
MAX_CLIENT_ID_PARTS = 22

# Of a Config, but known from the file itself.
_NOT_WRITTEN = ("path", "version")
_OWN_KEYS = {
    "camera": {"name", "role"},
    "door": {"name", "zone", "lock", "pulse_ms"},
    "reader": {"direction"},
    "illuminator": {"level", "unlit_every_ms"},
}


def load(path: Path) -> Config:
    """Return the configuration in ``path``; raise ConfigError naming file, key and remedy for anything wrong in it."""
    try:
        raw = path.read_bytes()
        table = tomllib.loads(raw.decode())
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); give an existing file with --config") from exc
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{path}: is not TOML: {exc}") from exc
    known = [field.name for field in dataclasses.fields(Config) if field.name not in _NOT_WRITTEN]
    for key in table:
        if key not in known:
            raise ConfigError(f"{path}: {unknown_key(key, known)}")
    table = _split_drivers(table, str(path), path.parent)
    config = parse(
        Config,
        table | {"path": str(path.resolve()), "version": hashlib.sha256(raw).hexdigest()},
        str(path),
        path.parent,
    )
    check_whole(config, config.path)
    return config


def as_table(config: Config) -> dict[str, Any]:
    """Return what a file would hold that says everything, defaults too; what is not set is None. Undoes :func:`load`.

    Paths of Livegate's own keys are absolute; drivers' options are as they stood.
    """
    table = {key: value for key, value in dataclasses.asdict(config).items() if key not in _NOT_WRITTEN}
    return table | {
        "camera": [_joined(camera) for camera in table["camera"]],
        "door": _joined(table["door"]),
        "reader": [_joined(reader) for reader in table["reader"]],
        "illuminator": [_joined(lamp) for lamp in table["illuminator"]],
    }


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a configuration file."""
    whole = json_schema(Config)
    for key in _NOT_WRITTEN:
        del whole["properties"][key]
        whole["required"].remove(key)
    properties = whole["properties"]
    properties["camera"]["items"] = _with_options(properties["camera"]["items"])
    properties["camera"]["minItems"] = 1
    properties["door"] = _with_options(properties["door"])
    for name in ("reader", "illuminator"):
        properties[name]["items"] = _with_options(properties[name]["items"])
    properties["mqtt"]["properties"]["protocol"] = {"enum": ["auto", 5, "5", "3.1.1"], "default": "auto"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Livegate configuration"} | whole


def _split_drivers(table: dict[str, Any], where: str, base: Path) -> dict[str, Any]:
    split = dict(table)
    for name in ("camera", "reader", "illuminator"):
        if name in table:
            if not isinstance(table[name], list):
                raise ConfigError(f"{where}: [{name}] must be written [[{name}]], one table a {name}")
            split[name] = [
                _driver_table(name, t, f"{where}: [[{name}]] {i + 1}", base) for i, t in enumerate(table[name])
            ]
    if "door" in table:
        split["door"] = _driver_table("door", table["door"], f"{where}: [door]", base)
    mqtt = table.get("mqtt")
    if isinstance(mqtt, dict) and type(mqtt.get("protocol")) is int:
        split["mqtt"] = mqtt | {"protocol": str(mqtt["protocol"])}
    return split


def _driver_table(name: str, table: Any, where: str, base: Path) -> dict[str, Any]:
    if not isinstance(table, Mapping) or not isinstance(table.get("driver"), str):
        raise ConfigError(f"{where}: lacks 'driver', the name of a driver; see `livegate config schema`")
    _check_driver(table["driver"], where)
    own = _OWN_KEYS[name]
    options = {key: value for key, value in table.items() if key not in own and key != "driver"}
    source = {"driver": table["driver"], "options": options, "where": where, "base": str(base.resolve())}
    return {key: table[key] for key in table.keys() & own} | {"source": source}


def _joined(table: dict[str, Any]) -> dict[str, Any]:
    """Return a camera, door or reader with its driver's options beside its own keys, as people write it."""
    source = table["source"]
    own = {key: value for key, value in table.items() if key != "source"}
    return own | {"driver": source["driver"], **source["options"]}


def _check_driver(name: str, where: str) -> None:
    """Check the name here: people know the key as one of [door], not as one of a table within it."""
    if not re.fullmatch(DRIVER_NAME, name):
        raise ConfigError(
            f"{where}: 'driver': {name!r} is no driver's name ({DRIVER_NAME}); give one that docs/drivers.md lists"
        )


def _with_options(table: dict[str, Any]) -> dict[str, Any]:
    """Turn the schema of a table with a ``source`` into that of the table as people write it."""
    properties = {key: value for key, value in table["properties"].items() if key != "source"}
    required = [key for key in table["required"] if key != "source"]
    driver = {"type": "string", "pattern": f"^{DRIVER_NAME}$"}
    return {
        "type": "object",
        "properties": {"driver": driver} | properties,
        "required": ["driver", *required],
        "description": "Further keys are the driver's own options.",
    }


def check_whole(config: Config, where: Path | str) -> None:
    """Check what no single key can tell; raise ConfigError, beginning with ``where``."""
    if len(config.terminal.site) + len(config.terminal.id) > MAX_CLIENT_ID_PARTS:
        raise ConfigError(
            f"{where}: [terminal] 'site' and 'id' together exceed {MAX_CLIENT_ID_PARTS} characters; shorten one"
        )
    _check_cameras(config.camera, where)
    unidentified = config.gate.mode is GateMode.PRESENCE_SCREENING
    if unidentified and not config.gate.allow_unidentified:
        raise ConfigError(
            f"{where}: [gate] mode 'presence_screening' lets in anyone alive: confirm with 'allow_unidentified = true'"
        )
    if not unidentified and not config.reader:
        raise ConfigError(f"{where}: [gate] mode '{config.gate.mode}' needs at least one [[reader]]")
    _check_limits(config.gate.limit, where)
    _check_directions(config, where)
    tls = config.mqtt.tls if config.mqtt else None
    if tls and (tls.certificate is None) != (tls.key is None):
        raise ConfigError(f"{where}: [mqtt] tls: 'certificate' and 'key' go together; give both or neither")


def _check_limits(limits: tuple[Limit, ...], where: Path | str) -> None:
    events = ["attempt", *Outcome, *Reason]
    for number, limit in enumerate(limits, 1):
        if limit.event not in events:
            near = get_close_matches(limit.event, events, n=1)
            expected = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(events)}"
            raise ConfigError(
                f"{where} [gate] [limit] {number}: 'event': nothing is called '{limit.event}'; {expected}"
            )


def _check_directions(config: Config, where: Path | str) -> None:
    mode = config.gate.anti_pass_back.mode
    leads_out = any(reader.direction is Direction.OUT for reader in config.reader)
    if mode in (PassBack.SOFT, PassBack.HARD) and not leads_out:
        raise ConfigError(
            f"{where}: [gate] [anti_pass_back] mode '{mode}' needs a [[reader]] with direction 'out': "
            "who never leaves could never come back; add one, or use mode 'timed'"
        )
    if config.evidence.enabled and config.evidence.recipient_key_file is None:
        raise ConfigError(
            f"{where}: [evidence] 'enabled' needs 'recipient_key_file', the public key of who may open the pictures"
        )


def _check_cameras(cameras: tuple[CameraConfig, ...], where: Path | str) -> None:
    roles = [camera.role for camera in cameras]
    if Role.RGB not in roles:
        raise ConfigError(f"{where}: no [[camera]] has role 'rgb'; faces are found in the rgb picture")
    for what, values in (("role", [str(role) for role in roles]), ("name", [camera.name for camera in cameras])):
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise ConfigError(f"{where}: two [[camera]] tables have {what} '{twice[0]}'; each {what} may stand once")
