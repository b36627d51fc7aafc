import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livegate.errors import DeviceLost, DriverError, PictureError
from livegate.types import Frame, Role
from livegate_drivers.cameras.recording import Options, RecordedCamera
from livegate_drivers.clips import read_clips
from livegate_drivers.pictures import folder_times, read_picture
from livegate_drivers.readers.recorded import Options as ReaderOptions
from livegate_drivers.readers.recorded import RecordedReader

SOON_S = 10.0
MS = 1_000_000
KEYS = ["frames", "t_ms", "rgb", "nir", "camera", "fx", "fy", "cx", "cy", "card", "kind", "value", "id"]


def paint(path: Path, level: int, role: Role = Role.RGB) -> str:
    shape = (6, 8, 3) if role in (Role.RGB, Role.RGB_RIGHT) else (6, 8)
    cv2.imwrite(str(path), np.full(shape, level, np.uint16 if role is Role.DEPTH else np.uint8))
    return path.name


def clip(folder: Path, name: str, times_ms: list[float], level: int, **more: Any) -> dict[str, Any]:
    frames: list[dict[str, Any]] = []
    for index, t_ms in enumerate(times_ms):
        rgb = paint(folder / f"{name}_{index}.png", level + index)
        nir = paint(folder / f"{name}_{index}_nir.png", level + index, Role.NIR) if index % 2 == 0 else None
        frames.append({"rgb": rgb, "nir": nir, "depth": None, "rgb_right": None, "t_ms": t_ms})
    return {"id": name, "frames": frames, "camera": None, **more}


def manifest(folder: Path, *clips: dict[str, Any]) -> Path:
    path = folder / "clips.jsonl"
    path.write_text("\n".join(json.dumps(clip) for clip in clips) + "\n")
    return path


def play(camera: RecordedCamera) -> list[Frame]:
    """Return all frames to the end; periods in these tests are long, so that a busy machine misses none."""
    frames: list[Frame] = []
    with camera, pytest.raises(DeviceLost, match="recording ended"):
        read_to_end(camera, frames)
    return frames


def read_to_end(camera: RecordedCamera, frames: list[Frame]) -> None:
    while True:
        frames.append(camera.read(SOON_S))


@pytest.fixture
def two_clips(tmp_path: Path) -> Path:
    card = {"t_ms": 150, "kind": "card", "value": "1234"}
    first = clip(tmp_path, "a", [0, 100, 200], 10, card=card)
    return manifest(tmp_path, first, clip(tmp_path, "b", [0, 100], 50, card={**card, "value": "9"}))


def test_frames_are_dated_exactly_and_come_in_order(two_clips: Path) -> None:
    origin_ns = time.monotonic_ns() + 20 * MS
    frames = play(RecordedCamera(Options(two_clips, gap_ms=50, origin_ns=origin_ns, speed=0.5), Role.RGB))
    assert [(f.captured_ns - origin_ns) / MS for f in frames] == [0, 200, 400, 700, 900]
    assert [int(f.image[0, 0, 0]) for f in frames] == [10, 11, 12, 50, 51]
    assert [f.sequence for f in frames] == [0, 1, 2, 3, 4]


def test_cameras_and_reader_of_one_recording_stay_in_step(two_clips: Path) -> None:
    origin_ns = time.monotonic_ns() + 20 * MS
    nir = play(RecordedCamera(Options(two_clips, origin_ns=origin_ns, speed=0.5), Role.NIR))
    assert [(f.captured_ns - origin_ns) / MS for f in nir] == [0, 400, 600]
    assert nir[0].image.shape == (6, 8)
    origin_ns = time.monotonic_ns() + 20 * MS
    with RecordedReader(ReaderOptions(two_clips, origin_ns=origin_ns, speed=2)) as reader:
        reads = [reader.read(SOON_S), reader.read(SOON_S)]
        with pytest.raises(DeviceLost, match="recording ended"):
            reader.read(SOON_S)
    assert [((read.read_ns - origin_ns) / MS, read.value) for read in reads] == [(75, "1234"), (225, "9")]


def test_without_an_origin_those_who_join_play_in_step(two_clips: Path) -> None:
    with RecordedCamera(Options(two_clips), Role.RGB) as rgb:
        first = rgb.read(SOON_S)
        with RecordedCamera(Options(two_clips), Role.NIR) as nir, RecordedReader(ReaderOptions(two_clips)) as reader:
            joined = nir.read(SOON_S)
            card = reader.read(SOON_S)
    assert (joined.captured_ns - first.captured_ns) % (50 * MS) == 0
    assert (card.read_ns - first.captured_ns) % (50 * MS) == 0


def test_a_loop_begins_again_and_counts_on(tmp_path: Path) -> None:
    path = manifest(tmp_path, clip(tmp_path, "a", [0, 20], 10))
    with RecordedCamera(Options(path, loop=True), Role.RGB) as camera:
        frames = [camera.read(SOON_S) for _ in range(5)]
    origin_ns = frames[0].captured_ns - frames[0].sequence * 20 * MS
    assert all(f.captured_ns == origin_ns + f.sequence * 20 * MS for f in frames)
    assert all(int(f.image[0, 0, 0]) == 10 + f.sequence % 2 for f in frames)


def test_what_a_slow_consumer_missed_is_skipped(tmp_path: Path) -> None:
    path = manifest(tmp_path, clip(tmp_path, "a", [float(t) for t in range(0, 2000, 10)], 10))
    with RecordedCamera(Options(path), Role.RGB) as camera:
        first = camera.read(SOON_S)
        time.sleep(0.1)
        second = camera.read(SOON_S)
    assert second.sequence > first.sequence + 5


def test_a_recording_goes_on_where_it_is_when_entered_again(tmp_path: Path) -> None:
    path = manifest(tmp_path, clip(tmp_path, "a", [0, 10], 10))
    camera = RecordedCamera(Options(path, origin_ns=time.monotonic_ns() - 10**9), Role.RGB)
    assert play(camera) == []


def test_chosen_clips_play_in_the_order_chosen(two_clips: Path) -> None:
    assert [clip.id for clip in read_clips(two_clips, ("b", "a"))] == ["b", "a"]
    with pytest.raises(DriverError, match="no clip 'c'"):
        read_clips(two_clips, ("c",))


def test_intrinsics_come_with_the_frame(tmp_path: Path) -> None:
    table = clip(tmp_path, "a", [0], 10) | {"camera": {"fx": 500, "fy": 501, "cx": 4, "cy": 3}}
    frame = play(RecordedCamera(Options(manifest(tmp_path, table)), Role.RGB))[0]
    assert frame.intrinsics is not None
    assert (frame.intrinsics.fx, frame.intrinsics.width, frame.intrinsics.height) == (500, 8, 6)


@pytest.mark.parametrize("name", ["../outside.png", "/etc/passwd", "sub/../../outside.png", "link.png"])
def test_a_manifest_may_not_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    paint(tmp_path / "outside.png", 1)
    (inner / "link.png").symlink_to(tmp_path / "outside.png")
    path = manifest(inner, {"id": "a", "frames": [{"rgb": name, "t_ms": 0}]})
    with pytest.raises(DriverError, match=r"line 1.*leads out of"):
        read_clips(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "holds no clip"),
        ("{", "line 1: is not JSON"),
        ("[]", "lacks 'frames'"),
        ('{"frames": []}', "lacks 'frames'"),
        ('{"frames": [1]}', "lacks 'frames'"),
        ('{"frames": [{"rgb": "a.png"}]}', "'t_ms' must be"),
        ('{"frames": [{"t_ms": NaN}]}', "'t_ms' must be"),
        ('{"frames": [{"t_ms": -1}]}', "'t_ms' must be"),
        ('{"frames": [{"t_ms": 1}, {"t_ms": 1}]}', "must rise"),
        ('{"frames": [{"t_ms": 1, "rgb": 5}]}', "'rgb' must be a path"),
        ('{"frames": [{"t_ms": 1}], "camera": {"fx": 1}}', "'camera' must be"),
        ('{"frames": [{"t_ms": 1}], "card": "x"}', "'card' must be"),
        ('{"frames": [{"t_ms": 1}], "card": {"t_ms": 900, "kind": "card", "value": "1"}}', "after its clip's end"),
    ],
)
def test_a_bad_manifest_is_refused_with_file_line_and_what(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "clips.jsonl"
    path.write_text(line)
    with pytest.raises(DriverError, match=message) as error:
        read_clips(path)
    assert str(path) in str(error.value)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a.png", "../a.png"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)
likely = st.fixed_dictionaries(
    {"frames": st.lists(st.fixed_dictionaries({"t_ms": anything}, optional={"rgb": anything}), min_size=1, max_size=3)},
    optional={"camera": anything, "card": anything, "id": anything},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(anything | likely)
def test_whatever_a_line_holds_is_a_clip_or_refused(tmp_path: Path, table: Any) -> None:
    path = tmp_path / "clips.jsonl"
    path.write_text(json.dumps(table))
    with suppress(DriverError):
        assert read_clips(path)[0].times_ms[0] >= 0


def test_a_line_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clips.jsonl"
    path.write_text("[" * 200_000)
    with pytest.raises(DriverError, match="is not JSON"):
        read_clips(path)


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    path = manifest(tmp_path, {"id": "a", "frames": [{"rgb": "a.png", "t_ms": 0}]})
    # Some Pythons notice when the path is followed, others when the picture is read.
    with pytest.raises((DriverError, PictureError), match=r"a\.png"):
        read_picture(read_clips(path)[0].pictures[0][Role.RGB], Role.RGB)


def test_who_enters_less_than_a_period_late_misses_nothing(tmp_path: Path) -> None:
    path = manifest(tmp_path, clip(tmp_path, "a", [0, 60_000], 10))
    with RecordedCamera(Options(path, origin_ns=time.monotonic_ns() - 10**9), Role.RGB) as camera:
        assert camera.read(SOON_S).sequence == 0


def test_a_role_nobody_recorded_is_refused(two_clips: Path) -> None:
    with pytest.raises(DriverError, match="'depth'"):
        RecordedCamera(Options(two_clips), Role.DEPTH).__enter__()


def test_a_damaged_picture_is_an_error_and_the_next_is_not(tmp_path: Path) -> None:
    path = manifest(tmp_path, clip(tmp_path, "a", [0, 200], 10))
    (tmp_path / "a_0.png").write_bytes(b"no picture")
    with RecordedCamera(Options(path), Role.RGB) as camera:
        with pytest.raises(PictureError, match=r"a_0\.png"):
            camera.read(SOON_S)
        assert camera.read(SOON_S).sequence == 1


@pytest.mark.parametrize("content", [b"", b"GIF89a"])
def test_unreadable_pictures_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    for candidate in (path, tmp_path / "missing.png", tmp_path):
        with pytest.raises(PictureError, match=candidate.name):
            read_picture(candidate, Role.RGB)


def test_depth_must_have_sixteen_bits(tmp_path: Path) -> None:
    paint(tmp_path / "grey.png", 5, Role.NIR)
    with pytest.raises(PictureError, match="16-bit"):
        read_picture(tmp_path / "grey.png", Role.DEPTH)


def test_a_folder_plays_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        paint(tmp_path / f"frame{number}.png", number)
    (tmp_path / "notes.txt").write_text("no picture")
    frames = play(RecordedCamera(Options(tmp_path, fps=5), Role.RGB))
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 2, 10]
    assert frames[2].captured_ns - frames[0].captured_ns == 400 * MS


def test_a_folder_with_timestamps_keeps_them(tmp_path: Path) -> None:
    for name in ("x.png", "y.png"):
        paint(tmp_path / name, 1)
    (tmp_path / "timestamps.csv").write_text("file,t_ms\ny.png,0\nx.png,12.5\n")
    paths, times_ms = folder_times(tmp_path, fps=15)
    assert [path.name for path in paths] == ["y.png", "x.png"]
    assert times_ms == (0, 12.5)


@pytest.mark.parametrize("table", ["", "a,b\n1,2\n", "file,t_ms\nx.png,5\nx.png,5\n", "file,t_ms\nx.png,nan\n"])
def test_bad_timestamps_are_refused(tmp_path: Path, table: str) -> None:
    (tmp_path / "timestamps.csv").write_text(table)
    with pytest.raises(DriverError, match=r"timestamps\.csv"):
        folder_times(tmp_path, fps=15)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="holds no picture"):
        folder_times(tmp_path, fps=15)


def video(path: Path, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (32, 16))
    for index in range(frames):
        writer.write(np.full((16, 32, 3), 20 + 40 * index, np.uint8))
    writer.release()
    return path


def test_a_video_plays_and_loops(tmp_path: Path) -> None:
    path = video(tmp_path / "film.avi", 3)
    with RecordedCamera(Options(path, loop=True), Role.NIR) as camera:
        frames = [camera.read(SOON_S) for _ in range(5)]
    assert all(f.image.shape == (16, 32) for f in frames)
    assert all(abs(int(f.image[0, 0]) - (20 + 40 * (f.sequence % 3))) < 5 for f in frames)


def test_a_video_cannot_be_depth_and_text_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="16-bit"):
        RecordedCamera(Options(video(tmp_path / "film.avi", 3)), Role.DEPTH).__enter__()
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(DriverError, match=r"text\.mp4"):
        RecordedCamera(Options(tmp_path / "text.mp4"), Role.RGB).__enter__()
