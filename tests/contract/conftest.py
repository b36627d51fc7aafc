"""Every driver there is meets the contract of its kind, through a fixture module of the same name.

A fixture lies at fixtures/<kind>/<name>.py; what it must define stands in the contract test of its kind. One that
has an ``environment(folder)`` is run in a process of its own with those variables set.
"""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from livegate.drivers import known_drivers

FIXTURES = Path(__file__).parent / "fixtures"
# Names the one driver whose own process this is.
OWN_PROCESS = "LIVEGATE_CONTRACT_DRIVER"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for kind in ("cameras", "doors", "illuminators", "readers"):
        only = os.environ.get(OWN_PROCESS)
        if f"{kind}_fixture" in metafunc.fixturenames:
            names = [only] if only else [name for name in known_drivers(kind) if not _is_apart(kind, name)]
            metafunc.parametrize(f"{kind}_fixture", names, indirect=True)
        if f"{kind}_apart" in metafunc.fixturenames:
            apart = [] if only else [name for name in known_drivers(kind) if _is_apart(kind, name)]
            metafunc.parametrize(f"{kind}_apart", apart, indirect=True)


@pytest.fixture
def cameras_fixture(request: pytest.FixtureRequest) -> ModuleType:
    return _load("cameras", request.param)


@pytest.fixture
def cameras_apart(request: pytest.FixtureRequest) -> ModuleType:
    return _load("cameras", request.param)


@pytest.fixture
def doors_fixture(request: pytest.FixtureRequest) -> ModuleType:
    return _load("doors", request.param)


@pytest.fixture
def illuminators_fixture(request: pytest.FixtureRequest) -> ModuleType:
    return _load("illuminators", request.param)


@pytest.fixture
def illuminators_apart(request: pytest.FixtureRequest) -> ModuleType:
    return _load("illuminators", request.param)


@pytest.fixture
def readers_fixture(request: pytest.FixtureRequest) -> ModuleType:
    return _load("readers", request.param)


def _path(kind: str, name: str) -> Path:
    return FIXTURES / kind / f"{name}.py"


def _is_apart(kind: str, name: str) -> bool:
    return _path(kind, name).is_file() and "def environment(" in _path(kind, name).read_text()


def _load(kind: str, name: str) -> ModuleType:
    path = _path(kind, name)
    if not path.is_file():
        pytest.fail(f"driver '{name}' has no contract fixture; add {path.relative_to(FIXTURES.parents[2])}")
    spec = importlib.util.spec_from_file_location(f"{kind}_{name}_fixture", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.NAME = name
    return module
