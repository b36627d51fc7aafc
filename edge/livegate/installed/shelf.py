"""Where the model of a name is taken from: what the user installed and made active, else what ships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from livegate import assets
from livegate.detect.network import MANIFEST
from livegate.errors import AssetError
from livegate.toml_read import tables_of


@dataclass(frozen=True, slots=True)
class Shelf:
    """The models of a terminal, looked through once: what is damaged was left out, and ``faults`` says so by name.

    In place of a damaged one serves what ships under its name; where nothing ships, nobody does.
    """

    active: Mapping[str, Path] = field(default_factory=dict)
    """The folder of each installed model in force, by name; whole when this was made."""
    faults: Mapping[str, str] = field(default_factory=dict)

    def model(self, name: str) -> Path:
        """Return the folder of the model ``name``; one with a slash is a path to the user's own folder.

        Raise AssetError naming the models there are, or why the one that was active is not used.
        """
        found = self.find(name) if "/" not in name else None
        if found is not None:
            return found
        if name in self.faults:
            raise AssetError(self.faults[name])
        return assets.model(name)

    def find(self, name: str) -> Path | None:
        """Return the folder of the model ``name``, None where there is none."""
        if name in self.active:
            return self.active[name]
        shipped = assets.folder("models") / name
        return shipped if (shipped / MANIFEST).is_file() else None

    def all(self) -> dict[str, Path]:
        """Return the folder of every model, by name, sorted."""
        shipped = {path.parent.name: path.parent for path in assets.folder("models").glob(f"*/{MANIFEST}")}
        return dict(sorted((shipped | dict(self.active)).items()))

    def of_kind(self, kind: str) -> dict[str, Path]:
        """Return the folder of every model of a manifest's ``kind``, by name, sorted."""
        return {name: folder for name, folder in self.all().items() if kind_of(folder) == kind}


SHIPPED = Shelf()


def kind_of(folder: Path) -> str:
    """Return the kind that a manifest gives itself, "" where none can be read: its own reader says what is wrong."""
    try:
        table = tables_of((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    model = table.get("model")
    return str(model.get("kind", "")) if isinstance(model, dict) else ""
