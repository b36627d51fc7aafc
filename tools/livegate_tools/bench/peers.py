"""Published models to compare with, each run by the rules of the card that lies beside it; none of them ships."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from livegate.errors import AssetError
from livegate_tools.bench.timing import Call

Image = NDArray[np.uint8]

YUNET_FILE = "yunet/yunet_n_dynamic.onnx"
ULTRAFACE_FILE = "ultraface/version-RFB-320.onnx"
MINIFASNET_FILES = ("minifasnet/MiniFASNetV2.onnx", "minifasnet/MiniFASNetV1SE.onnx")

# The same detail our own detector sees of a 640x480 frame, so that the comparison is not won by fewer pixels.
YUNET_WIDTH_PX = 320
_YUNET_STRIDES = (8, 16, 32)
_YUNET_LEAST_SCORE = 0.5
_YUNET_NMS_IOU = 0.3
_ULTRAFACE_LEAST_SCORE = 0.7
_ULTRAFACE_NMS_IOU = 0.3


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face a peer found: left, top, width, height in pixels of the picture, and its score."""

    x: float
    y: float
    w: float
    h: float
    score: float


class YuNet:
    """Faces by YuNet at 320 pixels of width."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._session, _ = _open(folder, YUNET_FILE, threads)

    def detect(self, image: Image) -> tuple[FoundFace, ...]:
        """Return the faces in (H, W, 3) uint8 BGR, surest first."""
        scale = YUNET_WIDTH_PX / image.shape[1]
        height = round(image.shape[0] * scale)
        tensor = np.zeros((1, 3, -(-height // 32) * 32, YUNET_WIDTH_PX), dtype=np.float32)
        small = cv2.resize(image, (YUNET_WIDTH_PX, height), interpolation=cv2.INTER_LINEAR)
        tensor[0, :, :height] = small.transpose(2, 0, 1)
        out = _run(self._session, tensor)
        found = [_yunet_level(out, stride, YUNET_WIDTH_PX // stride) for stride in _YUNET_STRIDES]
        boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return _kept(boxes / scale, scores, _YUNET_LEAST_SCORE, _YUNET_NMS_IOU)


class UltraFace:
    """Faces by UltraFace RFB-320."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._session, card = _open(folder, ULTRAFACE_FILE, threads)
        _, _, self._height, self._width = card["input"]["shape"]

    def detect(self, image: Image) -> tuple[FoundFace, ...]:
        """Return the faces in (H, W, 3) uint8 BGR, surest first."""
        small = cv2.cvtColor(cv2.resize(image, (self._width, self._height)), cv2.COLOR_BGR2RGB)
        tensor = (small.transpose(2, 0, 1)[None].astype(np.float32) - 127.0) / 128.0
        out = _run(self._session, tensor)
        scores, corners = out["scores"][0, :, 1], out["boxes"][0]
        sure = scores > _ULTRAFACE_LEAST_SCORE
        corners = corners[sure] * np.array([image.shape[1], image.shape[0]] * 2, dtype=np.float32)
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        return _kept(boxes, scores[sure], _ULTRAFACE_LEAST_SCORE, _ULTRAFACE_NMS_IOU)


class MiniFasNetPair:
    """Liveness by MiniFASNetV2 on a 2.7-fold crop and MiniFASNetV1SE on a 4-fold crop, averaged."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._nets = [_open(folder, name, threads) for name in MINIFASNET_FILES]

    def score(self, image: Image, face: FoundFace) -> float:
        """Return the mean bona fide probability (0..1) of a face in (H, W, 3) uint8 BGR."""
        return float(np.mean([_live(session, card, image, face) for session, card in self._nets]))


def peer_calls(folder: Path, images: Sequence[Image], threads: int = 1) -> dict[str, Call]:
    """Open every peer with ``threads`` threads and return its work on a frame's number.

    Numbers count round and round through ``images``.

    Raise AssetError naming the file that is missing or not what its card says.
    """
    yunet, ultraface = YuNet(folder, threads), UltraFace(folder, threads)
    pair = MiniFasNetPair(folder, threads)

    def judged(index: int) -> float:
        image = images[index % len(images)]
        return pair.score(image, largest(yunet.detect(image), image))

    return {
        "yunet+minifasnet_pair": judged,
        "ultraface_rfb320": lambda index: ultraface.detect(images[index % len(images)]),
        "yunet": lambda index: yunet.detect(images[index % len(images)]),
    }


def largest(faces: Sequence[FoundFace], image: Image) -> FoundFace:
    """Return the largest face, or where there is none the middle of the picture: the work after it is the same."""
    height, width = image.shape[:2]
    middle = FoundFace(width * 0.375, height * 0.3, width * 0.25, height * 0.4, 0.0)
    return max(faces, key=lambda face: face.w * face.h, default=middle)


def _open(folder: Path, name: str, threads: int) -> tuple[Any, Mapping[str, Any]]:
    path = folder / name
    try:
        card = json.loads(path.with_suffix(".json").read_text("utf-8"))
        content = path.read_bytes()
    except OSError as exc:
        raise AssetError(
            f"{exc.filename}: peer model cannot be read ({exc.strerror}); --peers needs it and its card"
        ) from exc
    except ValueError as exc:
        raise AssetError(f"{path.with_suffix('.json')}: is no card of a peer model: {exc}; fetch it again") from exc
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        raise AssetError(f"{path}: is not the file its card names (SHA-256 differs); fetch it again")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # As ours: threads that wait by spinning would slow down whoever is timed next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # UltraFace names its weights among its inputs, of which onnxruntime would warn once each.
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]), card


def _run(session: Any, tensor: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: tensor}), strict=True))


def _yunet_level(
    out: Mapping[str, NDArray[np.float32]], stride: int, columns: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the sure boxes (K, 4) as left, top, width, height in input pixels, and their scores (K,)."""
    cls, obj = out[f"cls_{stride}"].reshape(-1), out[f"obj_{stride}"].reshape(-1)
    scores = np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))
    (cells,) = np.nonzero(scores > _YUNET_LEAST_SCORE)
    offsets = out[f"bbox_{stride}"].reshape(-1, 4)[cells]
    grid = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
    sizes = np.exp(offsets[:, 2:]) * stride
    return np.concatenate([(grid + offsets[:, :2]) * stride - sizes / 2, sizes], axis=1), scores[cells]


def _kept(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], least_score: float, iou: float
) -> tuple[FoundFace, ...]:
    if not len(scores):
        return ()
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), least_score, iou)
    return tuple(_face(boxes[i], float(scores[i])) for i in np.ravel(kept))


def _face(box: NDArray[np.float32], score: float) -> FoundFace:
    x, y, w, h = (float(side) for side in box)
    return FoundFace(x, y, w, h, score)


def _live(session: Any, card: Mapping[str, Any], image: Image, face: FoundFace) -> float:
    left, top, right, bottom = crop(image.shape[1], image.shape[0], face, card["crop"]["scale"])
    _, _, height, width = card["input"]["shape"]
    patch = cv2.resize(image[top : bottom + 1, left : right + 1], (width, height), interpolation=cv2.INTER_LINEAR)
    (logits,) = _run(session, patch.transpose(2, 0, 1)[None].astype(np.float32)).values()
    weights = np.exp(logits[0] - logits[0].max())
    return float(weights[card["bona_fide_index"]] / weights.sum())


def crop(width: int, height: int, face: FoundFace, scale: float) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of MiniFASNet's crop, both ends inside; see the card's "crop" rule.

    The face's box grown ``scale`` times about its centre, less where the picture is too small, shifted inwards where it
    leaves the picture.
    """
    scale = min(scale, (height - 1) / face.h, (width - 1) / face.w)
    grown_w, grown_h = face.w * scale, face.h * scale
    left, top = face.x + face.w / 2 - grown_w / 2, face.y + face.h / 2 - grown_h / 2
    left = min(max(left, 0.0), width - 1 - grown_w)
    top = min(max(top, 0.0), height - 1 - grown_h)
    return int(left), int(top), int(left + grown_w), int(top + grown_h)
