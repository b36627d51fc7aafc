"""The verbs of the command line: the terminal's own lie in ``livegate.verbs``, others join by entry point.

A verb is a module with ``HELP`` (one line), ``add_arguments(parser)`` and ``run(arguments) -> status``.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import ModuleType

import livegate.verbs
from livegate.entry_points import points_of
from livegate.errors import LivegateError

GROUP = "livegate.verbs"
_PARTS = ("HELP", "add_arguments", "run")


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb by name, and where it comes from: ``places`` are (package, module), more than one where two claim it."""

    name: str
    places: tuple[tuple[str, str], ...]

    def load(self) -> ModuleType:
        """Import the verb; raise LivegateError naming its package where that fails or two packages provide it."""
        if len(self.places) > 1:
            packages = " and ".join(package for package, _ in self.places)
            raise LivegateError(f"verb '{self.name}' is provided by {packages}; uninstall one of them")
        package, name = self.places[0]
        try:
            module = importlib.import_module(name)
        except (ImportError, SyntaxError) as exc:
            raise LivegateError(
                f"verb '{self.name}' of package '{package}' cannot be imported: {exc}; install what it needs"
            ) from exc
        lacking = [part for part in _PARTS if not hasattr(module, part)]
        if lacking:
            raise LivegateError(
                f"verb '{self.name}' of package '{package}' is none: {name} lacks {', '.join(lacking)}; uninstall it"
            )
        return module


def known_verbs() -> dict[str, Verb]:
    """Return every verb by its name, sorted; none is imported."""
    places: dict[str, tuple[tuple[str, str], ...]] = {}
    for module in pkgutil.iter_modules(livegate.verbs.__path__, "livegate.verbs."):
        places[module.name.rpartition(".")[2]] = (("livegate", module.name),)
    for point in sorted(points_of(GROUP), key=lambda point: point.value):
        found = (_package(point), point.value)
        others = places.get(point.name, ())
        # The same installation seen twice, as by an editable checkout on the path, is one.
        places[point.name] = others if found in others else (*others, found)
    return {name: Verb(name, places[name]) for name in sorted(places)}


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"
