"""``livegate model``: what a technician types, and what a program reads."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from livegate import assets
from livegate.cli import main
from livegate.installed import trial as trial_module
from livegate.installed.trial import trial
from support import onnx_files as onnx
from support.models import write_tiny
from support.onnx_files import write_classifier
from support.terminals import write_config

SHIPPED_NAMES = sorted(path.parent.name for path in assets.folder("models").glob("*/manifest.toml"))


def asked(capsys: pytest.CaptureFixture[str], *words: object, status: int = 0) -> Any:
    """Run the verb with --json and return what it printed; None for nothing."""
    assert main(["model", *map(str, words), "--json"]) == status
    out = capsys.readouterr().out
    return json.loads(out) if out else None


def said(capsys: pytest.CaptureFixture[str], *words: object, status: int = 0) -> str:
    assert main(["model", *map(str, words)]) == status
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out + captured.err


def test_without_a_terminal_what_ships_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "list")["models"]
    assert [model["name"] for model in found] == SHIPPED_NAMES
    assert all(model["active"] and model["source"] == "shipped" and not model["fault"] for model in found)
    assert all(len(model["sha256"]) == 64 and model["licence"] and model["calibration"] for model in found)
    text = said(capsys, "list")
    assert all(name in text for name in SHIPPED_NAMES)


def test_a_classifier_goes_in_comes_into_force_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ("--config", write_config(tmp_path))
    given = write_classifier(tmp_path / "given")
    done = asked(capsys, "install", given, *config)
    assert (done["name"], done["licence"], done["known"]) == ("second", "Apache-2.0", False)
    assert done["card"].endswith("CARD.md")
    assert {ran["runtime"] for ran in done["ran"] if ran["ms"] is not None} >= {"onnxruntime", "opencv_dnn"}
    version = f"second@{done['sha256'][:12]}"
    assert version in said(capsys, "install", given, *config)
    changed = asked(capsys, "activate", version, *config)
    assert changed["active"]["sha256"] == done["sha256"]
    assert changed["restart"]
    states = {model["name"]: model for model in asked(capsys, "list", *config)["models"]}
    assert states["second"]["active"]
    assert states["second"]["calibration"] == {"date": "2026-11-22", "bona_fide": 20, "attack": 30}
    assert "restart it" in said(capsys, "rollback", "second", *config)
    assert "no version is active" in said(capsys, "activate", "second@shipped", *config)
    assert "removed" in said(capsys, "remove", "second", *config)
    assert [model["name"] for model in asked(capsys, "list", *config)["models"]] == SHIPPED_NAMES


def test_one_that_was_calibrated_elsewhere_is_said_so_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ("--config", write_config(tmp_path))
    given = write_classifier(tmp_path / "given")
    assert asked(capsys, "install", given, *config)["calibrated_elsewhere"]
    assert "CALIBRATED ELSEWHERE" in said(capsys, "install", given, *config)
    raw = write_classifier(tmp_path / "raw", calibrated=False)
    assert "ELSEWHERE" not in said(capsys, "install", raw, *config)


def test_every_model_is_verified_and_a_wrong_one_is_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ("--config", write_config(tmp_path))
    asked(capsys, "install", write_classifier(tmp_path / "given"), *config)
    told = asked(capsys, "verify", *config)
    assert told["ok"]
    assert sorted(model["name"] for model in told["models"]) == sorted([*SHIPPED_NAMES, "second"])
    networks = {model["name"]: model["ran"] for model in told["models"] if model["ran"]}
    assert {"face", "second"} <= set(networks)
    (network,) = (tmp_path / "state").rglob("net.onnx")
    network.write_bytes(onnx.classifier(3.0))
    told = asked(capsys, "verify", *config, status=1)
    assert not told["ok"]
    (wrong,) = [model for model in told["models"] if not model["ok"]]
    assert wrong["name"] == "second"
    assert "is not the file its manifest names" in wrong["fault"]
    assert "NOT OK   second ?" in said(capsys, "verify", *config, status=1)


def test_a_detector_that_is_installed_takes_the_shipped_ones_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = write_tiny(tmp_path / "given", replace=('name = "tiny"', 'name = "face"'))
    config = write_config(tmp_path)
    text = config.read_text()
    config.write_text(text.replace(f'model = "{tmp_path / "model"}"', 'model = "face"'))
    done = asked(capsys, "install", given, "--config", config)
    assert {ran["file"] for ran in done["ran"]} == {"tiny.onnx", "tiny.tflite"}
    asked(capsys, "activate", "face", "--config", config)
    warmed = asked(capsys, "warm", "--config", config)
    assert warmed["models"][0]["name"] == "face"
    assert {"register", "resample"} <= set(warmed["compiled"])
    main(["check", "--config", str(config), "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert "face 1 (ssd) is active" in [found["text"] for found in findings]
    warning = next(found for found in findings if found["check"] == "fusion")
    assert warning["ok"] is None
    assert "fixed with another model of detector" in warning["text"]


def checked(config: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what ``livegate check`` warns of how cues are weighed."""
    main(["check", "--config", str(config), "--json", "--no-cameras"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    found = [finding for finding in findings if finding["check"] == "fusion"]
    assert all(finding["ok"] is None for finding in found)
    return [finding["text"] for finding in found]


def of_shipped(config: Path) -> Path:
    """Let a terminal judge by the detector that ships."""
    text = config.read_text()
    config.write_text(text.replace(f'model = "{config.parent / "model"}"', 'model = "face"'))
    return config


def test_a_classifier_that_counts_beside_other_cues_only_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = of_shipped(write_config(tmp_path))
    given = write_classifier(tmp_path / "given")
    asked(capsys, "install", given, "--config", config)
    asked(capsys, "activate", "second", "--config", config)
    idle = "counts only beside exactly detector, and does not now: "
    assert idle in said(capsys, "list", "--config", config)
    (listed,) = [one for one in asked(capsys, "list", "--config", config)["models"] if one["name"] == "second"]
    assert (listed["beside"], listed["counts"]) == (["detector"], False)
    (told,) = checked(config, capsys)
    assert idle + "colour_texture, crop, detector, distortion are weighed here" in told
    # Of another version the cues are those of the whole cascade.
    manifest = given / "manifest.toml"
    cues = 'cues = ["colour_texture", "crop", "detector", "distortion"]'
    manifest.write_text(
        manifest.read_text().replace('cues = ["detector"]', cues).replace('version = "1"', 'version = "2"')
    )
    asked(capsys, "install", given, "--config", config)
    asked(capsys, "activate", "second@2", "--config", config)
    assert idle not in said(capsys, "list", "--config", config)
    assert checked(config, capsys) == []


def test_points_behind_another_finder_are_told_and_cues_that_no_point_weighs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = of_shipped(write_config(tmp_path))
    fusion = tmp_path / "given"
    shutil.copytree(assets.model("fusion"), fusion)
    path = fusion / "manifest.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("finder = ")]
    head, *points = "\n".join(lines).split("[[point]]\n")
    kept = [point for point in points if "detector" in point and "crop" not in point]
    kept += [point for point in points if "detector" not in point]
    head = head.replace("[models]", f'[models]\nfinder = "{"0" * 64}"')
    path.write_text("[[point]]\n".join([head, *kept]))
    asked(capsys, "install", fusion, "--config", config)
    asked(capsys, "activate", "fusion", "--config", config)
    behind, unweighed = checked(config, capsys)
    assert "fixed on the faces of another finder; they stay in use" in behind
    assert "no operating point weighs crop beside the other cues" in unweighed


def test_what_is_damaged_is_named_by_check_and_warm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path)
    asked(capsys, "install", write_classifier(tmp_path / "given"), "--config", config)
    asked(capsys, "activate", "second", "--config", config)
    assert "second: onnxruntime" in said(capsys, "warm", "--config", config)
    (network,) = (tmp_path / "state").rglob("net.onnx")
    network.unlink()
    assert main(["check", "--config", str(config), "--json"]) == 1
    (wrong,) = [found for found in json.loads(capsys.readouterr().out)["findings"] if found["ok"] is False]
    assert wrong["check"] == "installed models"
    assert "'second' is not used" in wrong["text"]
    assert "'second' is not used" in said(capsys, "warm", "--config", config, status=1)


@pytest.mark.parametrize("words", [["activate", "second@"], ["rollback", "second@1"]])
def test_a_version_where_none_belongs_is_a_slip(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "expected NAME" in said(capsys, *words, "--config", write_config(tmp_path), status=2)


def test_no_network_is_said_to_warm_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, runtime="none")
    text = said(capsys, "warm", "--config", config)
    assert "no network to run" in text
    assert "finder: kernels" in text
    assert "compiled for this processor, in " in text


def test_a_model_that_says_another_output_than_it_gives_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = write_classifier(tmp_path / "given")
    manifest = given / "manifest.toml"
    manifest.write_text(manifest.read_text().replace('["attack", "bona_fide", "print"]', '["attack", "bona_fide"]'))
    config = ("--config", write_config(tmp_path))
    assert f"{given}" in said(capsys, "install", given, *config, status=1)
    assert "lacks" not in said(capsys, "list", *config)


def endless() -> bytes:
    """A network that asks for far more memory than it may have."""
    wide = onnx.node("Concat", ["input"] * 16, "w0", onnx.integer("axis", 2))
    wider = [onnx.node("Concat", [f"w{n}"] * 16, f"w{n + 1}", onnx.integer("axis", 2)) for n in range(6)]
    pooled = onnx.node("GlobalAveragePool", ["w6"], "pooled")
    return onnx.model(onnx.graph([wide, *wider, pooled, onnx.FLAT], onnx.value("output", (1, 3))))


def test_a_model_without_bounds_ends_in_its_own_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = write_classifier(tmp_path / "given", endless())
    text = said(capsys, "install", given, "--config", write_config(tmp_path), status=1)
    assert str(given) in text


def test_a_model_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_module, "TIMEOUT_S", 0.01)
    with pytest.raises(trial_module.AssetError, match="took more than"):
        trial(write_classifier(tmp_path / "given"))


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("kill -SEGV $$", r"ended its runtime \(SIGSEGV"),
        ("echo no JSON", "broke the process"),
        ("echo '{}'", "broke the process"),
        ('echo \'{"ran": [{"who": 1}]}\'', "broke the process"),
        ("echo oops >&2; exit 3", r"broke the process it was tried in \(oops\)"),
        ('echo \'{"error": "no good"}\'', "no good"),
    ],
)
def test_whatever_becomes_of_the_process_is_a_sentence(
    tmp_path: Path, does: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{does}\n")
    python.chmod(0o700)
    monkeypatch.setattr(trial_module.sys, "executable", str(python))
    with pytest.raises(trial_module.AssetError, match=said):
        trial(tmp_path)


@pytest.mark.parametrize("stream", [1, 2])
def test_a_process_that_never_stops_talking_fills_no_memory(
    tmp_path: Path, stream: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nhead -c 30000000 /dev/zero >&{stream}\n")
    python.chmod(0o700)
    monkeypatch.setattr(trial_module.sys, "executable", str(python))
    tracemalloc.start()
    with pytest.raises(trial_module.AssetError, match="broke the process"):
        trial(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def dark_fails() -> bytes:
    """A network of which a black picture makes no number: it divides by what it sees."""
    nodes = [onnx.POOL, onnx.node("Div", ["pooled", "pooled"], "even"), onnx.node("Flatten", ["even"], "output")]
    return onnx.model(onnx.graph(nodes, onnx.value("output", (1, 3))))


def test_a_model_that_fails_on_a_black_picture_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(trial_module.AssetError, match="not finite"):
        trial(write_classifier(tmp_path / "given", dark_fails()))


def test_the_folder_of_another_user_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path)
    (tmp_path / "state").mkdir(mode=0o700)
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder away")
    os.chown(tmp_path / "state", 12_345, -1)
    text = said(capsys, "install", write_classifier(tmp_path / "given"), "--config", config, status=1)
    assert "run this as that user" in text
