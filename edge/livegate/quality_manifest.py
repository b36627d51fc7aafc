"""The quality gate of a terminal: limits learnt from pictures of people, and what the configuration says otherwise.

``livegate train quality`` writes models/quality/manifest.toml.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from livegate import config
from livegate.detect.network import MANIFEST, Kind
from livegate.detect.tables import read_tables
from livegate.errors import AssetError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.options import Between, Matches
from livegate.quality.gate import QualityGate
from livegate.quality.limits import QualityLimits
from livegate.quality.turn import FEATURES, TurnModel


@dataclass(frozen=True, slots=True)
class _Model:
    name: str
    version: str
    kind: Annotated[str, Matches(Kind.QUALITY_LIMITS)]
    licence: str


@dataclass(frozen=True, slots=True)
class TurnTable:
    """What was learnt of turned heads, as the manifest holds it."""

    inter_eye_share: Annotated[float, Between(0.1, 1)]
    weight: tuple[Annotated[float, Between(-1e6, 1e6)], ...]


@dataclass(frozen=True, slots=True)
class _Manifest:
    model: _Model
    limits: QualityLimits
    advice: QualityLimits
    turn: TurnTable
    training: Mapping[str, Any] = field(default_factory=dict)


def open_quality(choice: config.QualityConfig, shelf: Shelf = SHIPPED) -> QualityGate | None:
    """Return the gate as the terminal is configured, None where it is off; AssetError when its manifest is damaged."""
    if not choice.enabled:
        return None
    gate = read_gate(shelf.model("quality") / MANIFEST)
    wished = {f.name: value for f in dataclasses.fields(gate.limits) if (value := getattr(choice, f.name)) is not None}
    limits = dataclasses.replace(gate.limits, **wished)
    return dataclasses.replace(gate, limits=limits, advice=_within(gate.advice, limits))


def read_gate(path: Path) -> QualityGate:
    """Return the gate that a manifest describes; AssetError naming it when it is damaged."""
    manifest = read_tables(_Manifest, path)
    if len(manifest.turn.weight) != FEATURES:
        raise AssetError(f"{path}: expected {FEATURES} weights, found {len(manifest.turn.weight)}; train it again")
    turn = TurnModel.of(np.array(manifest.turn.weight), manifest.turn.inter_eye_share)
    return QualityGate(turn, manifest.limits, _within(manifest.advice, manifest.limits))


def _within(advice: QualityLimits, limits: QualityLimits) -> QualityLimits:
    """Return ``advice``, nowhere laxer than what is refused."""
    tightest = {
        f.name: (max if f.name.startswith("min_") else min)(getattr(advice, f.name), getattr(limits, f.name))
        for f in dataclasses.fields(limits)
    }
    return dataclasses.replace(limits, **tightest)
