"""Leave out of a driver's options what is not to be printed."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from livegate.config import Config, DriverChoice
from livegate.drivers import load
from livegate.errors import LivegateError

_SECRET_NAME = re.compile(r"(^|_)(password|passphrase|secret|token)$|_key$", re.IGNORECASE)


def without_secrets(config: Config) -> Config:
    """Return ``config`` with its drivers' options but those that are secret.

    Secret is what the driver's ``Options``, or a dataclass within, declares with ``repr=False``, and what is named like
    a password, passphrase, secret, token or key. A driver that cannot be loaded is judged by the names alone.
    """
    return dataclasses.replace(
        config,
        camera=tuple(dataclasses.replace(c, source=_bare("cameras", c.source)) for c in config.camera),
        door=dataclasses.replace(config.door, source=_bare("doors", config.door.source)),
        reader=tuple(dataclasses.replace(r, source=_bare("readers", r.source)) for r in config.reader),
    )


def _bare(kind: str, choice: DriverChoice) -> DriverChoice:
    try:
        hidden = frozenset(_hidden_fields(load(kind, choice.driver).Options))
    except LivegateError:
        hidden = frozenset()
    return dataclasses.replace(choice, options=_pruned(choice.options, hidden))


def _hidden_fields(options: type[Any]) -> Iterator[str]:
    hints = typing.get_type_hints(options)
    for field in dataclasses.fields(options):
        if not field.repr:
            yield field.name
        for table in _tables(hints[field.name]):
            yield from _hidden_fields(table)


def _tables(hint: Any) -> Iterator[type[Any]]:
    """Yield the dataclasses that a type hint such as ``tuple[Presentation, ...] | None`` names."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        yield hint
    for part in typing.get_args(hint):
        yield from _tables(part)


def _pruned(value: Any, hidden: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _pruned(inner, hidden)
            for key, inner in value.items()
            if key not in hidden and not _SECRET_NAME.search(key)
        }
    return [_pruned(inner, hidden) for inner in value] if isinstance(value, list) else value
