"""Our own detector for sets without face boxes."""

from __future__ import annotations

from livegate import config
from livegate.detect.detector import Detector, open_detector
from livegate.errors import AssetError


def open_finder() -> Detector:
    """Open the shipped model in the runtime there is; AssetError or ConfigError where there is none."""
    detector = open_detector(config.Detector())
    if detector is None:
        raise AssetError("the configured runtime runs no detector; use --boxes set")
    return detector
