"""Manifests, runtimes and the detector on models small enough to know the answer of."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate import config
from livegate.config import Precision, Runtime
from livegate.decide.calibration import Calibration, detector_llr
from livegate.detect.detector import Detector, open_detector
from livegate.detect.manifest import read_manifest
from livegate.detect.network import ModelFormat, Tensor
from livegate.detect.runtime import open_runtime
from livegate.detect.tflite import TfliteRuntime
from livegate.errors import AssetError, ConfigError, PadError
from support.models import BrightFaceRuntime, bright_detector, read_full_size, write_tiny

PACKAGES = {
    Runtime.ONNXRUNTIME: "onnxruntime",
    Runtime.LITERT: "ai_edge_litert",
    # Built against NumPy 1, it imports under 2 and then fails.
    Runtime.TFLITE_RUNTIME: "tflite_runtime" if np.__version__.startswith("1.") else "no_such_package",
    Runtime.OPENCV_DNN: "cv2",
}
USABLE = [runtime for runtime, package in PACKAGES.items() if importlib.util.find_spec(package)]
UNUSABLE = [runtime for runtime in PACKAGES if runtime not in USABLE]


@pytest.mark.parametrize("runtime", USABLE)
def test_every_runtime_gives_the_networks_answer(tmp_path: Path, runtime: Runtime) -> None:
    opened = open_runtime(runtime, read_manifest(write_tiny(tmp_path)).network)
    assert opened is not None
    picture = np.random.default_rng(1).normal(size=(1, 3, 16, 16)).astype(np.float32)
    boxes, scores = opened.runtime.run(picture)
    channels = picture[0].reshape(3, 256).T
    assert boxes == pytest.approx(channels[None, :, [0, 1, 2, 0]], abs=1e-6)
    assert scores == pytest.approx(np.exp(channels)[None] / np.exp(channels).sum(axis=1, keepdims=True), abs=1e-6)
    assert (boxes.dtype, scores.dtype) == (np.float32, np.float32)


def test_auto_takes_the_first_runtime_for_the_listed_files(tmp_path: Path) -> None:
    opened = open_runtime(Runtime.AUTO, read_manifest(write_tiny(tmp_path)).network)
    assert opened is not None
    assert (opened.name, opened.file.precision) == (Runtime.ONNXRUNTIME, Precision.FP32)


def test_none_runs_no_network(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "tiny")
    assert open_detector(config.Detector(f"{folder}", Runtime.NONE)) is None


def test_a_detector_opens_from_its_folder(tmp_path: Path) -> None:
    detector = open_detector(config.Detector(f"{write_tiny(tmp_path / 'tiny')}"))
    assert detector is not None
    assert detector.runtime_name is Runtime.ONNXRUNTIME
    assert len(detector.detect(np.full((9, 9, 3), (0, 255, 0), np.uint8))) >= 1


@pytest.mark.parametrize("runtime", USABLE)
def test_another_file_than_the_manifest_names_is_never_opened(tmp_path: Path, runtime: Runtime) -> None:
    folder = write_tiny(tmp_path)
    for name in ("tiny.onnx", "tiny.tflite"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(AssetError, match=r"tiny\.(onnx|tflite).*expected SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}"):
        open_runtime(runtime, read_manifest(folder).network)


@pytest.mark.parametrize("runtime", USABLE)
def test_a_file_no_runtime_understands_is_an_asset_error(tmp_path: Path, runtime: Runtime) -> None:
    manifest = read_manifest(write_tiny(tmp_path, content=b"no network at all"))
    with pytest.raises(AssetError, match=r"tiny\.(onnx|tflite).*refuses"):
        open_runtime(runtime, manifest.network)


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path)
    (folder / "tiny.onnx").unlink()
    with pytest.raises(AssetError, match=r"tiny\.onnx: cannot be read"):
        open_runtime(Runtime.AUTO, read_manifest(folder).network)


@pytest.mark.parametrize("runtime", UNUSABLE)
def test_a_chosen_runtime_that_is_not_installed_is_refused_not_replaced(tmp_path: Path, runtime: Runtime) -> None:
    with pytest.raises(ConfigError, match=f"'{runtime}' is not usable here"):
        open_runtime(runtime, read_manifest(write_tiny(tmp_path)).network)


def test_a_format_the_manifest_does_not_list_is_refused(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path)
    lines = (folder / "manifest.toml").read_text().splitlines()
    (folder / "manifest.toml").write_text("\n".join(line for line in lines if not line.startswith("tflite")))
    manifest = read_manifest(folder)
    assert manifest.network.pick(ModelFormat.TFLITE, Precision.AUTO) is None
    for runtime in (Runtime.LITERT, Runtime.TFLITE_RUNTIME):
        with pytest.raises(AssetError, match="lists no 'tflite' file"):
            open_runtime(runtime, manifest.network)


@pytest.mark.parametrize("runtime", [Runtime.ONNXRUNTIME, Runtime.OPENCV_DNN])
def test_an_output_the_model_lacks_is_named(tmp_path: Path, runtime: Runtime) -> None:
    folder = write_tiny(tmp_path, replace=('scores = "scores"', 'scores = "probabilities"'))
    with pytest.raises(AssetError, match="probabilities"):
        open_detector(config.Detector(f"{folder}/", runtime))


def test_priors_of_another_model_are_refused(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path, replace=("[[8.0]]", "[[8.0, 9.0]]"))
    with pytest.raises(AssetError, match=r"'boxes' to be \(1, 512, 4\), the model gives \(1, 256, 4\)"):
        open_detector(config.Detector(f"{folder}/"))


@pytest.mark.parametrize(
    ("replace", "said"),
    [
        (("seed = 1", "seed = 1\n[extra]"), "unknown key 'extra'"),
        (("licence", "license"), "unknown key 'license', did you mean 'licence'"),
        (("mmacs = 0.003", ""), "lacks 'mmacs'"),
        (('"ssd"', '"yolo"'), "expected one of ssd"),
        (('"ssd"', '"crop_classifier"'), "a detector is 'ssd'"),
        (('"bgr"', '"yuv"'), "expected one of bgr"),
        (('"bgr"', '"rgb"'), "a detector takes 'bgr'"),
        (("[127.5, 127.5, 127.5]", "[127.5]"), "expected 3 numbers, found 1"),
        (("strides = [1]", "strides = [1, 2]"), "expected as many lists"),
        (("threshold_llr = 0.0", "threshold_llr = 9.0"), "within"),
        (("threshold_llr = 0.0", "threshold_llr = nan"), "expected -1000"),
        (('"tiny.onnx"', '"../tiny.onnx"'), "does not match"),
        (('tflite = "tiny.tflite"', ""), "go together"),
        (("[model]", "[model"), "is not TOML"),
        (("[model]", "[" * 5000), "is not TOML"),
        (("mmacs = 0.003", "mmacs = " + "9" * 5000), "is not TOML"),
    ],
)
def test_a_wrong_manifest_is_refused_by_file_and_key(tmp_path: Path, replace: tuple[str, str], said: str) -> None:
    folder = write_tiny(tmp_path, replace=replace)
    with pytest.raises(AssetError) as refused:
        read_manifest(folder)
    assert str(refused.value).startswith(str(folder / "manifest.toml"))
    assert said in str(refused.value)


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").mkdir()
    with pytest.raises(AssetError, match=r"manifest\.toml: cannot be read"):
        read_manifest(tmp_path)


def test_the_training_table_is_free(tmp_path: Path) -> None:
    manifest = read_manifest(write_tiny(tmp_path, replace=("seed = 1", "seed = 1\n[training.figures]\nbpcer = 0.1")))
    assert manifest.training == {"seed": 1, "figures": {"bpcer": 0.1}}


class _Interpreter:
    """A TensorFlow Lite interpreter with the tiny network in it, 8 bits and channels last, as converters make it."""

    def __init__(self, model_content: bytes, num_threads: int) -> None:
        if model_content != b"TFL3":
            raise ValueError("Model provided has model identifier 'no n', should be 'TFL3'")
        self.threads = num_threads
        self._tensors: dict[int, NDArray[Any]] = {}
        self._ready = False

    def allocate_tensors(self) -> None:
        self._ready = True

    def get_input_details(self) -> list[dict[str, Any]]:
        return [
            {"index": 0, "name": "x", "shape": np.array([1, 16, 16, 3]), "dtype": np.int8, "quantization": (1 / 32, -3)}
        ]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [
            {
                "index": 7,
                "name": "Identity_1",
                "shape": np.array([1, 256, 3]),
                "dtype": np.int8,
                "quantization": (1 / 256, -128),
            },
            {
                "index": 5,
                "name": "Identity",
                "shape": np.array([1, 256, 4]),
                "dtype": np.float32,
                "quantization": (0.0, 0),
            },
        ]

    def set_tensor(self, index: int, value: NDArray[Any]) -> None:
        assert self._ready
        if index != 0 or value.shape != (1, 16, 16, 3) or value.dtype != np.int8:
            raise ValueError(f"Cannot set tensor: Got value of type {value.dtype} but expected type INT8")
        self._tensors[0] = value

    def invoke(self) -> None:
        pixels = (self._tensors[0].astype(np.float32).reshape(256, 3) + 3) / 32
        shares = np.exp(pixels) / np.exp(pixels).sum(axis=1, keepdims=True)
        self._tensors[5] = pixels[None][:, :, [0, 1, 2, 0]]
        self._tensors[7] = np.clip(np.rint(shares * 256) - 128, -128, 127).astype(np.int8)[None]

    def get_tensor(self, index: int) -> NDArray[Any]:
        return self._tensors[index]


def test_tflite_tensors_are_found_by_shape_turned_and_scaled(tmp_path: Path) -> None:
    manifest = read_manifest(write_tiny(tmp_path))
    picture = np.random.default_rng(1).uniform(-1, 1, (1, 3, 16, 16)).astype(np.float32)
    runtime = TfliteRuntime.opened(_Interpreter, b"TFL3", tmp_path / "tiny.tflite", manifest.network, 1)
    boxes, scores = runtime.run(picture)
    channels = picture[0].reshape(3, 256).T
    assert boxes == pytest.approx(channels[None, :, [0, 1, 2, 0]], abs=1 / 64 + 1e-6)
    assert scores == pytest.approx(np.exp(channels)[None] / np.exp(channels).sum(axis=1, keepdims=True), abs=0.02)
    assert Detector(manifest, runtime, Runtime.LITERT).detect(np.zeros((5, 5, 3), np.uint8)) is not None


def test_tflite_refuses_other_files_and_other_tensors(tmp_path: Path) -> None:
    file, network = tmp_path / "tiny.tflite", read_manifest(write_tiny(tmp_path / "a")).network
    with pytest.raises(AssetError, match=r"tiny\.tflite: TensorFlow Lite refuses it"):
        TfliteRuntime.opened(_Interpreter, b"TFL2", file, network, 1)
    with pytest.raises(AssetError, match=r"expected one input \(1, 240, 320, 3\)"):
        TfliteRuntime.opened(_Interpreter, b"TFL3", file, read_full_size(tmp_path / "b").network, 1)
    other = dataclasses.replace(network, outputs=(Tensor("logits", (1, 2)),))
    with pytest.raises(AssetError, match=r"expected one output 'logits' \(1, 2\), found Identity_1 \(1, 256, 3\)"):
        TfliteRuntime.opened(_Interpreter, b"TFL3", file, other, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.integers(40, 900), st.integers(40, 900), st.data())
def test_a_face_is_found_where_it_is_at_every_aspect(
    tmp_path: Path, width: int, height: int, data: st.DataObject
) -> None:
    face_h = data.draw(st.integers(max(8, height // 4), height))
    face_w = data.draw(st.integers(max(8, width // 4), width))
    left, top = data.draw(st.integers(0, width - face_w)), data.draw(st.integers(0, height - face_h))
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[top : top + face_h, left : left + face_w] = (0, 255, 0)
    (face,) = bright_detector(tmp_path).detect(image)
    pixel = max(width / 320, height / 240, 1)
    found = (face.box.x, face.box.y, face.box.x + face.box.w, face.box.y + face.box.h)
    assert found == pytest.approx((left, top, left + face_w, top + face_h), abs=pixel + 0.5)
    assert face.p_bona_fide > face.p_attack


def test_the_detector_remembers_nothing_of_the_last_picture(tmp_path: Path) -> None:
    detector = bright_detector(tmp_path)
    assert detector.detect(np.full((100, 900, 3), 255, np.uint8))
    assert detector.detect(np.zeros((900, 100, 3), np.uint8)) == ()
    assert detector.detect(np.zeros((1, 1, 3), np.uint8)) == ()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=["grey", "alpha", "16 bits", "empty"],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, image: NDArray[Any]) -> None:
    with pytest.raises(PadError, match="expected an"):
        bright_detector(tmp_path).detect(image)


class _Raw:
    """Gives logits where probabilities belong."""

    def __init__(self, priors: int) -> None:
        self._priors = priors

    def run(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        return np.zeros((1, self._priors, 4), np.float32), np.full((1, self._priors, 3), 2.0, np.float32)


def test_a_model_that_gives_logits_is_refused(tmp_path: Path) -> None:
    manifest = read_full_size(tmp_path)
    with pytest.raises(AssetError, match="no probabilities"):
        Detector(manifest, _Raw(700), Runtime.ONNXRUNTIME)


def test_opening_tries_the_network_once(tmp_path: Path) -> None:
    manifest = read_full_size(tmp_path)
    runtime = BrightFaceRuntime(manifest)
    Detector(manifest, runtime, Runtime.ONNXRUNTIME)
    assert runtime.runs == 1


CALIBRATION = Calibration(slope=0.5, offset=-1.0, threshold_llr=0.3, max_llr=4.0)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_llr_is_bounded_and_grows_with_life(alive: float, attack: float) -> None:
    llr = detector_llr(alive, attack, CALIBRATION)
    assert -4.0 <= llr <= 4.0
    assert detector_llr(min(1.0, alive + 0.1), attack, CALIBRATION) >= llr


def test_equal_probabilities_say_only_what_the_offset_says() -> None:
    assert detector_llr(0.4, 0.4, CALIBRATION) == pytest.approx(-1.0, abs=0.1)
    assert detector_llr(0.0, 0.0, CALIBRATION) == detector_llr(0.4, 0.4, CALIBRATION)
    with pytest.raises(PadError):
        detector_llr(float("nan"), 0.5, CALIBRATION)
