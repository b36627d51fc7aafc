"""The head simulator over tiny assets made here: an egg on a barrel instead of a person."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.errors import AssetError, LivegateError
from livegate_tools.simulate.dataset import Job, write_dataset
from livegate_tools.simulate.heads import HeadSimulator
from livegate_tools.simulate.held_out import Split, split_of
from livegate_tools.simulate.identity import draw_identity
from livegate_tools.simulate.makehuman import Assets
from livegate_tools.simulate.meshes import read_obj, read_proxy, read_target
from livegate_tools.simulate.visits import FRAME_MS, card_value, programme, write_visits

JOINTS = {
    "joint-l-eye": (0.31, 7.6, 1.2), "joint-r-eye": (-0.31, 7.6, 1.2), "joint-l-shoulder": (1.6, 5.9, 0),
    "joint-r-shoulder": (-1.6, 5.9, 0), "joint-l-elbow": (2.9, 4.4, 0), "joint-l-hand": (4.1, 2.9, 0),
    "joint-l-finger-2-1": (4.4, 2.2, 0.35), "joint-l-finger-3-1": (4.5, 2.2, 0.1),
    "joint-l-finger-5-1": (4.4, 2.2, -0.35),
}  # fmt: skip
UNITS = (
    "mouth-corner-puller", "mouth-open", "eyebrows-left-up", "eyebrows-right-up", "mouth-compression",
    "mouth-retraction", "eye-left-slit", "eye-right-slit", "eyebrows-left-down", "eyebrows-right-down",
    "mouth-depression", "mouth-parling", "eye-left-closure", "eye-right-closure",
)  # fmt: skip
SKINS = {
    "young_lightskinned_female_diffuse": "female", "old_lightskinned_male_diffuse": "male",
    "middleage_darkskinned_male_diffuse": "male",
}  # fmt: skip
ANCESTRIES = ("african", "asian", "caucasian")


def ellipsoid(centre: tuple[float, ...], radii: tuple[float, ...], first: int) -> tuple[list[str], list[str]]:
    theta, phi = np.meshgrid(np.linspace(0.02, np.pi - 0.02, 16), np.linspace(0, 2 * np.pi, 25), indexing="ij")
    unit = np.stack([np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)], axis=-1)
    points = (unit * radii + centre).reshape(-1, 3)
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points]
    lines += [f"vt {p / 6.3:.4f} {t / 3.2:.4f}" for p, t in zip(phi.ravel(), theta.ravel(), strict=True)]
    at = np.arange(first, first + len(points)).reshape(theta.shape)
    quads = np.stack([at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]], axis=-1).reshape(-1, 4)
    return lines, ["f " + " ".join(f"{i}/{i}" for i in quad) for quad in quads]


def write_base(path: Path) -> None:
    lines: list[str] = []
    faces: list[str] = ["g body"]
    count = 1
    for centre, radii in (
        ((0, 7.4, 0.5), (0.75, 1.1, 0.9)), ((0, 7.2, 1.35), (0.16, 0.2, 0.25)), ((0, 4.2, 0), (1.5, 2.1, 0.8)),
        ((4.4, 2.4, 0), (0.4, 0.9, 0.2)),
    ):  # fmt: skip
        vertices, quads = ellipsoid(centre, radii, count)
        lines, faces, count = lines + vertices, faces + quads, count + 16 * 25
    for name, (x, y, z) in JOINTS.items():
        lines += [f"v {x + dx} {y + dy} {z}" for dx, dy in ((0.01, 0), (-0.01, 0.01), (0, -0.01))] + ["vt 0 0"] * 3
        faces += [f"g {name}", f"f {count}/{count} {count + 1}/{count + 1} {count + 2}/{count + 2}"]
        count += 3
    path.write_text("\n".join(lines + faces) + "\n")


def write_proxy(folder: Path, corner: int) -> None:
    folder.mkdir(parents=True)
    corners = (corner, corner + 1, corner + 25)
    (folder / f"{folder.name}.obj").write_text(
        "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\ng part\nf 1/1 2/2 3/3\n"
    )
    rows = "\n".join(f"{c} {c} {c} 1.0 0.0 0.0 0.0 0.0 0.02" for c in corners)
    (folder / f"{folder.name}.mhclo").write_text(f"# made here\nx_scale 0 400 1.0\nverts 0\n{rows}\n")
    cv2.imwrite(str(folder / f"{folder.name}.png"), np.full((8, 8, 4), 255, np.uint8))


def write_target(path: Path, body: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(f"# made here\n{body}".encode()))


def write_targets(folder: Path) -> None:
    for gender in ("female", "male"):
        for age in ("old", "young"):
            for ancestry in ANCESTRIES:
                write_target(folder / "macrodetails" / f"{ancestry}-{gender}-{age}.target.gz")
            for muscle in ("min", "average", "max"):
                for weight in ("min", "average", "max"):
                    name = f"universal-{gender}-{age}-{muscle}muscle-{weight}weight.target.gz"
                    write_target(folder / "macrodetails" / name)
    for ancestry in ANCESTRIES:
        for unit in UNITS:
            write_target(folder / "expression" / "units" / ancestry / f"{unit}.target.gz")
    write_target(folder / "nose" / "nose-hump-decr.target.gz", "405 0 0 -0.05\n")
    write_target(folder / "nose" / "nose-hump-incr.target.gz", "405 0 0 0.05\n")


@pytest.fixture(scope="module")
def assets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("assets")
    for name in ("base", "skins", "eyes/textures"):
        (root / name).mkdir(parents=True)
    write_base(root / "base" / "base.obj")
    write_targets(root / "targets")
    for name in ("hair/short01", "hair/bob01", "hair/short02", "eyebrows/b1", "eyelashes/l1", "eyes/high-poly"):
        write_proxy(root / name, 110)
    cv2.imwrite(str(root / "eyes" / "textures" / "brown_eye.png"), np.full((8, 8, 4), 90, np.uint8))
    for name in SKINS:
        cv2.imwrite(str(root / "skins" / f"{name}.png"), np.full((8, 8, 3), (120, 150, 200), np.uint8))
    (root / "skins.json").write_text(
        json.dumps([{"file": f"skins/{n}.png", "age": n.split("_")[0], "ethnicity": "caucasian", "gender": g}
                    for n, g in SKINS.items()])
    )  # fmt: skip
    return root


@pytest.fixture(scope="module")
def backgrounds_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("backgrounds")
    for folder in ("panoramas_hdr", "views"):
        (root / folder).mkdir()
    names = {split_of(f"room{k}"): f"room{k}" for k in range(60)}
    rng = np.random.default_rng(0)
    for name in names.values():
        cv2.imwrite(str(root / "panoramas_hdr" / f"{name}.hdr"), rng.random((16, 32, 3)).astype(np.float32))
        cv2.imwrite(str(root / "views" / f"{name}_0.jpg"), rng.integers(0, 255, (36, 48, 3)).astype(np.uint8))
    return root


@pytest.fixture
def simulator(assets_folder: Path, backgrounds_folder: Path) -> HeadSimulator:
    return HeadSimulator(assets_folder, backgrounds_folder)


def test_equal_arguments_give_equal_pictures(simulator: HeadSimulator) -> None:
    first, told = simulator.render(3, 7, Split.TRAIN)
    second, again = simulator.render(3, 7, Split.TRAIN)
    assert told == again
    for role in ("rgb", "nir", "depth"):
        assert (getattr(first, role) == getattr(second, role)).all()
    other, _ = simulator.render(4, 7, Split.TRAIN)
    assert (other.rgb != first.rgb).any()


def test_a_sample_is_what_the_manifest_says(simulator: HeadSimulator) -> None:
    seen = set()
    for index in range(10):
        frame, told = simulator.render(index, 1, Split.TRAIN)
        assert (told["label"] == "bona_fide") == (told["pai_species"] is None)
        assert frame.rgb.shape == (480, 640, 3)
        assert (frame.nir.shape, frame.nir.dtype) == ((480, 640), np.uint8)
        assert (frame.depth.shape, frame.depth.dtype) == ((480, 640), np.uint16)
        x, y, w, h = told["box"]
        assert w > 15
        assert 0 < x + w / 2 < 640
        assert 0 < y + h / 2 < 480
        seen.add(told["pai_species"])
    assert len(seen) >= 3


def test_the_box_lies_on_the_presented_surface(simulator: HeadSimulator) -> None:
    for index in range(4):
        frame, told = simulator.render(index, 2, Split.TRAIN)
        x, y, w, h = told["box"]
        assert frame.truth_mm[int(y + h / 2), int(x + w / 2)] < 1450.0


def test_people_of_the_splits_share_no_skin_and_no_hair(assets_folder: Path) -> None:
    assets = Assets(assets_folder)
    people = {split: [draw_identity(assets, split, n) for n in range(30)] for split in Split}
    skins = [{p.skin.name for p in group} for group in people.values()]
    hair = [{p.hair for p in group} - {None} for group in people.values()]
    assert not skins[0] & skins[1]
    assert not skins[0] & skins[2]
    assert not hair[0] & hair[2]
    assert draw_identity(assets, Split.TRAIN, 5) == people[Split.TRAIN][5]


def test_a_data_set_can_be_resumed(simulator: HeadSimulator, tmp_path: Path) -> None:
    whole = Job(simulator, tmp_path / "whole", 3, 1, Split.DEV)
    assert write_dataset(whole, jobs=1) == 3
    begun = tmp_path / "begun"
    assert write_dataset(Job(simulator, begun, 2, 1, Split.DEV), jobs=1) == 2
    assert write_dataset(Job(simulator, begun, 3, 1, Split.DEV), jobs=1) == 1
    for name in ("manifest.jsonl", "rgb/000002.jpg", "nir/000001.jpg", "depth/000000.png"):
        assert (begun / name).read_bytes() == (whole.folder / name).read_bytes()
    line = json.loads((begun / "manifest.jsonl").read_text().splitlines()[1])
    depth = cv2.imread(str(begun / line["depth"]), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16


def test_another_seed_does_not_mix_into_a_data_set(simulator: HeadSimulator, tmp_path: Path) -> None:
    write_dataset(Job(simulator, tmp_path, 1, 1, Split.DEV), jobs=1)
    with pytest.raises(LivegateError, match="give another --out"):
        write_dataset(Job(simulator, tmp_path, 1, 2, Split.DEV), jobs=1)


def test_a_wrong_assets_folder_is_named(tmp_path: Path, backgrounds_folder: Path) -> None:
    with pytest.raises(AssetError, match="--assets"):
        HeadSimulator(tmp_path, backgrounds_folder)


def test_a_missing_room_is_named(assets_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="--backgrounds"):
        HeadSimulator(assets_folder, tmp_path).render(0, 1, Split.TRAIN)


def test_formats_are_read_as_documented(assets_folder: Path) -> None:
    positions, topology = read_obj(assets_folder / "base" / "base.obj")
    assert positions.shape[0] == 4 * 400 + 3 * len(JOINTS)
    assert "joint-l-eye" in topology.group_names
    moved, offsets = read_target(assets_folder / "targets" / "nose" / "nose-hump-incr.target.gz")
    assert (moved.tolist(), offsets.tolist()) == ([405], [[0.0, 0.0, pytest.approx(0.05)]])
    proxy = read_proxy(assets_folder / "hair" / "short01")
    followed = proxy.positions(positions)
    assert followed[0, 2] - positions[110, 2] == pytest.approx(0.02 * abs(positions[0, 2] - positions[1, 2]), abs=1e-6)
    assert (followed[0, :2] == positions[110, :2]).all()


def test_the_programme_of_visits_keeps_its_promise() -> None:
    visits = programme()
    assert len(visits) == 16
    assert sum(v.authorised for v in visits) == 9
    assert sum(v.species is None and v.card is None for v in visits) == 1
    assert len({v.species for v in visits if v.species}) == 6
    assert all(v.card is not None for v in visits if v.species)
    for start in range(16):
        eight = [visits[(start + k) % 16] for k in range(8)]
        assert sum(v.species is not None for v in eight) >= 2
        assert sum(v.authorised for v in eight) >= 3
    assert len({card_value(owner) for owner in range(1, 10)}) == 9


def test_visits_are_written_as_clips(simulator: HeadSimulator, tmp_path: Path) -> None:
    size = write_visits(simulator, tmp_path, 1, programme()[9:10])
    clips = [json.loads(line) for line in (tmp_path / "visits.jsonl").read_text().splitlines()]
    assert size > 0
    assert [clip["authorised"] for clip in clips] == [False]
    for clip in clips:
        assert [f["t_ms"] for f in clip["frames"]] == [FRAME_MS * k for k in range(len(clip["frames"]))]
        assert clip["frames"][0]["rgb"].startswith("empty/")
        assert clip["frames"][-1]["rgb"].startswith("empty/")
        assert all((tmp_path / f[role]).is_file() for f in clip["frames"] for role in ("rgb", "nir", "depth"))
        assert set(clip["card"]) == {"t_ms", "kind", "value"}
