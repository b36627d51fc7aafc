"""The real daemon without a network: it finds faces itself, judges by texture, says so, and obeys ``least_step``."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import livegate
from livegate import assets
from livegate.config import DecisionPolicy, Detector, Runtime
from livegate.judge import Judge
from livegate.store import StoreReader
from livegate.types import Role
from support.blocking import RUNTIMES, blocking
from support.schemas import valid
from support.terminals import RunningTerminal, write_config
from support.theatre import Event, Play, Theatre, cast, grants, of_kind
from support.waiting import eventually

OPEN = "[decision]\nleast_step = 'texture'\n"
NONE = "[detector]\nruntime = 'none'\n"


@pytest.fixture(autouse=True, scope="module")
def kernels() -> None:
    """Compile what is not compiled, so that the visits do not wait for it."""
    Judge.open(Detector(runtime=Runtime.NONE), DecisionPolicy(), frozenset({Role.RGB, Role.NIR, Role.DEPTH}))


def perform(folder: Path, more: str, pattern: str = "LALAL") -> tuple[Theatre, list[Event]]:
    theatre = Theatre(folder)
    return theatre, theatre.run(theatre.configure(cast(pattern), Play(lead_s=2.5, speed=1.5, more=more)))


def assert_judged_by_texture(events: list[Event]) -> None:
    """Every attempt says its step and by what it was judged; nothing of a network is in it."""
    attempts = [event["data"] for event in of_kind(events, "access.attempt")]
    assert attempts
    for data in attempts:
        valid("access.attempt", data)
        assert data["environment"]["step"] == "texture"
        model = data["environment"]["model"]
        assert model["name"] == "colour_texture"
        assert model["sha256"] in (assets.model("colour_texture") / "manifest.toml").read_text()
        assert model["threshold"] >= 0
        cues = data["what"]["pad"]["cues"]
        assert not {"detector", "crop"} & cues.keys()
        if data["what"]["outcome"] == "granted":
            assert "colour_texture" in cues
            assert data["what"]["pad"]["decision"] == "bona_fide"


def damaged_network(folder: Path) -> str:
    """Return the lines of a terminal whose network has one bit flipped."""
    copy = folder / "damaged"
    shutil.copytree(assets.model("face"), copy)
    content = bytearray((copy / "face.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "face.onnx").write_bytes(content)
    return f"[detector]\nmodel = '{copy}'\nruntime = 'onnxruntime'\n"


@pytest.mark.parametrize("damaged", [False, True], ids=["none", "damaged"])
def test_people_with_cards_come_in_where_texture_may_open(damaged: bool, tmp_path: Path) -> None:
    theatre, events = perform(tmp_path, OPEN + (damaged_network(tmp_path) if damaged else NONE))
    assert_judged_by_texture(events)
    let_in = [theatre.visit_of(event) for event in grants(events)]
    assert any(visit is not None and visit.authorised for visit in let_in), [e["data"]["what"] for e in events]
    told = [event["data"]["what"] for event in of_kind(events, "model.activated")]
    if damaged:
        (fault,) = told
        assert (fault["action"], fault["name"]) == ("deactivate", "damaged")
        assert "is not the model" in fault["reason"]
        assert str(tmp_path) not in json.dumps(fault)
    else:
        assert not told


def test_by_default_texture_opens_no_door(tmp_path: Path) -> None:
    _, events = perform(tmp_path, NONE, "LAL")
    assert_judged_by_texture(events)
    assert not grants(events)
    answered = [e["data"]["what"] for e in of_kind(events, "access.attempt") if e["data"]["who"]["credential"]]
    assert {"step_too_low"} <= {what["reason"] for what in answered}
    believed = [what for what in answered if what["pad"]["decision"] == "bona_fide"]
    assert {(what["outcome"], what["reason"]) for what in believed} == {("denied", "step_too_low")}


def lived(config: Path, environment: dict[str, str] | None = None) -> tuple[str, list[dict[str, Any]]]:
    """Run the terminal until it has answered a card; return its log and the attempts."""
    with RunningTerminal(config, environment=environment) as terminal:
        terminal.says("ready")
        eventually(lambda: bool(attempts(config.parent)), "a card was answered", 60.0)
        assert terminal.terminate() == 0
        return terminal.text(), attempts(config.parent)


def attempts(folder: Path) -> list[dict[str, Any]]:
    if not (folder / "state" / "livegate.db").exists():
        return []
    with StoreReader(folder / "state") as store:
        return [json.loads(event.body)["data"] for event in store.newest(100, "access.attempt")]


@pytest.mark.parametrize(
    ("runtime", "names"), [("auto", RUNTIMES), ("onnxruntime", ("onnxruntime",))], ids=["auto", "onnxruntime"]
)
def test_with_no_runtime_installed_the_terminal_starts_and_says_so(
    runtime: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    config = write_config(tmp_path, runtime=runtime)
    log, answered = lived(config, blocking(tmp_path / "blocked", *names))
    (said,) = [line for line in log.splitlines() if "model not usable" in line]
    assert "none of them is installed" in said or "is not usable here" in said
    assert "textures judge in its place" in said
    assert {data["environment"]["step"] for data in answered} == {"texture"}
    assert {data["environment"]["model"]["name"] for data in answered} == {"colour_texture"}


def test_auto_takes_another_runtime_before_it_does_without(tmp_path: Path) -> None:
    config = write_config(tmp_path, runtime="auto")
    log, answered = lived(config, blocking(tmp_path / "blocked", "onnxruntime"))
    assert "model not usable" not in log
    assert {data["environment"]["step"] for data in answered} == {"rgb"}


def package_with_a_damaged(name: str, folder: Path) -> str:
    """Return where a copy of the package lies whose model ``name`` has one bit flipped, for PYTHONPATH."""
    package = Path(livegate.__file__).parent
    shutil.copytree(package, folder / "edge" / "livegate", ignore=shutil.ignore_patterns("_assets"))
    shutil.copytree(assets.folder("models"), folder / "models")
    weights = folder / "models" / name / "weights.npz"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    return os.pathsep.join([str(folder / "edge"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


@pytest.mark.parametrize("name", ["finder", "colour_texture"])
def test_with_damaged_textures_too_nobody_is_seen_and_every_card_is_denied(name: str, tmp_path: Path) -> None:
    config = write_config(tmp_path, OPEN, runtime="none")
    log, answered = lived(config, {"PYTHONPATH": package_with_a_damaged(name, tmp_path / "copy")})
    (said,) = [line for line in log.splitlines() if "model not usable" in line]
    assert name in said
    assert "nothing judges in its place, the door never opens" in said
    (data,) = answered
    assert (data["what"]["outcome"], data["what"]["reason"]) == ("denied", "failed")
    assert (data["environment"]["step"], data["environment"]["model"]) == ("none", None)
    with StoreReader(tmp_path / "state") as store:
        (fault,) = [json.loads(event.body)["data"]["what"] for event in store.newest(100, "model.activated")]
    assert fault["reason"].startswith(f"{name}/")
