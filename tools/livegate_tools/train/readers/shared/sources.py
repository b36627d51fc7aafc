"""Frames from videos and from picture files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from livegate.errors import PictureError
from livegate.pictures.reading import read_nir, read_picture
from livegate_tools.train.readers.shared.layout import check_text
from livegate_tools.train.readers.shared.recording import Shown


@dataclass(frozen=True, slots=True)
class Video:
    """The frames of a video file, upright by its own rotation mark."""

    path: Path

    def shown(self, every: int) -> Iterator[Shown]:
        """Yield every ``every``-th frame; PictureError for a file of which not one frame can be decoded.

        AssetError for a name that is no text.
        """
        check_text(self.path)
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        number = 0
        try:
            while capture.grab():
                # Decoded only where it is kept.
                if number % every == 0:
                    good, image = capture.retrieve()
                    if not good:
                        break
                    yield Shown(number, np.asarray(image, dtype=np.uint8))
                number += 1
        finally:
            capture.release()
        if number == 0:
            raise PictureError(f"{self.path}: no frame can be decoded; expected a video, copy it again from the set")


@dataclass(frozen=True, slots=True)
class Picture:
    """A still, with the near-infrared picture that lies beside it."""

    path: Path
    nir_path: Path | None = None

    def shown(self, every: int) -> Iterator[Shown]:  # noqa: ARG002 a still has one frame
        """Yield the one frame; PictureError where a file is no picture."""
        nir = None if self.nir_path is None else read_nir(self.nir_path)
        yield Shown(0, read_picture(self.path), self.path, nir, self.nir_path)
