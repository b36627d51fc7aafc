"""`livegate evaluate` from manifest to figures, with a judge that behaves and whose verdicts are known."""

from __future__ import annotations

import argparse
import json
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livegate.errors import AssetError, ConfigError, LivegateError, PadError
from livegate.types import Box, CueScore, Face, FrameSet, PadDecision, PadResult, Reason, Role, SensorState, Step
from livegate_tools.evaluate import verb
from support.models import write_tiny

OPINION = CueScore("opinion", 0.25, -1.1)


class BrightnessJudge:
    """Finds a face where the picture is not black; the brighter, the more bona fide, undecided around the middle."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    def still(self, frame_set: FrameSet) -> tuple[PadResult, Face | None]:
        return self.clip([frame_set])

    def clip(self, frame_sets: Iterable[FrameSet]) -> tuple[PadResult, Face | None]:
        seen = [(frame_set, frame_set.frames[Role.RGB].image) for frame_set in frame_sets]
        score = float(np.mean([image.mean() for _, image in seen])) / 255
        if score == 1.0:
            raise PadError("dazzled")
        if score == 0.0:
            return self._result(PadDecision.NON_RESPONSE, Reason.NO_FACE, None), None
        decision, reason = PadDecision.INCONCLUSIVE, Reason.INCONCLUSIVE
        if score > 0.6:
            decision, reason = PadDecision.BONA_FIDE, Reason.BONA_FIDE
        elif score < 0.4:
            decision, reason = PadDecision.ATTACK, Reason.PRESENTATION_ATTACK
        cues = tuple(CueScore(role, score, 2 * score - 1) for role in sorted(seen[-1][0].frames))
        missing = tuple(role for role, state in seen[-1][0].states.items() if state is SensorState.MISSING)
        cues += tuple(CueScore(f"no_{role}", 0.5, 0.0) for role in missing)
        if decision is PadDecision.INCONCLUSIVE:
            cues += (OPINION,)
        height, width = seen[-1][1].shape[:2]
        face = Face(Box(0.0, 0.0, float(width), float(height)), score, 1 - score)
        return self._result(decision, reason, score, cues), face

    @property
    def second(self) -> frozenset[str]:
        return frozenset({OPINION.name})

    def unasked(self, pad: PadResult) -> tuple[CueScore, ...]:
        return tuple(cue for cue in (OPINION,) if cue not in pad.cues)

    def _result(
        self, decision: PadDecision, reason: Reason, score: float | None, cues: tuple[CueScore, ...] = ()
    ) -> PadResult:
        return PadResult(decision, reason, score, None, None, 1, Step.RGB, cues)


def picture(folder: Path, level: int, name: str | None = None) -> str:
    name = name or f"{level}.png"
    cv2.imwrite(str(folder / name), np.full((48, 64, 3), level, dtype=np.uint8))
    return name


def sample(folder: Path, sample_id: str, level: int, **more: Any) -> dict[str, Any]:
    return {"id": sample_id, "rgb": picture(folder, level), "label": "bona_fide", "subject": sample_id} | more


MODEL = {"name": "brightness"}
ATTACK = {"label": "attack", "pai_species": "print_flat"}


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *more: bytes) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return head + b"".join(more) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def write(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "m.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def arguments(manifest: Path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    out = manifest.parent / "p.jsonl"
    return parser.parse_args(["--manifest", str(manifest), "--predictions-out", str(out), *more])


def evaluate(manifest: Path, *more: str) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    report = manifest.parent / "r.json"
    status = verb.evaluate(arguments(manifest, "--report", str(report), *more), BrightnessJudge, MODEL)
    lines = (manifest.parent / "p.jsonl").read_text().splitlines()
    return status, [json.loads(line) for line in lines], json.loads(report.read_text())


def test_what_was_not_asked_is_told_apart_and_the_share_that_was_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    levels = {"clear": 200, "attack": 30, "unsure": 128, "empty": 0, "dazzling": 255}
    manifest = write(tmp_path, *(sample(tmp_path, name, level) for name, level in levels.items()))
    _, predictions, report = evaluate(manifest)
    said = {"score": 0.25, "llr": -1.1}
    assert [p["cues"].get("opinion") for p in predictions] == [
        said | {"asked": False},
        said | {"asked": False},
        said,
        None,
        None,
    ]
    assert "asked" not in predictions[0]["cues"]["rgb"]
    assert report["all"]["second_stage"] == {"share": pytest.approx(1 / 3), "asked": 1, "n": 3}
    assert "second opinion asked" in capsys.readouterr().out


def test_every_sample_gets_its_prediction_in_order(tmp_path: Path) -> None:
    manifest = write(
        tmp_path,
        sample(tmp_path, "living", 200, box=[0, 0, 64, 48]),
        sample(tmp_path, "print", 30, **ATTACK),
        sample(tmp_path, "unsure", 128),
        sample(tmp_path, "empty", 0),
        sample(tmp_path, "gone", 200) | {"rgb": "gone.png"},
    )
    status, predictions, report = evaluate(manifest)
    assert status == 0
    assert [(p["id"], p["decision"]) for p in predictions] == [
        ("living", "bona_fide"),
        ("print", "attack"),
        ("unsure", "attack"),
        ("empty", "non_response"),
        ("gone", "non_response"),
    ]
    assert [p["score"] is None for p in predictions] == [False, False, False, True, True]
    assert predictions[0]["box"] == [0, 0, 64, 48]
    assert predictions[3]["box"] is None
    assert predictions[3]["reason"] == "no_face"
    assert predictions[4]["reason"].startswith("unreadable: ")
    assert "gone.png" in predictions[4]["reason"]
    for prediction in predictions:
        assert set(prediction) == {"id", "decision", "score", "box", "reason", "cues", "latency_ms"}
    everything = report["all"]
    assert everything["bpcer_inconclusive"] == 0.25
    assert (everything["bpcer"], everything["bpnrr"], everything["bpcer_plus_bpnrr"]) == (0.25, 0.5, 0.75)
    assert everything["apcer"] == {"print_flat": 0.0}
    assert everything["face_recall"] == {"value": 1.0, "found": 1, "n": 1, "iou": 0.5, "least_side_px": 40.0}
    assert report["unreadable"] == 1
    assert report["model"] == MODEL


def test_a_damaged_picture_is_a_non_response(tmp_path: Path) -> None:
    whole = sample(tmp_path, "cut", 90)
    (tmp_path / "cut.png").write_bytes((tmp_path / whole["rgb"]).read_bytes()[:40])
    (tmp_path / "empty.png").write_bytes(b"")
    manifest = write(tmp_path, whole | {"rgb": "cut.png"}, whole | {"id": "none", "rgb": "empty.png"})
    status, predictions, _ = evaluate(manifest)
    assert status == 0
    assert [p["decision"] for p in predictions] == ["non_response"] * 2


def test_bad_lines_are_named_and_the_rest_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = write(
        tmp_path, sample(tmp_path, "a", 200), "{", sample(tmp_path, "b", 30) | {"label": "?"}, sample(tmp_path, "c", 30)
    )
    status, predictions, report = evaluate(manifest)
    said = capsys.readouterr().err
    assert status == 1
    assert "line 2: " in said
    assert "line 3: 'label'" in said
    assert [(p["id"], p["decision"]) for p in predictions] == [
        ("a", "bona_fide"),
        ("b", "non_response"),
        ("c", "attack"),
    ]
    assert report["all"]["n"] == 2
    assert [bad["line"] for bad in report["bad_lines"]] == [2, 3]


def test_a_judge_that_fails_counts_as_the_terminal_does(tmp_path: Path) -> None:
    _, predictions, report = evaluate(write(tmp_path, sample(tmp_path, "sun", 255), sample(tmp_path, "b", 200)))
    assert predictions[0]["decision"] == "attack"
    assert predictions[0]["score"] == 0.0
    assert predictions[0]["reason"] == "failed: dazzled"
    assert report["all"]["bpcer"] == 0.5


def test_modalities_are_all_the_terminal_has(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "nir.png"), np.full((48, 64), 9, dtype=np.uint8))
    cv2.imwrite(str(tmp_path / "depth.png"), np.full((48, 64), 700, dtype=np.uint16))
    both = sample(tmp_path, "both", 200, nir="nir.png", depth="depth.png")
    manifest = write(tmp_path, both, sample(tmp_path, "one", 200))

    def cues(*more: str) -> list[set[str]]:
        return [set(prediction["cues"]) - {OPINION.name} for prediction in evaluate(manifest, *more)[1]]

    assert cues() == [{"rgb", "nir", "depth"}, {"rgb"}]
    assert cues("--modalities", "rgb") == [{"rgb"}, {"rgb"}]
    assert cues("--modalities", "rgb,nir") == [{"rgb", "nir"}, {"rgb", "no_nir"}]


def test_an_unused_modality_is_not_read(tmp_path: Path) -> None:
    manifest = write(tmp_path, sample(tmp_path, "a", 200, depth="not there.png"))
    assert evaluate(manifest, "--modalities", "rgb,nir")[1][0]["decision"] == "bona_fide"
    assert evaluate(manifest)[1][0]["decision"] == "non_response"


def test_a_clip_is_one_presentation(tmp_path: Path) -> None:
    frames = [{"rgb": picture(tmp_path, level), "t_ms": 40 * index} for index, level in enumerate((180, 200, 220))]
    clip = {"id": "clip", "frames": frames, "label": "bona_fide"}
    broken = clip | {"id": "broken", "frames": [*frames, {"rgb": "gone.png", "t_ms": 500}]}
    _, predictions, _ = evaluate(write(tmp_path, clip, broken))
    assert [p["decision"] for p in predictions] == ["bona_fide", "non_response"]
    assert predictions[0]["score"] == pytest.approx(200 / 255)


def test_split(tmp_path: Path) -> None:
    manifest = write(tmp_path, sample(tmp_path, "a", 200, split="dev"), sample(tmp_path, "b", 200, split="train"))
    assert [p["id"] for p in evaluate(manifest, "--split", "dev")[1]] == ["a"]
    with pytest.raises(ConfigError, match="'test'"):
        evaluate(manifest, "--split", "test")


def test_jobs_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The worker processes import the judge anew, so it must lie in a module that they find.
    (tmp_path / "brightness_judge.py").write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(tmp_path)
    import brightness_judge

    manifest = write(tmp_path, *(sample(tmp_path, f"s{level}", level) for level in range(0, 250, 7)))
    _, alone, _ = evaluate(manifest)
    status = verb.evaluate(arguments(manifest, "--jobs", "2"), brightness_judge.BrightnessJudge, MODEL)
    together = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert status == 0
    for prediction in (*alone, *together):
        del prediction["latency_ms"]
    assert together == alone


def test_a_worker_that_dies_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dying_judge.py").write_text("import os\ndef dying(roles):\n    os._exit(9)\n")
    monkeypatch.syspath_prepend(tmp_path)
    import dying_judge

    manifest = write(tmp_path, sample(tmp_path, "a", 200), sample(tmp_path, "b", 100))
    with pytest.raises(PadError, match="--jobs"):
        verb.evaluate(arguments(manifest, "--jobs", "2"), dying_judge.dying, MODEL)


@pytest.mark.parametrize(
    "more", [("--modalities", "rgb,sonar"), ("--modalities", "nir"), ("--jobs", "0"), ("--jobs", "many")]
)
def test_usage(tmp_path: Path, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        arguments(tmp_path / "m.jsonl", *more)
    assert left.value.code == 2
    assert more[0] in capsys.readouterr().err


def test_the_manifest_is_never_overwritten(tmp_path: Path) -> None:
    manifest = write(tmp_path, sample(tmp_path, "a", 200))
    before = manifest.read_bytes()
    given = arguments(manifest, "--report", str(manifest))
    with pytest.raises(ConfigError, match="same file"):
        verb.evaluate(given, BrightnessJudge, MODEL)
    assert manifest.read_bytes() == before


def test_nowhere_to_write(tmp_path: Path) -> None:
    manifest = write(tmp_path, sample(tmp_path, "a", 200))
    with pytest.raises(ConfigError, match="does not exist"):
        verb.evaluate(arguments(manifest, "--report", str(tmp_path / "no" / "r.json")), BrightnessJudge, MODEL)
    with pytest.raises(LivegateError, match="cannot be written"):
        verb.evaluate(arguments(manifest, "--report", "/dev/full"), BrightnessJudge, MODEL)
    (tmp_path / "p.jsonl").unlink()
    (tmp_path / "p.jsonl").mkdir()
    with pytest.raises(ConfigError, match="is a folder"):
        verb.evaluate(arguments(manifest), BrightnessJudge, MODEL)


def test_the_table_and_the_report_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = [sample(tmp_path, f"p{index}", 160 + 10 * index, source="lab") for index in range(6)]
    prints = [sample(tmp_path, f"a{index}", 20 + 30 * index, source="lab", **ATTACK) for index in range(6)]
    manifest = write(tmp_path, *people, *prints, sample(tmp_path, "x", 200, source="yard"))
    assert verb.evaluate(arguments(manifest, "--json"), BrightnessJudge, MODEL) == 0
    report = json.loads(capsys.readouterr().out)
    assert verb.evaluate(arguments(manifest), BrightnessJudge, MODEL) == 0
    text = capsys.readouterr().out
    assert list(report["sources"]) == ["lab", "yard"]
    lab = report["sources"]["lab"]
    assert lab["apcer"]["print_flat"] == pytest.approx(1 / 6)
    low, high = lab["intervals_95"]["apcer/print_flat"]["interval"]
    assert low <= 1 / 6 <= high
    assert lab["intervals_95"]["bpcer"]["subjects"] == 6
    assert lab["upper_bounds_95"]["bpcer"]["by_presentation"] == pytest.approx(1 - 0.05 ** (1 / 6))
    yard = report["sources"]["yard"]
    assert yard["apcer_worst"] is None
    assert yard["intervals_95"]["bpcer"]["interval"] is None
    assert "an interval needs 5" in yard["intervals_95"]["bpcer"]["reason"]
    for words in ("lab: 12 presentations, 6 bona fide, 6 attacks", "APCER print_flat", "16.7 %", "all: 13"):
        assert words in text
    for line in text.splitlines():
        assert line == line.rstrip()
        assert len(line) <= 100


def test_a_manifest_of_bad_lines_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, predictions, report = evaluate(write(tmp_path, "{"))
    assert (status, predictions, report["all"]["n"], report["all"]["bpcer"]) == (1, [], 0, None)
    assert "all: 0 presentations" in capsys.readouterr().out


def test_the_real_judge_with_the_smallest_network(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "tiny")
    manifest = write(tmp_path, sample(tmp_path, "a", 200), sample(tmp_path, "b", 30, **ATTACK))
    report = tmp_path / "r.json"
    assert verb.run(arguments(manifest, "--model", str(folder), "--report", str(report))) == 0
    assert json.loads(report.read_text())["model"]["name"] == "tiny"
    assert len((tmp_path / "p.jsonl").read_text().splitlines()) == 2


def test_a_missing_model_is_said_before_anything_is_written(tmp_path: Path) -> None:
    manifest = write(tmp_path, sample(tmp_path, "a", 200))
    with pytest.raises(AssetError, match="no manifest"):
        verb.run(arguments(manifest, "--model", str(tmp_path / "none")))
    assert not (tmp_path / "p.jsonl").exists()


def test_pictures_that_cannot_be_are_non_responses_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    # A hundred million pixels are refused by the header, before they are decoded.
    (tmp_path / "huge.png").write_bytes(png(10_000, 10_000))
    gif = b"GIF89a" + struct.pack("<HHBBB", 2, 2, 0x80, 0, 0) + bytes(6)
    (tmp_path / "moving.gif").write_bytes(gif + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00" + b"\x2c" + bytes(9) * 2)
    (tmp_path / "moving.png").write_bytes(png(64, 48, chunk(b"acTL", struct.pack(">II", 2, 0))))
    whole = (tmp_path / picture(tmp_path, 200)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    names = ["empty.png", "huge.png", "moving.gif", "moving.png", "cut.png", "none.png"]
    lines = [{"id": name, "rgb": name, "label": "bona_fide", "subject": "a"} for name in names]
    manifest = write(
        tmp_path, *lines, "{broken", sample(tmp_path, "whole", 200), '{"id": "no label", "rgb": "200.png"}'
    )
    status, predictions, report = evaluate(manifest)
    assert status == 1
    reasons = {prediction["id"]: prediction["reason"] for prediction in predictions}
    assert [prediction["decision"] for prediction in predictions[:6]] == ["non_response"] * 6
    for name, word in zip(
        names, ("is empty", "100 million", "GIF", "animated", "cut short", "No such file"), strict=True
    ):
        assert word in reasons[name]
    assert reasons["whole"] == "bona_fide"
    assert [bad["line"] for bad in report["bad_lines"]] == [7, 9]
    assert (report["all"]["bpnrr"], report["unreadable"]) == (pytest.approx(6 / 7), 6)


def test_a_page_is_written_on_demand(tmp_path: Path) -> None:
    manifest = write(tmp_path, sample(tmp_path, "a<b>", 200), sample(tmp_path, "b", 230, **ATTACK), "{")
    status, _, _ = evaluate(manifest, "--html", str(tmp_path / "page" / "of"))
    assert status == 1
    text = (tmp_path / "page" / "of" / "report.html").read_text()
    assert "APCER: print_flat taken for bona fide" in text
    assert "line 3" in text
    assert (tmp_path / "page" / "of" / "det_00_unspecified.png").is_file()
    (tmp_path / "file").write_text("")
    with pytest.raises(LivegateError, match="cannot be made"):
        evaluate(manifest, "--html", str(tmp_path / "file" / "page"))


def test_cues_and_models_are_named(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "tiny")
    manifest = write(tmp_path, sample(tmp_path, "a", 200))
    (tmp_path / "state").mkdir()
    report = tmp_path / "r.json"
    more = ["--model", str(folder), "--report", str(report), "--state-dir", str(tmp_path / "state")]
    assert verb.run(arguments(manifest, *more, "--without", "near_infrared,depth_shape")) == 0
    assert json.loads(report.read_text())["model"]["without"] == ["depth_shape", "near_infrared"]
    with pytest.raises(ConfigError, match=r"--without sonar: no such cue; there are .*near_infrared"):
        verb.run(arguments(manifest, *more, "--without", "sonar"))
    with pytest.raises(ConfigError, match="no such folder"):
        verb.run(arguments(manifest, "--state-dir", str(tmp_path / "nowhere")))


def test_half_characters_are_bad_lines(tmp_path: Path) -> None:
    lines = [
        '{"id": "a\\ud800", "rgb": "x.png", "label": "bona_fide"}',
        '{"id": "b", "rgb": "x.png", "label": "attack", "pai_species": "p\\udfff"}',
        '{"id": "c", "rgb": "x\\ud800.png", "label": "attack"}',
        '{"id": "d", "rgb": "nul\\u0000.png", "label": "attack"}',
    ]
    status, predictions, report = evaluate(write(tmp_path, *lines), "--html", str(tmp_path / "page"))
    assert status == 1
    assert [bad["line"] for bad in report["bad_lines"]] == [1, 2, 3]
    assert [prediction["id"] for prediction in predictions] == ["b", "c", "d"]
    assert {prediction["decision"] for prediction in predictions} == {"non_response"}


def test_figures_by_a_field_of_the_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [sample(tmp_path, f"w{n}", 100 + 30 * n, group="<women>", notes={"phone": 1}) for n in range(5)]
    lines += [sample(tmp_path, f"m{n}", 200 + n, group="men", notes={"phone": 2}) for n in range(2)]
    manifest = write(tmp_path, *lines, sample(tmp_path, "x", 210), sample(tmp_path, "a", 30, **ATTACK, group="men"))
    _, _, report = evaluate(manifest, "--by", "group,notes.phone", "--html", str(tmp_path / "page"))
    said = capsys.readouterr().out
    women, men = report["by"]["group"]["<women>"], report["by"]["group"]["men"]
    assert (women["n"], women["bpcer"], women["intervals_95"]["bpcer"]["subjects"]) == (5, 0.4, 5)
    assert women["intervals_95"]["bpcer"]["interval"] is not None
    assert (men["n"], men["apcer"], men["intervals_95"]["bpcer"]["interval"]) == (3, {"print_flat": 0.0}, None)
    assert report["by"]["group"]["not stated"]["n"] == 1
    assert {value: found["n"] for value, found in report["by"]["notes.phone"].items()} == {
        "1": 5,
        "2": 2,
        "not stated": 2,
    }
    assert "by group:" in said
    assert "  men " in said
    text = (tmp_path / "page" / "report.html").read_text()
    assert "By notes.phone" in text
    assert "&lt;women&gt;" in text
    assert evaluate(manifest)[2]["by"] == {}
