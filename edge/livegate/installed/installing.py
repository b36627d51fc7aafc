"""Take a model into the library: read with suspicion, tried, calibrated where asked to, and only then there."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from livegate.cues.protocol import all_cues
from livegate.detect.network import MANIFEST, Kind, ModelFormat
from livegate.errors import AssetError
from livegate.filesystem import UNFINISHED, settle
from livegate.installed.description import Description, describe
from livegate.installed.intake import MAX_MANIFEST_BYTES, open_source, read_all
from livegate.installed.library import Library
from livegate.installed.onnx_guard import check_onnx
from livegate.installed.pointer import NAME, Pointer, write_pointer
from livegate.installed.shelf import SHIPPED, kind_of
from livegate.installed.tflite_guard import check_tflite
from livegate.installed.trial import Ran, trial

MAX_VERSIONS = 8
"""So many versions of one model are kept; more would fill the disk with what nobody goes back to."""

_ONLY_NAMES = {Kind.OPERATING_POINTS: "fusion", Kind.QUALITY_LIMITS: "quality"}

Calibrate = Callable[[Path], str]
"""Takes the folder of an uncalibrated model, returns the TOML tables that calibrate it."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A model that is in the library now; ``ran`` says what it was tried in, ``known`` that it was there before."""

    description: Description
    ran: tuple[Ran, ...]
    known: bool = False


def install(library: Library, path: Path, calibrate: Calibrate | None = None) -> Installed:
    """Take the model in ``path``, a folder or ZIP file, into the library; it is not in force by that.

    ``calibrate`` is for a crop classifier, whose manifest it completes. Raises AssetError, and leaves the library as it
    was, for a model that is not whole, not what it says, or not to be run here.
    """
    with library.changing():
        try:
            unfinished = Path(tempfile.mkdtemp(dir=library.path.resolve(), prefix=UNFINISHED))
            try:
                model = _copy(path, unfinished)
                ran = trial(unfinished) if model.network else ()
                if calibrate is not None:
                    _calibrate(unfinished, calibrate)
                return _keep(library, describe(unfinished), ran)
            except AssetError as exc:
                # The user knows the model by the path that was given.
                raise AssetError(str(exc).replace(str(unfinished), str(path))) from exc
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        except OSError as exc:
            raise AssetError(f"{library.path}: cannot be written ({exc.strerror}); check the disk") from exc


def _copy(path: Path, folder: Path) -> Description:
    """Write the model's files to ``folder``, checked as far as they can be without running them, and return it."""
    source = open_source(path)
    if MANIFEST not in source.names():
        raise AssetError(f"{path}: lacks {MANIFEST}; see docs/models.md for how to write one")
    _write(folder / MANIFEST, source.read(MANIFEST, MAX_MANIFEST_BYTES))
    description = describe(folder, files_there=False)
    _check_name(description)
    contents = read_all(source, description.files)
    for name, digest in description.files.items():
        found = hashlib.sha256(contents[name]).hexdigest()
        if found != digest:
            raise AssetError(f"{path}: {name!r} is not the file {MANIFEST} names: SHA-256 {found}, expected {digest}")
    for file in description.network.files if description.network else ():
        check = check_onnx if file.form is ModelFormat.ONNX else check_tflite
        check(contents[file.name], f"{path}: {file.name}")
    for name, content in contents.items():
        if name != MANIFEST:
            _write(folder / name, content)
    return description


def _check_name(model: Description) -> None:
    """Refuse a name that means another kind of thing here."""
    Library(Path()).folder(model.name)
    shipped = SHIPPED.find(model.name)
    kind = None if shipped is None else kind_of(shipped)
    if kind is not None and kind != model.kind:
        raise AssetError(
            f"'{model.name}' is a model of kind '{kind}' here, not '{model.kind}'; give yours another name"
        )
    only = _ONLY_NAMES.get(model.kind, model.name)
    if model.name != only:
        raise AssetError(f"a model of kind '{model.kind}' is looked for as '{only}', not '{model.name}'; name it so")
    if model.kind is Kind.CROP_CLASSIFIER and model.name in dict(all_cues()):
        raise AssetError(f"'{model.name}' is a cue of ours; give yours another name")


def _calibrate(folder: Path, calibrate: Calibrate) -> None:
    model = describe(folder)
    if model.kind is not Kind.CROP_CLASSIFIER:
        raise AssetError(f"--samples: calibrates a crop classifier, '{model.name}' is of kind '{model.kind}'")
    if model.calibration is not None:
        raise AssetError(f"--samples: the manifest of '{model.name}' holds a [scorer] already; remove it to calibrate")
    manifest = folder / MANIFEST
    text = f"{manifest.read_text('utf-8').rstrip()}\n\n{calibrate(folder)}"
    manifest.unlink()
    _write(manifest, text.encode())


def _keep(library: Library, model: Description, ran: tuple[Ran, ...]) -> Installed:
    """Move what lies ready into its place; a kill at any moment leaves it there whole or not at all."""
    place, there = library.folder(model.name), library.versions(model.name)
    final = place / model.sha256
    if model.sha256 in there:
        with suppress(AssetError):
            return Installed(library.whole(model.name, model.sha256), ran, known=True)
        # Damaged since: this one takes its place.
        final.rename(Path(tempfile.mkdtemp(dir=library.path, prefix=UNFINISHED)) / model.sha256)
    elif len(there) >= MAX_VERSIONS:
        raise AssetError(f"{place}: holds {MAX_VERSIONS} versions already; remove one with `livegate model remove`")
    settle(model.folder)
    place.mkdir(mode=0o700, exist_ok=True)
    # Beside other versions it was there, and that it is gone must show.
    if not there and not (place / NAME).exists():
        write_pointer(place, Pointer())
    model.folder.rename(final)
    settle(place)
    settle(library.path)
    return Installed(library.whole(model.name, model.sha256), ran)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
