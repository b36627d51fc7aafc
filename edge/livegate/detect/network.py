"""A model as its runtimes see it, whatever its kind: the files it comes in and the tensors that go in and come out.

The bytes of a model are read once, hashed, and only then handed to a runtime: no runtime ever parses a file that is not
the one the manifest names.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from livegate.config import Precision
from livegate.errors import AssetError
from livegate.options import Between, Matches

MANIFEST = "manifest.toml"
REMEDY = "install the model again, or write its manifest with `livegate train`"

Sha256 = Annotated[str, Matches("[0-9a-f]{64}")]
# No slash: a manifest cannot name a file outside its own folder.
FileName = Annotated[str, Matches(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")]


class Kind(enum.StrEnum):
    """What a model is, and so how its manifest is to be read; the first two are networks."""

    SSD = "ssd"
    CROP_CLASSIFIER = "crop_classifier"
    LOGISTIC = "logistic"
    WEIGHTS = "weights"
    FACE_CASCADE = "face_cascade"
    OPERATING_POINTS = "operating_points"
    QUALITY_LIMITS = "quality_limits"


class ModelFormat(enum.StrEnum):
    """The file formats a model may ship in."""

    ONNX = "onnx"
    TFLITE = "tflite"


@dataclass(frozen=True, slots=True)
class Identity:
    """Table [model]: name, files and their hashes, licence; ``parameters`` and ``mmacs`` say what it costs.

    ``file`` is the ONNX file in fp32; the others are the same network in another format or precision.
    """

    name: str
    version: str
    kind: Kind
    file: FileName
    sha256: Sha256
    licence: str
    parameters: Annotated[int, Between(0)]
    mmacs: Annotated[float, Between(0)]
    onnx_int8: FileName | None = None
    onnx_int8_sha256: Sha256 | None = None
    tflite: FileName | None = None
    tflite_sha256: Sha256 | None = None
    tflite_int8: FileName | None = None
    tflite_int8_sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model: ``key`` is its key in the manifest, ``name`` its name beside the manifest."""

    form: ModelFormat
    precision: Precision
    key: str
    name: str
    sha256: str


KEYS: Mapping[tuple[ModelFormat, Precision], tuple[str, str]] = {
    (ModelFormat.ONNX, Precision.FP32): ("file", "sha256"),
    (ModelFormat.ONNX, Precision.INT8): ("onnx_int8", "onnx_int8_sha256"),
    (ModelFormat.TFLITE, Precision.FP32): ("tflite", "tflite_sha256"),
    (ModelFormat.TFLITE, Precision.INT8): ("tflite_int8", "tflite_int8_sha256"),
}
"""Under which keys of [model] the file of a format and precision and its hash stand."""


def listed_files(identity: Identity, manifest: Path) -> tuple[ModelFile, ...]:
    """Return the files [model] lists, in the order of KEYS; AssetError for a file without hash or a hash without."""
    files = []
    for (form, precision), (key, digest_key) in KEYS.items():
        name, digest = getattr(identity, key), getattr(identity, digest_key)
        if (name is None) != (digest is None):
            raise AssetError(f"{manifest}: [model] '{key}' and '{digest_key}' go together; {REMEDY}")
        if name is not None:
            files.append(ModelFile(form, precision, key, name, digest))
    return tuple(files)


@dataclass(frozen=True, slots=True)
class Tensor:
    """An output: its name in the ONNX file, and its whole shape with the leading 1 of the one picture."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """What a runtime needs: ``manifest`` is the file that says so, ``shape`` the input's (1, 3, height, width).

    A runtime gives the ``outputs`` in this order.
    """

    manifest: Path
    files: tuple[ModelFile, ...]
    input: str
    shape: tuple[int, int, int, int]
    outputs: tuple[Tensor, ...]

    def pick(self, form: ModelFormat, precision: Precision) -> ModelFile | None:
        """Return the file of that format and precision, or None; ``auto`` takes fp32, int8 where there is no other."""
        wanted = (Precision.FP32, Precision.INT8) if precision is Precision.AUTO else (precision,)
        found = {file.precision: file for file in self.files if file.form is form}
        return next((found[each] for each in wanted if each in found), None)

    def path(self, file: ModelFile) -> Path:
        """Return where ``file`` lies: beside the manifest."""
        return self.manifest.parent / file.name

    def content(self, file: ModelFile) -> bytes:
        """Read a file once and return it if it is the one the manifest means.

        Raises AssetError naming file, expected and found SHA-256 when it is missing, unreadable or another.
        """
        path = self.path(file)
        try:
            content = path.read_bytes()
        except OSError as exc:
            raise AssetError(f"{path}: cannot be read ({exc.strerror}); {REMEDY}") from exc
        found = hashlib.sha256(content).hexdigest()
        if found != file.sha256:
            raise AssetError(
                f"{path}: is not the model {self.manifest} names: expected SHA-256 {file.sha256}, found {found}; "
                f"{REMEDY}"
            )
        return content
