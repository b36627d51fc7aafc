"""The charts and the page of an evaluation: what they count and show, and that nothing in a manifest breaks out."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.errors import LivegateError
from livegate.samples.manifest import Sample
from livegate.types import PadDecision
from livegate_tools.evaluate.charts.canvas import shortened
from livegate_tools.evaluate.charts.det import det_chart, det_points
from livegate_tools.evaluate.charts.scores import histogram, score_chart
from livegate_tools.evaluate.failures import failures
from livegate_tools.evaluate.page.report import write_report
from livegate_tools.evaluate.predictions import Prediction
from livegate_tools.evaluate.report import groups

HOSTILE = "</script><script>alert(1)</script><img src=https://example.org/x onerror=alert(1)>"
ABOUT = {
    "manifest": f"m{HOSTILE}.jsonl",
    "split": None,
    "modalities": None,
    "model": {"name": "tiny", "version": "1", "sha256": "ab" * 32, "runtime": "auto"},
    "bad_lines": [{"line": 7, "problem": f"is not JSON: {HOSTILE}"}],
    "unreadable": 2,
}
Judged = list[tuple[Sample, Prediction]]


def one(name: str, species: str | None, score: float | None, source: str = "lab") -> tuple[Sample, Prediction]:
    decision = PadDecision.NON_RESPONSE if score is None else PadDecision.BONA_FIDE
    if score is not None and score < 0.5:
        decision = PadDecision.ATTACK
    sample = Sample(1, name, (), False, None, species, f"person {name[-1]}", source, None)
    return sample, Prediction(name, decision, score, None, f"{decision}", (), 3.0)


def some(source: str = "lab") -> Judged:
    people = [one(f"{source}p{n}", None, score, source) for n, score in enumerate((0.9, 0.99, 0.4, 0.7, None, 1.0))]
    prints = [one(f"{source}a{n}", "print_flat", score, source) for n, score in enumerate((0.1, 0.8, None, 0.2))]
    return people + prints + [one(f"{source}m{n}", "mask_3d", score, source) for n, score in enumerate((0.6, 0.0))]


class Page(HTMLParser):
    """Collects the tags, their addresses, and the visible words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words += data


def written(folder: Path, judged: Judged) -> Page:
    return Page(write_report(folder, groups(judged), judged, ABOUT).read_text())


def test_det_points_follow_the_standard() -> None:
    bona_fide = np.array([-np.inf, 0.4, 0.8, 0.9])
    attack = np.array([-np.inf, 0.1, 0.5, 0.85])
    accepted, refused = det_points(bona_fide, attack)
    # One attack in four had no response and is never let through, one person in four has none and never passes.
    assert accepted.max() == 0.75
    assert refused.min() == 0.25
    by_hand = [
        (float((np.array([0.1, 0.5, 0.85]) >= t).sum() / 4), float((bona_fide < t).sum() / 4))
        for t in (0.1, 0.4, 0.5, 0.8, 0.85, 0.9)
    ]
    assert list(zip(accepted[:-1], refused[:-1], strict=True)) == by_hand
    assert (accepted[-1], refused[-1]) == (0.0, 1.0)


def test_who_was_refused_by_the_quality_gate_passes_at_no_threshold() -> None:
    judged = [one(f"p{n}", None, score) for n, score in enumerate((0.9, 0.95))]
    judged += [one(f"a{n}", "print_flat", score) for n, score in enumerate((0.99, 0.1))]
    turned = [(s, replace(p, decision=PadDecision.NON_RESPONSE, reason="too_far")) for s, p in judged[:1] + judged[2:3]]
    (group, _) = groups([*turned, judged[1], judged[3]])
    assert group.figures["bpcer_at_apcer_5"] == 0.5
    assert group.figures["bpnrr"] == 0.5
    accepted, refused = det_points(group.outcomes.bona_fide.answered_score, group.outcomes.attacks.answered_score)
    assert (accepted.max(), refused.min()) == (0.5, 0.5)


def test_histogram_shares() -> None:
    shares = histogram(np.array([0.5, 0.5, 0.0, 1.0, np.inf, -np.inf, 1e-9, 0.9999999]))
    assert shares.sum() == pytest.approx(6 / 8)
    assert shares[0] == shares[-1] == pytest.approx(2 / 8)
    assert shares[len(shares) // 2] == pytest.approx(2 / 8)
    assert histogram(np.array([np.inf])).sum() == 0


@pytest.mark.parametrize("draw", [det_chart, score_chart])
def test_charts_are_pictures(draw: object) -> None:
    (group, *_) = groups([*some(), one("x1", "species of thirty-two letters, ää", 0.3)])
    png = draw(group)  # type: ignore[operator]
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 20
    assert png == draw(group)  # type: ignore[operator]


def test_charts_of_one_class_or_of_nothing() -> None:
    (living, _) = groups([one("p1", None, 0.7)])
    (attacks, _) = groups([one("a1", "print_flat", None)])
    (nothing,) = groups([])
    assert [det_chart(group) for group in (living, attacks, nothing)] == [None] * 3
    assert [score_chart(group) is None for group in (living, attacks, nothing)] == [False, False, True]


def test_many_species_stay_on_the_sheet() -> None:
    (group, _) = groups([one("p1", None, 0.7), *(one(f"a{n}", f"species_{n:02d}", n / 40) for n in range(40))])
    assert det_chart(group) is not None
    assert score_chart(group) is not None


def test_failures_are_named_plainest_first() -> None:
    kinds = failures(some())
    assert [(kind.title, [sample.id for sample, _ in kind.samples]) for kind in kinds] == [
        ("APCER: mask_3d taken for bona fide", ["labm0"]),
        ("APCER: print_flat taken for bona fide", ["laba1"]),
        ("BPCER: bona fide taken for an attack", ["labp2"]),
        ("BPNRR: bona fide without response", ["labp4"]),
        ("APNRR: attacks without response", ["laba2"]),
    ]
    two = failures([one("a", "print_flat", 0.6), one("b", "print_flat", 0.9)])
    assert [sample.id for sample, _ in two[0].samples] == ["b", "a"]
    assert failures([one("p", None, 0.9)]) == ()


def test_the_page_says_the_figures_and_who_failed(tmp_path: Path) -> None:
    page = written(tmp_path, [*some(), *some("yard")])
    for words in ("lab", "yard", "all", "APCER mask_3d", "50.0 %", "BPCER + BPNRR", "yardm0", "line 7", "tiny 1"):
        assert words in page.words
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "det_00_lab.png",
        "det_01_yard.png",
        "det_02_all.png",
        "report.html",
        "scores_00_lab.png",
        "scores_01_yard.png",
        "scores_02_all.png",
    ]
    assert page.tags.count("img") == 6


def test_the_page_fetches_nothing_and_escapes_all(tmp_path: Path) -> None:
    judged = [
        one(f"{HOSTILE}1", None, 0.2, HOSTILE),
        one(f"{HOSTILE}2", f"print{HOSTILE}", 0.9, HOSTILE),
        one("3", None, 0.7, "../../up"),
    ]
    (tmp_path / "made").mkdir()
    page = written(tmp_path / "made", judged)
    assert "script" not in page.tags
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert HOSTILE in page.words
    text = (tmp_path / "made" / "report.html").read_text()
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|<link|<iframe", text)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_page_of_very_many_failures_stays_readable(tmp_path: Path) -> None:
    page = written(tmp_path, [one(f"p{n}", None, 0.1) for n in range(500)])
    assert "and 300 more, in the predictions" in page.words
    assert page.tags.count("li") < 300


def test_a_source_may_be_called_all(tmp_path: Path) -> None:
    page = written(tmp_path, [*some("all"), *some("yard")])
    assert page.tags.count("h2") == 3
    assert page.tags.count("img") == 6
    assert "allm0" in page.words


def test_a_page_of_nothing(tmp_path: Path) -> None:
    assert "0 presentations" in written(tmp_path, []).words


def test_nowhere_to_write(tmp_path: Path) -> None:
    with pytest.raises(LivegateError, match="cannot be written"):
        write_report(tmp_path / "missing", groups(some()), some(), ABOUT)


def test_names_are_cut() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abc..."


@pytest.mark.browser
def test_a_browser_shows_it(tmp_path: Path) -> None:
    write_report(tmp_path, groups(some()), some(), ABOUT)
    chromium = shutil.which("chromium")
    assert chromium is not None
    still = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]
    done = subprocess.run(
        [chromium, *still, f"--user-data-dir={tmp_path}/profile", "--dump-dom", f"file://{tmp_path}/report.html"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "Which samples failed" in done.stdout, done.stderr
    assert "Content Security Policy" not in done.stderr
