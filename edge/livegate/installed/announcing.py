"""Tell by which models the terminal judges from this start on, where it judged by others before."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from livegate.detect.network import Kind
from livegate.errors import AssetError, StoreFull
from livegate.events.environment import Environment
from livegate.events.models import ModelInForce, model_activated
from livegate.installed.description import describe
from livegate.installed.shelf import Shelf
from livegate.store import Store
from livegate.store.models import remember_models, told_models
from livegate.types import Step

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judged:
    """By what the terminal judges: the configured detector, the best step there is, what kept it from a better one.

    ``faults`` by the name of the model that cannot be used.
    """

    detector: str
    best: Step = Step.ALL
    faults: Mapping[str, str] = field(default_factory=dict)

    def by(self, name: str, kind: Kind) -> bool:
        """Return whether a model of that name and kind judges."""
        if kind is Kind.FACE_CASCADE:
            return self.best is Step.TEXTURE
        if self.best is not Step.ALL and kind in _NETWORKS:
            return False
        return kind is not Kind.SSD or name == self.detector


_NETWORKS = frozenset({Kind.SSD, Kind.CROP_CLASSIFIER})


def in_force(shelf: Shelf, judged: Judged) -> dict[str, ModelInForce]:
    """Return the models that judge by name; one whose manifest is damaged is left out."""
    found = {}
    for name, folder in shelf.all().items():
        try:
            model = describe(folder)
        except AssetError as exc:
            log.error("model cannot be read", extra={"model": name, "error": str(exc)})  # noqa: TRY400
            continue
        if judged.by(name, model.kind):
            source = "installed" if name in shelf.active else "shipped"
            found[name] = ModelInForce(model.kind, model.version, model.sha256, source)
    return found


def announce(store: Store, shelf: Shelf, judged: Judged, environment: Environment) -> None:
    """Record one event for each model that is another than the last recorded start told of.

    At the first start what ships is no news, what cannot be used is. A full store is said in the log, and the next
    start tells.
    """
    now = in_force(shelf, judged)
    try:
        with store.transaction() as t:
            before = told_models(t.connection)
            faults = _unwished(before, now, shelf, judged)
            for name in sorted({*before, *now, *faults}):
                if _is_news(name, before, now, shelf, faults):
                    change = before.get(name), now.get(name), faults.get(name)
                    t.enqueue(model_activated(name, *change, t.opened, environment))
            remember_models(t, now)
    except StoreFull as exc:
        log.warning("change of models not recorded yet", extra={"error": str(exc)})


def _unwished(
    before: Mapping[str, ModelInForce], now: Mapping[str, ModelInForce], shelf: Shelf, judged: Judged
) -> dict[str, str]:
    """Return why models do not judge, by name; the other networks go with the detector."""
    why = next(iter(judged.faults.values()), None)
    gone = [name for name, model in before.items() if model.kind in _NETWORKS and name not in now]
    return {**({} if why is None else dict.fromkeys(gone, why)), **shelf.faults, **judged.faults}


def _is_news(
    name: str,
    before: Mapping[str, ModelInForce],
    now: Mapping[str, ModelInForce],
    shelf: Shelf,
    faults: Mapping[str, str],
) -> bool:
    if before.get(name) == now.get(name):
        return not before and name in faults
    return bool(before) or name in shelf.active or name in faults
