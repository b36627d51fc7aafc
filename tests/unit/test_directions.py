"""Who may import whom: the directions of the house, read from the source itself."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {"livegate": ROOT / "edge", "livegate_drivers": ROOT / "drivers", "livegate_tools": ROOT / "tools"}
FILES = sorted(path for name, root in SOURCES.items() for path in (root / name).rglob("*.py"))

IO_MODULES = {"cv2.VideoCapture", "io", "os", "pathlib", "shutil", "socket", "sqlite3", "subprocess", "tomllib", "paho"}
VENDOR_SDKS = {"amqtt", "picamera2", "pyrealsense2", "serial", "torch", "sklearn", "onnx", "h5py"}
PURE_ROOMS = ("cues", "decide", "track", "quality", "gate", "sensing", "texture")
# What says whether a face lives knows nothing of doors, people and events.
JUDGING_ROOMS = ("cues", "decide", "detect", "kernels", "quality", "samples", "texture", "track")
BEHIND_THE_VERDICT = {f"livegate.{room}" for room in ("acceptance", "events", "gate", "report", "store", "trust")}
# What makes one moment's pictures comparable and says whether they are plausible takes frames from whoever has some;
# only calibrating works the cameras.
SEEING_ROOMS = ("livegate.geometry.", "livegate.sensing.", "livegate.optics")
DEVICES_AND_JUDGES = {"livegate.capture", "livegate.drivers", "livegate.detect", "livegate.cues", "livegate.decide"}
# Half a second of a start is Numba's, and the kernels' own is spent where something is measured by them.
COMPILER = "livegate.machine_code.building"
KERNELS_WHERE_CALLED = ("livegate.cues.", "livegate.texture.")
# What they need of the store they are handed.
HANDED_ROOMS = ("evidence", "lists", "media", "trust")
PROTOCOLS = {
    "livegate.capture.camera",
    "livegate.capture.controls",
    "livegate.capture.illuminator",
    "livegate.gate.door",
    "livegate.gate.reader",
}
DRIVERS_MAY = {"livegate.types", "livegate.errors", "livegate.config", "livegate.options", *PROTOCOLS}


def module_of(path: Path) -> str:
    root = next(root for root in SOURCES.values() if path.is_relative_to(root))
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def imports(path: Path) -> tuple[str, ...]:
    """Return the full name of every module imported anywhere in the file, inside functions too."""
    return tuple(imported(path))


@functools.cache
def imports_at_once(path: Path) -> tuple[str, ...]:
    """Return the full name of every module imported when the file is, and not later inside a function."""
    return tuple(imported(path, inside_functions=False))


def imported(path: Path, *, inside_functions: bool = True) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if inside_functions else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def named(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=module_of(path)) for path in paths]


def inside(*prefixes: str) -> list[Path]:
    return [path for path in FILES if module_of(path).startswith(prefixes)]


@pytest.mark.parametrize("path", named(inside("livegate.", "livegate_drivers")))
def test_terminal_never_imports_tools(path: Path) -> None:
    assert "livegate_tools" not in roots(path)


@pytest.mark.parametrize("path", named(inside("livegate.")))
def test_edge_imports_neither_drivers_nor_vendor_sdks(path: Path) -> None:
    assert "livegate_drivers" not in roots(path)
    assert not roots(path) & VENDOR_SDKS


@pytest.mark.parametrize("path", named(inside("livegate_drivers")))
def test_drivers_know_values_and_their_protocol_only(path: Path) -> None:
    modules = {name for name in imports(path) if name.split(".")[0] == "livegate"}
    allowed = {name for name in modules if any(name == a or name.startswith(f"{a}.") for a in DRIVERS_MAY)}
    # `from livegate import types` names the package first.
    assert modules - allowed <= {"livegate"}


@pytest.mark.parametrize("path", named(inside(*(f"livegate.{room}." for room in PURE_ROOMS))))
def test_pure_rooms_do_no_io(path: Path) -> None:
    assert not set(imports(path)) & IO_MODULES
    assert not roots(path) & IO_MODULES
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"open", "print", "input"}
    assert not [n for n in imports(path) if n.startswith(("livegate.store", "livegate.report", "livegate.assets"))]


@pytest.mark.parametrize("path", named(inside(*(f"livegate.{room}" for room in HANDED_ROOMS))))
def test_rooms_that_are_handed_what_they_need_leave_the_store_alone(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("livegate.store")]


@pytest.mark.parametrize("path", named(inside(*(f"livegate.{room}." for room in JUDGING_ROOMS))))
def test_rooms_that_judge_know_nothing_of_what_follows(path: Path) -> None:
    assert not {".".join(name.split(".")[:2]) for name in imports(path)} & BEHIND_THE_VERDICT


@pytest.mark.parametrize("path", named(inside(*SEEING_ROOMS)))
def test_rooms_that_see_know_neither_devices_nor_what_judges_and_follows(path: Path) -> None:
    if not module_of(path).startswith("livegate.geometry.calibrating"):
        assert not {".".join(name.split(".")[:2]) for name in imports(path)} & (DEVICES_AND_JUDGES | BEHIND_THE_VERDICT)


@pytest.mark.parametrize("path", named(inside("livegate.")))
def test_a_start_needs_no_compiler(path: Path) -> None:
    at_once = set(imports_at_once(path))
    assert COMPILER not in at_once
    assert module_of(path) == COMPILER or "numba" not in {name.split(".")[0] for name in at_once}


@pytest.mark.parametrize("path", named(inside(*KERNELS_WHERE_CALLED)))
def test_kernels_are_imported_where_they_are_called(path: Path) -> None:
    assert not [name for name in imports_at_once(path) if name.startswith("livegate.kernels")]


def test_machine_code_and_what_loads_it_know_no_other_room() -> None:
    loading = [path for path in FILES if module_of(path) == "livegate.kernels.compiled"]
    paths = [*loading, *inside("livegate.machine_code.")]
    ours = {name for path in paths for name in imports(path) if name.startswith("livegate")}
    assert {".".join(name.split(".")[:2]) for name in ours} == {"livegate.machine_code"}


def test_kernels_import_only_numpy_and_numba() -> None:
    allowed = {"__future__", "collections", "livegate", "math", "numba", "numpy", "typing"}
    kernels = [path for path in inside("livegate.kernels.") if path.stem != "compiled"]
    assert not [path for path in kernels if not roots(path) <= allowed]
    ours = {name for path in kernels for name in imports(path) if name.startswith("livegate")}
    assert all(name.startswith("livegate.kernels") for name in ours)


def test_house_is_found() -> None:
    """The tests above would pass on an empty list."""
    modules = {module_of(path) for path in FILES}
    assert {"livegate.judge", "livegate.cli", COMPILER, "livegate_drivers.cameras.recording"} <= modules
    assert "livegate.errors" in set(imports(ROOT / "edge/livegate/cli.py"))
