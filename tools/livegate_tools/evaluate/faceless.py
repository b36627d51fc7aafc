"""False faces: how often the detector finds one where there is nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livegate.errors import ConfigError, PictureError
from livegate.pictures.files import find_pictures
from livegate.pictures.reading import read_picture
from livegate.progress import Progress
from livegate.types import Face
from livegate_tools.evaluate.bootstrap import FEWEST_SUBJECTS, REPLICATES
from livegate_tools.evaluate.metrics import zero_error_bound
from livegate_tools.evaluate.views import SEED, by_picture, cut, plan


class FaceFinder(Protocol):
    """What finds faces in a picture."""

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Return the faces of a (H, W, 3) uint8 B, G, R picture, surest first."""


@dataclass(frozen=True, slots=True)
class Searched:
    """One picture: how many views were cut of it, in how many a face was found, and how sure the surest was."""

    path: Path
    views: int
    found: int
    surest: float


@dataclass(frozen=True, slots=True)
class FalseFaces:
    """The pictures that could be searched, and what was wrong with the others."""

    pictures: tuple[Searched, ...]
    problems: tuple[str, ...]

    @property
    def views(self) -> int:
        """How many views were searched."""
        return sum(picture.views for picture in self.pictures)

    @property
    def found(self) -> int:
        """In how many of them a face was found."""
        return sum(picture.found for picture in self.pictures)

    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of the share, drawing pictures, whose views are not independent.

        Percentile bootstrap; None with fewer than five pictures. Where nothing was found it ends at what that proves if
        each *picture* is one trial.
        """
        if len(self.pictures) < FEWEST_SUBJECTS:
            return None
        if not self.found:
            return 0.0, zero_error_bound(len(self.pictures))
        counts = np.array([(picture.found, picture.views) for picture in self.pictures], dtype=np.float64)
        rng = np.random.default_rng(SEED)
        drawn = counts[rng.integers(len(counts), size=(REPLICATES, len(counts)))].sum(axis=1)
        low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
        return float(low), float(high)


def search(folder: Path, views: int, finder: FaceFinder) -> FalseFaces:
    """Cut ``views`` views from the pictures in and below ``folder`` and look for faces in them.

    A picture that cannot be read is named in ``problems`` and gets no views. ConfigError where none can be read.
    """
    paths, problems = _readable(folder)
    if not paths:
        raise ConfigError(f"{folder}: no picture in it can be read; name a folder of photographs without people")
    planned = by_picture(list(plan(len(paths), views)))
    searched: list[Searched] = []
    with Progress("faceless", views) as progress:
        for picture, cuts in planned.items():
            image = read_picture(paths[picture])
            surest: list[float] = []
            for view in cuts:
                faces = finder.detect(cut(image, view.number))
                surest += [max(face.confidence for face in faces)] if faces else []
                progress.advance()
            searched.append(
                Searched(paths[picture].relative_to(folder), len(cuts), len(surest), max(surest, default=0.0))
            )
    return FalseFaces(tuple(searched), tuple(problems))


def _readable(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the pictures that can be read, and what is wrong with the others.

    All are read once before any is searched, for how many there are says which views are cut.
    """
    paths: list[Path] = []
    problems: list[str] = []
    for found in find_pictures([folder]):
        try:
            if found.problem is not None:
                raise found.problem
            read_picture(found.path)
            paths.append(found.path)
        except PictureError as exc:
            problems.append(str(exc))
    return paths, problems


def as_json(faces: FalseFaces, about: dict[str, Any]) -> dict[str, Any]:
    """Return the report."""
    interval = faces.interval()
    return {
        **about,
        "views": faces.views,
        "pictures": len(faces.pictures),
        "found": faces.found,
        "share": faces.found / faces.views if faces.views else None,
        "interval_95": None if interval is None else list(interval),
        "by_picture": {
            str(picture.path): {"views": picture.views, "found": picture.found, "surest": round(picture.surest, 4)}
            for picture in faces.pictures
            if picture.found
        },
        "problems": list(faces.problems),
    }


def lines(faces: FalseFaces) -> Iterator[str]:
    """Yield the result for people: the share first, then the pictures in whose views a face was found."""
    interval = faces.interval()
    pictures = len(faces.pictures)
    span = (
        f"too few pictures for an interval, it needs {FEWEST_SUBJECTS}"
        if interval is None
        else f"95 % over pictures: {interval[0] * 100:.1f} .. {interval[1] * 100:.1f} %"
    )
    yield (
        f"{faces.views} views of {pictures} picture{'' if pictures == 1 else 's'} without people: a face found in "
        f"{faces.found}, {faces.found / faces.views * 100:.1f} % ({span})"
    )
    yield from _worst(faces.pictures)


def _worst(pictures: Sequence[Searched]) -> Iterator[str]:
    for picture in sorted(pictures, key=lambda picture: (-picture.found, picture.path)):
        if picture.found:
            yield f"  {picture.path}: {picture.found} of {picture.views}, surest {picture.surest:.2f}"
