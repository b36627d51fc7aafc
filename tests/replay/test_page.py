"""The demonstration's page in a real browser, and its server against requests that are not a browser's."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate_tools.demo.page import Page
from livegate_tools.demo.stage import Stage
from support.theatre import visits
from support.waiting import eventually

BROWSER = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--window-size=1400,900",
]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    shown = Page()
    stage = Stage(list(visits().values())[:3], 1.0, shown.observe, lambda event, _: shown.received(event), loop=True)
    with stage:
        shown.show(stage)
        with shown:
            eventually(lambda: shown.state()["counts"]["visits"] >= 1, "first visit decided")
            yield shown


def asked(page: Page, path: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(page.address + path, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def browse(page: Page, folder: Path, *what: str) -> subprocess.CompletedProcess[str]:
    chromium = shutil.which("chromium")
    assert chromium, "tests that use a browser are marked 'browser'"
    command = [
        chromium,
        *BROWSER,
        f"--user-data-dir={folder}/profile",
        "--virtual-time-budget=4000",
        *what,
        page.address,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)


@pytest.mark.browser
def test_a_browser_shows_what_the_terminal_sees(page: Page, tmp_path: Path) -> None:
    shown = browse(page, tmp_path, "--dump-dom")
    for words in ("Visit ", "access.attempt", "system.started", "Authorised people let in", "connected, MQTT 3.1.1"):
        assert words in shown.stdout
    assert "picture.jpg?role=rgb" in shown.stdout
    assert "Content Security Policy" not in shown.stderr
    assert "Uncaught" not in shown.stderr


@pytest.mark.browser
def test_a_screenshot_holds_the_live_picture(page: Page, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browse(page, tmp_path, f"--screenshot={picture}")
    image = cv2.imread(str(picture))
    assert image is not None
    assert image.shape[:2] == (900, 1400)
    # The live picture is the one large textured area; an empty page is two flat colours.
    assert image[100:500, 100:700].std() > 15


def test_state_and_pictures_are_served(page: Page) -> None:
    status, body = asked(page, "state.json")
    assert status == 200
    assert json.loads(body)["visit"]["title"]
    # An empty room gives no depth; somebody comes within a second or two.
    eventually(lambda: set(page.state()["sight"]["sensors"].values()) == {"ok"}, "all sensors see somebody")
    sight = page.state()["sight"]
    seen = [role for role, state in sight["sensors"].items() if state == "ok"]
    assert "rgb" in seen
    for role in seen:
        moment = sight["captured_ns"]
        status, body = asked(page, f"picture.jpg?role={role}&t={moment}")
        decoded = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
        assert status == 200
        assert decoded.shape == (480, 640, 3)


@pytest.mark.parametrize(
    "path",
    [
        "page.py",
        "../page.py",
        "%2e%2e/page.py",
        "picture.jpg?role=../x&t=1",
        "picture.jpg?role=rgb&t=-1",
        "picture.jpg?role=rgb&t=1",
        "picture.jpg",
    ],
)
def test_nothing_else_is_served(page: Page, path: str) -> None:
    assert asked(page, path)[0] == 404


def test_another_name_for_this_machine_is_refused(page: Page) -> None:
    assert asked(page, "state.json", Host="evil.example")[0] == 421


def test_the_usual_port_in_use_is_no_obstacle(page: Page) -> None:
    with Page() as second:
        assert second.address != page.address
        assert asked(second, "state.json")[0] == 200
