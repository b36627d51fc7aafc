"""Put an installed version in force, go back to the one before, remove one: each a single swap of the pointer."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from livegate.detect.crop_manifest import read_crop_manifest
from livegate.detect.network import MANIFEST, Kind
from livegate.errors import AssetError
from livegate.filesystem import UNFINISHED, settle
from livegate.installed.description import Description
from livegate.installed.library import Library
from livegate.installed.pointer import Pointer, write_pointer
from livegate.scorers import FUSION, fingerprint, read_fusion

SHIPPED_VERSION = "shipped"
"""Stands for what ships under the name, be it nothing."""
_LEAST_DIGEST = 8


def activate(library: Library, name: str, version: str | None = None) -> Description | None:
    """Put a version in force: by the manifest's own word, the beginning of its SHA-256, or the only one there is.

    Return it, None for "shipped". Raises AssetError, and changes nothing, when it is not there, not whole, or was not
    calibrated or is not fused with the other cues. Needs ``library.changing()``.
    """
    chosen = None if version == SHIPPED_VERSION else _chosen(library, name, version)
    if chosen is not None and chosen.calibration is None:
        raise AssetError(
            f"model '{name}' {chosen.version} is not calibrated, so nobody knows what its scores mean; install it "
            f"again with `livegate model install DIR --samples M.jsonl` (docs/models.md)"
        )
    if chosen is not None and chosen.kind is Kind.CROP_CLASSIFIER and not _is_fused(library, chosen):
        raise AssetError(
            f"model '{name}' {chosen.version} lacks [fusion] and no operating point names it, so nobody knows what it "
            "weighs beside the other cues; remove its [scorer] and install it again with `livegate model install DIR "
            "--samples M.jsonl` (docs/models.md)"
        )
    before = _pointer(library, name)
    active = None if chosen is None else chosen.sha256
    if before != Pointer(active, before.previous, changed=True):
        _swap(library, name, Pointer(active, before.active, changed=True))
    return chosen


def _is_fused(library: Library, model: Description) -> bool:
    """Return whether a crop classifier brings its own fusion, or the points in force were fixed with it."""
    if read_crop_manifest(model.folder).fusion is not None:
        return True
    points = library.shelf().find(FUSION)
    return points is not None and read_fusion(points / MANIFEST).models.get(model.name) == fingerprint(model.folder)


def rollback(library: Library, name: str) -> Description | None:
    """Put the version in force that was before, and return it; None for what ships. Doing so twice undoes it.

    Raises AssetError when none was, or it is not whole any more. Needs ``library.changing()``.
    """
    before = library.pointer(name)
    if not before.changed:
        raise AssetError(f"model '{name}': no version of it was ever active, so there is none to go back to")
    chosen = None if before.previous is None else library.whole(name, before.previous)
    _swap(library, name, Pointer(before.previous, before.active, changed=True))
    return chosen


def remove(library: Library, name: str, version: str | None = None) -> str:
    """Delete a version for good and return its SHA-256; AssetError for the active one. Needs ``library.changing()``."""
    found = _matching(library, name, version)
    pointer = library.pointer(name)
    if found == pointer.active:
        raise AssetError(f"model '{name}' {found[:12]} is active; activate another first, or {name}@{SHIPPED_VERSION}")
    if found == pointer.previous:
        _swap(library, name, Pointer(pointer.active, None, changed=pointer.changed))
    try:
        gone = Path(tempfile.mkdtemp(dir=library.path, prefix=UNFINISHED))
        (library.folder(name) / found).rename(gone / found)
        settle(library.folder(name))
        shutil.rmtree(gone)
    except OSError as exc:
        raise AssetError(f"{exc.filename}: cannot be removed ({exc.strerror}); check the disk") from exc
    return found


def _chosen(library: Library, name: str, version: str | None) -> Description:
    return library.whole(name, _matching(library, name, version))


def _matching(library: Library, name: str, version: str | None) -> str:
    """Return the one version that is meant."""
    there = library.versions(name)
    if not there:
        known = ", ".join(library.names()) or "none"
        raise AssetError(f"model '{name}' is not installed (installed: {known}); see livegate model install")
    found = [one for one in there if version is None or _means(library, name, one, version)]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(one[:12] for one in found or there)
    wanted = name if version is None else f"{name}@{version}"
    raise AssetError(f"'{wanted}': {'which' if found else 'no such version'} of {shown}? say {name}@<SHA-256>")


def _means(library: Library, name: str, digest: str, version: str) -> bool:
    if len(version) >= _LEAST_DIGEST and digest.startswith(version):
        return True
    try:
        return library.whole(name, digest).version == version
    except AssetError:
        # A damaged one is named by its hash only.
        return False


def _pointer(library: Library, name: str) -> Pointer:
    """Return the pointer; a damaged one is what this mends, so it counts as nothing active."""
    try:
        return library.pointer(name)
    except AssetError:
        return Pointer()


def _swap(library: Library, name: str, pointer: Pointer) -> None:
    folder = library.folder(name)
    try:
        if not folder.is_dir():
            raise AssetError(f"model '{name}' is not installed; see livegate model install")
        write_pointer(folder, pointer)
    except OSError as exc:
        raise AssetError(f"{folder}: cannot be written ({exc.strerror}); check the disk") from exc
