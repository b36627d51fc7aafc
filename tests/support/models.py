"""Models small enough to read: a manifest, a real network of a few operations, and a network that behaves."""

from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livegate.config import Runtime
from livegate.detect.detector import Detector
from livegate.detect.manifest import ModelManifest, read_manifest
from livegate.detect.priors import encode, prior_boxes

# ONNX opset 17, input (1, 3, 16, 16): offsets = the pixel's channels 0, 1, 2, 0; scores = softmax over its channels.
# Conv 1x1 (3 to 4 channels), Transpose to channels last, Reshape (1, 256, 4); Transpose, Reshape (1, 256, 3), Softmax.
TINY_ONNX = zlib.decompress(
    base64.b85decode(
        "c-n=KzfQw25XN)1OUwaM;_{~h2oW(LPe^5AX%x1Oz{G-_)QAWgM{#Jw)<@}c@N~FsstTxtrIWrp|L(IsbAJ0pQDP@A%8wdhDnLc-&J+`Qg!^y0D)j"
        "raeO0B7A%;2lc!{6{q|xqUr3zabt7V9+)YUllViMC8b%Ky0u{WZVnnv5mzt>9_ylS5kko{xPMaY~*U%+Uyet|F&J2o@b!t}ws)MM4iJ!GoMZI8@>2"
        "v+CCryOv`DF+S#BrqLbd){o|{W#nD%}hp|27clq412I1wu1d;`hOYPwom8lz{hyVK?F!RxT3BWI!I4(^+%$Mp#u(<0Od2{1WV7bO}p)yCJenG{06c"
        "%N-F"
    )
)

# The same network for TensorFlow Lite, input (1, 16, 16, 3): Reshape, Softmax; Slice of channel 0, Concatenation.
TINY_TFLITE = zlib.decompress(
    base64.b85decode(
        "c-n1Ju}%U(5S_h4JavO-LN1V4SXfw4kkD9=2o15Yq_D-}B8dV43bdj!7FK?MHDBNdSWsD7`T-V})~;`M=VU#(+}oX<eKYfRb|WI{cFr1OV@w(L"
        "2$%t<ArXEm0OvpxIFR+-w=q0xK#?1Ge)9bO_q>MBxx2>sr~Sc=xT$O-N>qUrBO*e@lKA(5I!MPrQ#mcyz5aki*DG)@T6z5_XTrD5bA?>p4*Y@C"
        "+XMnZ5m;ic;$rGqOkndBY)&P-@YheYk<+~6X~wse<>A;D<R_Y+D9NED5634M{dm!_cZ8v4&7$o`QR;@dek$)Q<gG(FrxJezw6M^?8|(!zmwT>B"
        "?oZrVBzMN~!!-R<k2$e%oLG90_Q#WHP8ZLY;Kkx+Nm_JGZrwinAA}Ql9NxR26=&|%<NBlVkhlN!VUgpdSH0;vp0@Y3YkR7NuksojtNPl$NB7#a"
        "^fA*plUhphWanjH3pkYb!0UH;e_Y}NcH7zQFW6OQSG9cyt6GWkCqJUGT|x"
    )
)

TINY_MANIFEST = """
[model]
name = "tiny"
version = "1"
kind = "ssd"
file = "tiny.onnx"
sha256 = "{sha256}"
tflite = "tiny.tflite"
tflite_sha256 = "{tflite_sha256}"
licence = "Apache-2.0"
parameters = 12
mmacs = 0.003

[input]
name = "input"
width = {width}
height = {height}
channel_order = "bgr"
mean = [127.5, 127.5, 127.5]
scale = 0.00784313725490196
layout = "nchw"

[output]
boxes = "boxes"
scores = "scores"

[priors]
strides = {strides}
heights = {heights}
aspect = 0.75

[decision]
confidence = 0.5
nms_iou = 0.35
llr_slope = 1.0
llr_offset = 0.0
threshold_llr = 0.0
max_llr = 8.0

[training]
seed = 1
"""


def write_tiny(folder: Path, content: bytes = TINY_ONNX, replace: tuple[str, str] = ("", "")) -> Path:
    """Write the tiny model (or ``content`` in its place) and its manifest with one text replaced; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tflite = TINY_TFLITE if content is TINY_ONNX else content
    (folder / "tiny.onnx").write_bytes(content)
    (folder / "tiny.tflite").write_bytes(tflite)
    digests = {"sha256": hashlib.sha256(content).hexdigest(), "tflite_sha256": hashlib.sha256(tflite).hexdigest()}
    text = TINY_MANIFEST.format(**digests, width=16, height=16, strides="[1]", heights="[[8.0]]")
    assert replace[0] in text
    (folder / "manifest.toml").write_text(text.replace(*replace) if replace[0] else text)
    return folder


def read_full_size(folder: Path) -> ModelManifest:
    """Return the manifest of a 320x240 detector whose model file is never read."""
    folder.mkdir(parents=True, exist_ok=True)
    heights = "[[20.0, 40.0], [80.0], [160.0]]"
    never = {"sha256": "0" * 64, "tflite_sha256": "0" * 64}
    text = TINY_MANIFEST.format(**never, width=320, height=240, strides="[16, 32, 64]", heights=heights)
    (folder / "manifest.toml").write_text(text)
    return read_manifest(folder)


class BrightFaceRuntime:
    """A network that takes everything bright for one face: bona fide where it is more green, attack where more red."""

    def __init__(self, manifest: ModelManifest) -> None:
        self._priors = prior_boxes(manifest.prior_layout)
        self.runs = 0

    def run(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        assert pictures.dtype == np.float32
        assert pictures.flags.c_contiguous
        self.runs += 1
        offsets = np.zeros((len(self._priors), 4), dtype=np.float32)
        scores = np.tile(np.array([0.98, 0.01, 0.01], dtype=np.float32), (len(self._priors), 1))
        _, green, red = pictures[0]
        rows, columns = np.nonzero(np.maximum(green, red) > 0.5)
        if rows.size:
            height, width = green.shape
            left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            box = np.array([(left + right) / 2 / width, (top + bottom) / 2 / height])
            box = np.append(box, [(right - left) / width, (bottom - top) / height]).astype(np.float32)
            nearest = int(np.abs(self._priors - box).sum(axis=1).argmin())
            offsets[nearest] = encode(box[None], self._priors[nearest][None])[0]
            alive = green[rows, columns].mean() > red[rows, columns].mean()
            scores[nearest] = (0.02, 0.9, 0.08) if alive else (0.02, 0.08, 0.9)
        return offsets[None], scores[None]


def bright_detector(folder: Path) -> Detector:
    """Return a Detector with a :class:`BrightFaceRuntime` behind it."""
    manifest = read_full_size(folder)
    return Detector(manifest, BrightFaceRuntime(manifest), Runtime.ONNXRUNTIME)
