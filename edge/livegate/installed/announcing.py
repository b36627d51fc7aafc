"""Tell by which models the terminal judges from this start on, where it judged by others before."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from livegate.detect.network import Kind
from livegate.errors import AssetError, StoreFull
from livegate.events.environment import Environment
from livegate.events.models import ModelInForce, model_activated
from livegate.installed.description import describe
from livegate.installed.shelf import Shelf
from livegate.store import Store
from livegate.store.models import remember_models, told_models

log = logging.getLogger(__name__)


def in_force(shelf: Shelf, detector: str) -> dict[str, ModelInForce]:
    """Return the models that judge by name: of detectors only the one named ``detector``; a damaged one is left out."""
    found = {}
    for name, folder in shelf.all().items():
        try:
            model = describe(folder)
        except AssetError as exc:
            log.error("model cannot be read", extra={"model": name, "error": str(exc)})  # noqa: TRY400
            continue
        if model.kind is not Kind.SSD or name == detector:
            source = "installed" if name in shelf.active else "shipped"
            found[name] = ModelInForce(model.kind, model.version, model.sha256, source)
    return found


def announce(store: Store, shelf: Shelf, detector: str, environment: Environment) -> None:
    """Record one event for each model that is another than the last recorded start told of.

    At the first start what ships is no news. A full store is said in the log, and the next start tells.
    """
    now = in_force(shelf, detector)
    try:
        with store.transaction() as t:
            before = told_models(t.connection)
            for name in sorted({*before, *now, *shelf.faults}):
                if _is_news(name, before, now, shelf):
                    fault = shelf.faults.get(name)
                    t.enqueue(model_activated(name, before.get(name), now.get(name), fault, t.opened, environment))
            remember_models(t, now)
    except StoreFull as exc:
        log.warning("change of models not recorded yet", extra={"error": str(exc)})


def _is_news(name: str, before: Mapping[str, ModelInForce], now: Mapping[str, ModelInForce], shelf: Shelf) -> bool:
    if before.get(name) == now.get(name):
        return not before and name in shelf.faults
    return bool(before) or name in shelf.active or name in shelf.faults
