"""HQ-WMCA (Heusch et al., TBIOM 2020): 51 people, colour and several infrared bands; ten families of attacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livegate.errors import PictureError
from livegate_tools.train.readers.shared.grouping import find_list, read_groups
from livegate_tools.train.readers.shared.hdf5 import numbers, opened
from livegate_tools.train.readers.shared.layout import files_of, found_in, parts_of
from livegate_tools.train.readers.shared.recording import Reader, Recording, Shown
from livegate_tools.train.samples import Split

_FORM = "SITE_SESSION_CLIENT_PRESENTER_TYPE_SUBTYPE_PAI"
_EXPECTED = f"recordings {_FORM}-HASH.h5 in folders by date"
_COLOUR = "BASLER_BGR"


@dataclass(frozen=True, slots=True)
class _Recorded:
    """The colour frames of one file: BASLER_BGR, (N, 3, H, W) uint8 B, G, R.

    The infrared cameras stand beside the colour one; their pictures are not registered to it and are left out.
    """

    path: Path

    def shown(self, every: int) -> Iterator[Shown]:
        with opened(self.path) as file:
            frames = file.get(_COLOUR)
            if frames is None or frames.ndim != 4 or frames.shape[1] != 3 or frames.dtype != np.uint8:
                what = "none" if frames is None else f"{frames.shape} {frames.dtype}"
                raise PictureError(f"{self.path}: expected {_COLOUR} as (N, 3, H, W) of 8 bits, found {what}")
            for number in range(0, len(frames), every):
                yield Shown(number, np.ascontiguousarray(np.moveaxis(numbers(frames, self.path, number), 0, -1)))


def find(folder: Path, protocol: str | None) -> Iterator[Recording]:
    """Yield the recordings that the list of ``protocol`` (default: grand_test) names."""
    groups = read_groups(find_list(folder, f"PROTOCOL-{protocol or 'grand_test'}.csv"))
    files = files_of(folder, (".h5", ".hdf5"), _EXPECTED)
    if not any(path.stem in groups for path in files):
        raise PictureError(f"{folder}: not one of its recordings is in the protocol list; found {found_in(folder)}")
    for path in files:
        if path.stem in groups:
            yield _recording(path, groups[path.stem])


def _recording(path: Path, split: Split) -> Recording:
    named = path.with_name(f"{path.stem.split('-')[0]}.h5")
    site, session, client, presenter, kind, subtype, pai = parts_of(named, "_", _FORM)
    # The set's own table says what a type is; the page of its layout does not.
    species = None if int(kind) == 0 else f"type_{int(kind):02d}"
    notes = {"site": site, "session": session, "presenter": presenter, "subtype": subtype, "instrument": pai}
    return Recording(path.stem, species, client, split, _Recorded(path), notes=notes)


READER = Reader("HQ-WMCA", find, "grand_test, LOO_..., ... (the lists' names)")
