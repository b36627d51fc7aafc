"""The shipped JSON schemas of events, with their references resolved."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS: dict[str, Any] = {
    entry.name.removesuffix(".json"): json.loads(entry.read_text())
    for entry in (resources.files("livegate.events") / "schemas").iterdir()
    if entry.name.endswith(".json")
}
REGISTRY: Registry[object] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()]
)


def valid(name: str, value: object) -> None:
    """Raise jsonschema.ValidationError unless ``value`` is what the schema ``name`` asks for."""
    Draft202012Validator(SCHEMAS[name], registry=REGISTRY).validate(value)
