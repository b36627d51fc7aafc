"""A crop classifier as a cue: a second look at the found face, by a network that sees nothing but it and its edge.

The one number is the log-odds of bona fide to all attacks. Which attack it takes the face for goes beside it, for the
console; no decision looks at that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from livegate.cues.protocol import ATTACK
from livegate.decide.calibration import log_odds
from livegate.detect.classifier import CropClassifier, odds_parts
from livegate.detect.crop_manifest import BONA_FIDE, FEATURES
from livegate.types import Observation, Role


class CropCue:
    """The cue of one crop classifier; remembers what it last saw, so that number and species are one run."""

    NEEDS: frozenset[Role] = frozenset({Role.RGB})
    FEATURES: tuple[str, ...] = FEATURES

    def __init__(self, classifier: CropClassifier) -> None:
        self.classifier = classifier
        self._last: tuple[Observation, NDArray[np.float64]] | None = None

    def measure(self, observation: Observation) -> NDArray[np.float64] | None:
        """Return the log-odds of bona fide to attack, (1,) float64, finite; PadError when the network fails."""
        found = self._probabilities(observation)
        if found is None:
            return None
        return np.array([log_odds(*odds_parts(found, self.classifier.manifest.classes))])

    def species(self, observation: Observation) -> Mapping[str, float]:
        """Return the probability of every PAI species the classes name, and of "attack" for those without a name."""
        found = self._probabilities(observation)
        sums: dict[str, float] = {}
        if found is not None:
            for name, probability in zip(self.classifier.manifest.classes, found.tolist(), strict=True):
                if name != BONA_FIDE:
                    sums[name] = sums.get(name, 0.0) + probability
        return sums if sums.keys() != {ATTACK} else {}

    def _probabilities(self, observation: Observation) -> NDArray[np.float64] | None:
        if self._last is not None and self._last[0] is observation:
            return self._last[1]
        image = observation.frame_set.image(Role.RGB)
        if image is None:
            return None
        found = self.classifier.probabilities(image, observation.face.box)
        self._last = (observation, found)
        return found
