"""Models as people and programs read of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from livegate.installed.description import Description
from livegate.installed.overview import Listed
from livegate.installed.shelf import SHIPPED
from livegate.installed.trial import Ran


def told(model: Description) -> dict[str, Any]:
    """Return what a model is, for a program."""
    return {
        "name": model.name,
        "version": model.version,
        "kind": model.kind,
        "licence": model.licence,
        "sha256": model.sha256,
        "files": dict(model.files),
        "calibration": model.calibration,
    }


def row(listed: Listed) -> dict[str, Any]:
    """Return a listed model, for a program."""
    model = listed.description
    known = told(model) if model else {"name": listed.name, "sha256": listed.sha256}
    if model is not None and model.beside is not None:
        known |= {"beside": sorted(model.beside), "counts": listed.idle is None if listed.active else None}
    where = {
        "source": listed.source,
        "active": listed.active,
        "previous": listed.previous,
        "folder": f"{listed.folder}",
    }
    return known | where | {"fault": listed.fault}


def title(listed: Listed) -> str:
    """Return which version is meant, for people."""
    version = listed.description.version if listed.description else "?"
    return f"{listed.name} {version} ({(listed.sha256 or '?')[:12]}, {listed.source})"


def line(listed: Listed) -> str:
    """Return a listed model as one line for people."""
    state = "active" if listed.active else "previous" if listed.previous else ""
    model = listed.description
    if model is None:
        return f"{state:<9} {title(listed)}: {listed.fault}"
    calibrated = "not calibrated" if model.calibration is None else _words(model.calibration)
    idle = "" if listed.idle is None else f"; {listed.idle}"
    return f"{state:<9} {title(listed)}  {model.kind}  {model.licence}  {calibrated}{idle}"


def _words(calibration: Mapping[str, Any]) -> str:
    counts = [f"{calibration[key]} {key}" for key in ("bona_fide", "attack") if key in calibration]
    return " ".join(["calibrated", str(calibration.get("date", "")), *([f"({', '.join(counts)})"] if counts else [])])


def ran_rows(ran: tuple[Ran, ...]) -> list[dict[str, Any]]:
    """Return what a model was tried in, for a program."""
    return [asdict(one) for one in ran]


def runs(ran: tuple[Ran, ...]) -> str:
    """Return what a model was tried in, for people."""
    if not ran:
        return "whole; there is nothing to run"
    return ", ".join(
        f"{one.file} in {one.runtime} {'(not usable here)' if one.ms is None else f'{one.ms:.1f} ms'}" for one in ran
    )


def card(model: Description) -> str | None:
    """Return where the model's card lies, None where it brought none."""
    path = model.folder / "CARD.md"
    return f"{path}" if path.is_file() else None


def without(name: str) -> str:
    """Return what judges where no installed version of ``name`` is active."""
    return "what ships" if SHIPPED.find(name) else "no version"
