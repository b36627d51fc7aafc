"""A whole bench run with a network of 453 bytes, and the daemon's probe."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate import assets
from livegate.cli import main
from livegate.config import Detector, Runtime
from livegate.configfile import load
from livegate.errors import AssetError, ConfigError, LivegateError
from livegate.types import FrameSet
from livegate_tools.bench import daemon_probe, verb
from livegate_tools.bench.machine import describe
from livegate_tools.bench.material import read_material
from livegate_tools.bench.report import BenchReport, Compared, PeerTiming, as_json, table
from livegate_tools.bench.session import GROUPS, Bench
from livegate_tools.bench.timing import WARM_UP, Ratio, Timing
from support.models import write_tiny

FRAMES = 3


def material(folder: Path) -> tuple[FrameSet, ...]:
    """Return two frames with a green square, which the tiny network takes for faces, and a near-infrared picture."""
    frames = []
    for index in range(2):
        image = np.zeros((480, 640, 3), dtype=np.uint8)
        image[120:360, 200 + 20 * index : 400, 1] = 255
        cv2.imwrite(str(folder / f"{index}.png"), image)
        cv2.imwrite(str(folder / f"{index}_nir.png"), image[:, :, 1])
        frames.append({"rgb": f"{index}.png", "nir": f"{index}_nir.png", "t_ms": 66 * index})
    path = folder / "visits.jsonl"
    path.write_text(json.dumps({"id": "v", "frames": frames, "label": "bona_fide"}))
    return read_material(path)


def bench(folder: Path) -> Bench:
    return Bench(Detector(str(write_tiny(folder / "tiny"))), folder, FRAMES)


def test_every_stage_and_way_is_timed(tmp_path: Path) -> None:
    told: list[None] = []
    figures = bench(tmp_path).measure(material(tmp_path), lambda: told.append(None))
    assert {
        "capture_sync",
        "detect",
        "track",
        "quality",
        "detector",
        "decide",
        "gate",
        "commit",
    } <= figures.stages.keys()
    ways = {"all_sensors", "frame_set_to_decision", "frame_set_to_commit", "two_threads", "three_cameras_cpu"}
    assert set(figures.variants) == ways
    assert all(found.n == FRAMES for found in (*figures.stages.values(), *figures.variants.values()))
    assert (figures.model.name, figures.model.runtime, figures.model.params) == ("tiny", "onnxruntime", 12)
    assert len(told) == GROUPS * (WARM_UP + FRAMES)
    assert not list(tmp_path.glob("store-*"))


def test_a_model_that_finds_no_face_has_nothing_to_time(tmp_path: Path) -> None:
    blind = write_tiny(tmp_path / "tiny", replace=("confidence = 0.5", "confidence = 1.0"))
    with pytest.raises(AssetError, match="finds no face"):
        Bench(Detector(str(blind)), tmp_path, FRAMES).measure(material(tmp_path))


def test_no_model_no_bench(tmp_path: Path) -> None:
    without = Bench(Detector(str(write_tiny(tmp_path / "tiny")), Runtime.NONE), tmp_path, FRAMES)
    with pytest.raises(AssetError, match="no model is in use"):
        without.measure(material(tmp_path))


def test_missing_peers_are_told_before_the_work(tmp_path: Path) -> None:
    told: list[None] = []
    with_peers = Bench(Detector(str(write_tiny(tmp_path / "tiny"))), tmp_path, FRAMES, tmp_path)
    with pytest.raises(AssetError, match="peer model cannot be read"):
        with_peers.measure(material(tmp_path), lambda: told.append(None))
    assert told == []


def test_the_report_has_the_form_of_the_contract(tmp_path: Path) -> None:
    figures = bench(tmp_path).measure(material(tmp_path))
    compared = Compared(Timing(2.0, 3.0, FRAMES), Ratio(0.5, 0.4, 0.6))
    peer = PeerTiming(compared, replace(compared, ratio=Ratio(0.7, 0.6, 0.8)), "detect")
    figures = replace(figures, peers={"yunet": peer})
    startup = daemon_probe.Startup(1.25, 180.5)
    report = as_json(BenchReport(describe(tmp_path), 1, startup, figures))
    assert list(report) == [
        "machine",
        "threads",
        "stages",
        "frame_to_decision",
        "start_to_ready_s",
        "rss_mb",
        "fallback",
        "model",
        "variants",
        "peers",
        "kernels",
    ]
    assert set(report["stages"]["detect"]) == {"p50_ms", "p99_ms", "n"}
    assert set(report["model"]) == {"name", "runtime", "params", "mmacs"}
    assert (report["start_to_ready_s"], report["rss_mb"]) == (1.25, 180.5)
    assert report["peers"]["yunet"]["ratio"] == 0.5
    assert set(report["peers"]["yunet"]) == {"p50_ms", "p99_ms", "n", "ratio", "ratio_95", "ours", "two_threads"}
    assert report["peers"]["yunet"]["two_threads"]["ratio_95"] == [0.6, 0.8]
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    text = table(BenchReport(describe(tmp_path), 1, startup, figures))
    wall, cpu = text.index("wall clock  "), text.index("CPU time  ")
    assert wall < text.index("frame_to_decision") < text.index("peer yunet") < cpu
    assert cpu < text.index("variant three_cameras_cpu") < text.index("kernel lbp")
    idle, busy = ({**describe(tmp_path), "cores": 2, "load_before": load} for load in (2.0, 2.01))
    assert "was busy" not in table(BenchReport(idle, 1, startup, figures))
    assert "was busy, load 2.01" in table(BenchReport(busy, 1, startup, figures))
    assert "ready in 1.25 s" in text
    assert "detect / peer = 0.50 (0.40 .. 0.60)" in text
    assert "detect / peer = 0.70 (0.60 .. 0.80), 2 threads" in text


def test_the_shipped_configuration_without_its_broker(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text(daemon_probe.without_broker(assets.config("demo"), tmp_path / "state"))
    shipped, config = load(assets.config("demo")), load(file)
    assert config.mqtt is None
    assert config.terminal.state_dir == tmp_path / "state"
    assert [camera.role for camera in config.camera] == [camera.role for camera in shipped.camera]
    for ours, theirs in zip(config.camera, shipped.camera, strict=True):
        told = Path(ours.source.options["path"])
        assert told == (theirs.source.base / theirs.source.options["path"]).resolve()


@pytest.mark.parametrize("before", ["", '[detector]\nmodel = "face"\n\n'])
def test_the_same_configuration_without_a_network(tmp_path: Path, before: str) -> None:
    text = before + daemon_probe.without_broker(assets.config("demo"), tmp_path / "state")
    file = tmp_path / "bench.toml"
    file.write_text(daemon_probe.without_network(text))
    config = load(file)
    assert config.detector == Detector(runtime=Runtime.NONE)
    assert len(config.camera) == len(load(assets.config("demo")).camera)


def test_the_real_daemon_is_measured(tmp_path: Path) -> None:
    material(tmp_path)
    (tmp_path / "terminal.toml").write_text(f"""
[terminal]
site = "here"
id = "one"
state_dir = "nowhere"

[detector]
model = {json.dumps(str(write_tiny(tmp_path / "tiny")))}

[[camera]]
name = "colour"
role = "rgb"
driver = "recording"
path = "visits.jsonl"

[mqtt]
host = "127.0.0.1"

[gate]
mode = "presence_screening"
allow_unidentified = true

[door]
driver = "simulated"
""")
    found = daemon_probe.measure_daemon(tmp_path / "terminal.toml", tmp_path, starts=1, work_s=0.1)
    assert found.start_to_ready_s > 0
    assert found.rss_mb > 10
    assert not (tmp_path / "nowhere").exists()
    assert not list(tmp_path.glob("daemon-*"))


def test_a_daemon_that_does_not_start_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[terminal]\nsite = 7\n")
    with pytest.raises(LivegateError, match=r"ended with status 2 before it was ready.*'site'"):
        daemon_probe.measure_daemon(broken, tmp_path)


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    return parser.parse_args(given)


@pytest.mark.parametrize("given", [("--frames", "0"), ("--frames", "many"), ("--runtime", "magic")])
def test_usage(given: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        arguments(*given)
    assert left.value.code == 2
    assert given[1] in capsys.readouterr().err


def test_what_would_fail_after_the_work_is_refused_before(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        verb.run(arguments("--json", str(tmp_path / "no" / "b.json")))
    with pytest.raises(ConfigError, match="is no folder"):
        verb.run(arguments("--peers", str(tmp_path / "none")))


def test_no_network_is_no_choice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "--runtime", "none"])
    assert "litert" in capsys.readouterr().err
