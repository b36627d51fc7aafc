"""What every cue measures of dev captures: judged once, in several processes, and remembered cue by cue.

Another cue, or another one of its kernels, measures that cue anew and no other; another face finder everything.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path
from typing import cast

import cv2

from livegate import config
from livegate.cues import detector as detector_cue
from livegate.cues.crop import CropCue
from livegate.cues.protocol import Cue, WeighedCue, all_cues
from livegate.detect.classifier import open_classifier
from livegate.detect.detector import open_detector
from livegate.detect.finder import open_finder
from livegate.detect.network import Kind
from livegate.errors import AssetError, ConfigError, PadError, PictureError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.progress import Progress
from livegate.quality_manifest import open_quality
from livegate.samples.manifest import Sample, read_manifest
from livegate.samples.measuring import Measured, Measurer, Sighting, Spoken, measured_of, seen_again, sightings
from livegate.scorers import DETECTOR, read_scored
from livegate_tools.train.dev_memory import Memory

_INDEXES = ("manifest.jsonl", "samples.jsonl")


class Path_(StrEnum):
    """Which way a terminal judges: by the face network, or by texture where none runs."""

    NETWORK = "network"
    FALLBACK = "fallback"
