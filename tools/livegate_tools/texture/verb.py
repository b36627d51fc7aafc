"""``livegate texture``: draw what each texture sees of faces, live ones and attacks side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
from numpy.typing import NDArray

from livegate.config import Detector
from livegate.detect.detector import open_detector
from livegate.errors import ConfigError, LivegateError, PictureError
from livegate.pictures.reading import read_picture
from livegate.samples.manifest import Sample, read_manifest
from livegate.types import Box, Role
from livegate_tools.lines import check_place
from livegate_tools.texture.sheet import Shown, sheet

HELP = "draw what each texture sees of faces: patterns, phases, moire, mirrored light"

_BOX_NUMBERS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="a picture; its best face is shown")
    parser.add_argument(
        "--box", type=_box, action="append", default=[], metavar="X,Y,W,H",
        help="where the face is; once for each IMAGE, in their order (default: what the detector finds)",
    )  # fmt: skip
    parser.add_argument("--manifest", type=Path, metavar="M.jsonl", help="labelled samples to show by their ids")
    parser.add_argument("--sample", action="append", default=[], metavar="ID", help="of the manifest; may be repeated")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="SHEET.png", help="the sheet; replaces what is there"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; 0 once the sheet is written."""
    cv2.setNumThreads(1)
    check_place(arguments.out, "--out")
    if arguments.out.suffix.lower() != ".png":
        raise ConfigError(f"{arguments.out}: the sheet is a PNG; give --out a name that ends with .png")
    if arguments.box and len(arguments.box) != len(arguments.images):
        raise ConfigError(
            f"--box is given {len(arguments.box)} times for {len(arguments.images)} pictures; give one each"
        )
    if bool(arguments.sample) != (arguments.manifest is not None):
        raise ConfigError("--manifest and --sample go together; give both or neither")
    shown = [*_labelled(arguments.manifest, arguments.sample), *_pictures(arguments.images, arguments.box)]
    if not shown:
        raise ConfigError("nothing to show; name pictures, or samples of a manifest")
    _written(arguments.out, cv2.imencode(".png", sheet(shown), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes())
    return 0


def _labelled(manifest: Path | None, wanted: list[str]) -> Iterator[Shown]:
    """Yield the wanted samples in the order they are wanted."""
    if manifest is None:
        return
    found = {one.id: one for one in read_manifest(manifest) if isinstance(one, Sample) and one.id in wanted}
    for name in wanted:
        if name not in found:
            raise ConfigError(f"{manifest}: has no sample '{name}'; name one of its ids")
        sample = found[name]
        image = read_picture(sample.moments[0].paths[Role.RGB])
        title = (sample.pai_species or "bona_fide").replace("_", " ")
        yield Shown(image, sample.face or _found(image, name), title, attack=sample.pai_species is not None)


def _pictures(paths: list[Path], boxes: list[Box]) -> Iterator[Shown]:
    for index, path in enumerate(paths):
        image = read_picture(path)
        yield Shown(image, boxes[index] if boxes else _found(image, str(path)), path.stem)


def _found(image: NDArray[Any], name: str) -> Box:
    detector = open_detector(Detector())
    faces = () if detector is None else detector.detect(image)
    if not faces:
        raise PictureError(f"{name}: no face was found; say where it is with --box")
    return faces[0].box


def _written(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise LivegateError(f"{path}: cannot be written ({exc.strerror}); make room or name another place") from exc


def _box(text: str) -> Box:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != _BOX_NUMBERS:
        raise argparse.ArgumentTypeError(f"'{text}' is no box; write X,Y,W,H in pixels")
    return Box(*numbers)
