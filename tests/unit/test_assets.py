"""What ships beside the code is found from a checkout and from a wheel alike."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from livegate import assets
from livegate.configfile import load
from livegate.errors import AssetError

ROOT = Path(__file__).parents[2]
PACKAGES = {"livegate", "livegate_drivers", "livegate_tools"}

# Asks an installation where it finds everything; -I and the path keep the checkout out of it.
QUESTIONS = """
import json, sys
folder = sys.argv[1]
sys.path = [folder] + [path for path in sys.path if "site-packages" in path or "python" in path]
from importlib import resources
from livegate import assets, configfile
from livegate.config import Detector, Runtime
from livegate.detect.manifest import read_manifest
from livegate.drivers import known_drivers, open_camera
from livegate.known_verbs import known_verbs
config = configfile.load(assets.config("demo"))
report = resources.files("livegate.events").joinpath("schemas")
page = resources.files("livegate_tools.demo").joinpath("page")
with open_camera(config.camera[0]) as camera:
    frame = camera.read(5.0)
print(json.dumps({
    "package": assets.__file__,
    "folders": {kind: str(assets.folder(kind)) for kind in ("models", "configs", "visits")},
    "model": read_manifest(assets.model("face")).model.name,
    "visits": str(assets.visits()),
    "recording": config.camera[0].source.options["path"],
    "based_on": str(config.camera[0].source.base),
    "picture": list(frame.image.shape),
    "schemas": sorted(each.name for each in report.iterdir()),
    "page": sorted(each.name for each in page.iterdir()),
    "cameras": known_drivers("cameras"),
    "verbs": sorted(known_verbs()),
}))
"""


@dataclass(frozen=True)
class Wheel:
    """A wheel of this checkout, and the folder it was unpacked into."""

    names: tuple[str, ...]
    folder: Path


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    built = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(built / "unpacked")
        return Wheel(tuple(archive.namelist()), built / "unpacked")


@pytest.fixture(scope="session")
def answers(wheel: Wheel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    command = [sys.executable, "-I", "-c", QUESTIONS, str(wheel.folder)]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_checkout_has_everything() -> None:
    for kind, place in (("models", "models"), ("configs", "configs"), ("visits", "tools/visits")):
        assert assets.folder(kind) == ROOT / place
    assert assets.model("face").is_dir()
    assert assets.visits().is_file()


def test_the_wheel_finds_its_own(wheel: Wheel, answers: dict[str, Any]) -> None:
    inside = wheel.folder / "livegate" / "_assets"
    assert Path(answers["package"]).is_relative_to(wheel.folder)
    assert {Path(folder) for folder in answers["folders"].values()} == {
        inside / "models",
        inside / "configs",
        inside / "tools" / "visits",
    }
    assert Path(answers["visits"]) == inside / "tools" / "visits" / "visits.jsonl"
    assert answers["model"] == "face"


def test_the_wheels_demo_plays_its_own_recording(wheel: Wheel, answers: dict[str, Any]) -> None:
    recording = Path(answers["based_on"], answers["recording"]).resolve()
    assert recording == Path(answers["visits"])
    assert answers["picture"][2] == 3


def test_the_wheel_holds_what_the_checkout_holds(answers: dict[str, Any]) -> None:
    schemas = ROOT / "edge" / "livegate" / "events" / "schemas"
    page = ROOT / "tools" / "livegate_tools" / "demo" / "page"
    assert answers["schemas"] == sorted(path.name for path in schemas.iterdir())
    assert answers["page"] == sorted(path.name for path in page.iterdir() if path.name != "__pycache__")
    cameras = ROOT / "drivers" / "livegate_drivers" / "cameras"
    assert set(answers["cameras"]) == {path.stem for path in cameras.glob("[!_]*.py")}
    assert {"run", "check", "demo", "evaluate"} <= set(answers["verbs"])


def test_every_source_file_is_in_the_wheel(wheel: Wheel) -> None:
    for source in ("edge", "drivers", "tools"):
        root = ROOT / source
        files = {str(path.relative_to(root)) for path in root.rglob("*.py")}
        assert files <= set(wheel.names)


def test_the_wheel_holds_nothing_else(wheel: Wheel) -> None:
    tops = {PurePosixPath(name).parts[0] for name in wheel.names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    foreign = ("/tests/", "test_", "conftest", "__pycache__", ".git", "/locks/")
    assert not [name for name in wheel.names if any(word in name for word in foreign)]
    data = {name for name in wheel.names if PurePosixPath(name).suffix in {".onnx", ".tflite", ".jpg", ".png"}}
    assert all(name.startswith("livegate/_assets/") for name in data)


def test_the_wheel_has_a_licence_and_the_command(wheel: Wheel) -> None:
    (metadata,) = [name for name in wheel.names if name.endswith(".dist-info/METADATA")]
    folder = wheel.folder / PurePosixPath(metadata).parent
    assert (folder / "licenses" / "LICENSE").is_file()
    assert "livegate = livegate.cli:main" in (folder / "entry_points.txt").read_text()


@pytest.mark.parametrize("name", ["nobody", "./nobody"])
def test_a_missing_model_names_those_there_are(name: str) -> None:
    with pytest.raises(AssetError, match=r"shipped models are: .*face"):
        assets.model(name)


def test_a_model_may_lie_anywhere(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").touch()
    assert assets.model(str(tmp_path)) == tmp_path


def test_a_missing_configuration_is_named() -> None:
    with pytest.raises(AssetError, match="configuration 'nothing'"):
        assets.config("nothing")


@pytest.mark.parametrize("name", ["demo", "mini-pc"])
def test_shipped_configurations_are_found(name: str) -> None:
    assert load(assets.config(name)).path == ROOT / "configs" / f"{name}.toml"
