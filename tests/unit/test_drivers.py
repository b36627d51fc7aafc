import sys
from pathlib import Path

import pytest

from livegate.config import CameraConfig, DriverChoice
from livegate.drivers import known_drivers, load, open_camera
from livegate.errors import ConfigError, DriverError
from livegate.types import Role

DRIVER = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Options:
    lens: str = "wide"

def open_camera(options, role):
    return (options.lens, role)
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A driver of another distribution, as pip would leave it."""
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[livegate.cameras]\nacme = acme_camera\nfake = acme_camera\nhollow = json\nneedy = a_module_nobody_has\n"
    )
    (tmp_path / "acme_camera.py").write_text(DRIVER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_camera", raising=False)
    return "acme"


def config(driver: str, **options: object) -> CameraConfig:
    return CameraConfig("front", Role.RGB, DriverChoice(driver, options, "site.toml: [[camera]] 1", Path()))


def test_shipped_drivers_are_found_by_being_there() -> None:
    assert {"fake", "recording"} <= set(known_drivers("cameras"))
    assert "simulated" in known_drivers("doors")
    assert {"recorded", "scripted", "serial_line"} <= set(known_drivers("readers"))


def test_an_installed_driver_is_found_too(installed: str) -> None:
    assert installed in known_drivers("cameras")
    assert open_camera(config(installed, lens="narrow")) == ("narrow", Role.RGB)


@pytest.mark.usefixtures("installed")
def test_a_name_provided_twice_is_refused() -> None:
    with pytest.raises(DriverError, match="'fake' is provided twice"):
        load("cameras", "fake")


@pytest.mark.usefixtures("installed")
def test_a_module_that_is_no_driver_is_refused() -> None:
    with pytest.raises(DriverError, match="lacks 'Options'"):
        load("cameras", "hollow")


@pytest.mark.parametrize("name", ["os.path", "../fake", "Fake", "", "livegate_drivers.cameras.fake", "fake\n"])
def test_only_plain_names_are_drivers(name: str) -> None:
    with pytest.raises(ConfigError, match=r"is no driver's name.*recording"):
        load("cameras", name)


def test_an_unknown_driver_is_told_with_place_and_those_there_are() -> None:
    place = r"site\.toml: \[\[camera\]\] 1: "
    with pytest.raises(ConfigError, match=place + ".*no driver 'v4l3'; did you mean 'v4l2'.*there are: .*recording"):
        open_camera(config("v4l3"))
    with pytest.raises(ConfigError, match=place + ".*no driver 'zzzz'; there are: .*recording"):
        open_camera(config("zzzz"))


@pytest.mark.usefixtures("installed")
def test_a_driver_that_lacks_what_it_needs_is_no_fault_of_the_configuration() -> None:
    with pytest.raises(DriverError, match=r"site\.toml.*'needy' cannot be imported: .*install what it needs"):
        open_camera(config("needy"))


def test_an_unknown_option_is_told_with_place_and_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"site\.toml: \[\[camera\]\] 1: unknown key 'widht', did you mean 'width'"):
        open_camera(config("fake", widht=3))
