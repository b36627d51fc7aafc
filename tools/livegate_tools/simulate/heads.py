"""Simulated multi-sensor samples of heads and of attacks made from them: one function of (index, seed, split)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.errors import ConfigError
from livegate.types import Intrinsics
from livegate_tools.simulate.boxes import face_box
from livegate_tools.simulate.head import Pose
from livegate_tools.simulate.held_out import Split, draw_constant
from livegate_tools.simulate.identity import Identity, draw_identity
from livegate_tools.simulate.lighting import Backdrop, Light, Surroundings, draw_backdrop, draw_light
from livegate_tools.simulate.makehuman import Assets
from livegate_tools.simulate.mixture import ANY, Mixture
from livegate_tools.simulate.moments import draw_timing
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.presentations import present
from livegate_tools.simulate.presented import Posture, Presented, Species, Stage
from livegate_tools.simulate.renderer import Illuminator, Radiance, Scene, draw, project, to_camera
from livegate_tools.simulate.sensors import (
    RenderedFrame,
    Sensors,
    capture,
    draw_ambient,
    draw_sensors,
    extra_fields,
)
from livegate_tools.simulate.stereo_view import seen_from_right
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]

WIDTH, HEIGHT = 640, 480
IDENTITIES_PER_SPLIT = {Split.TRAIN: 600, Split.DEV: 100, Split.TEST: 60}
LIVE_SHARE = 0.45
BORDERLESS_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Room:
    """Where and with what a presentation is seen: light, background, near-infrared lamp, cameras."""

    light: Light
    backdrop: Backdrop
    illuminator: Illuminator
    sensors: Sensors
    camera: Intrinsics


def draw_room(surroundings: Surroundings, split: Split, rng: np.random.Generator, reference_mm: float) -> Room:
    """Return a terminal in a room; its near-infrared lamp is set for ``reference_mm``."""
    focal = draw_constant(rng, 480, 700, split)
    centre = rng.normal(0, 4, 2)
    camera = Intrinsics(focal, focal, (WIDTH - 1) / 2 + centre[0], (HEIGHT - 1) / 2 + centre[1], WIDTH, HEIGHT)
    place = (float(rng.uniform(-35, 35)), float(rng.uniform(-25, 10)), 0.0)
    illuminator = Illuminator(
        place, reference_mm * rng.uniform(0.7, 1.2), strength=rng.uniform(0.8, 1.25), ambient=draw_ambient(rng)
    )
    sensors = draw_sensors(rng, split, draw_timing(rng, split, focal / reference_mm))
    light = draw_light(surroundings, rng)
    return Room(light, draw_backdrop(surroundings, rng, WIDTH, HEIGHT), illuminator, sensors, camera)


def render_scene(room: Room, presented: Presented | None, position: Array, rng: np.random.Generator) -> RenderedFrame:
    """Return the pictures of a presentation, its origin at ``position`` (3,) mm in camera coordinates, or of none."""
    if presented is None:
        scene = Scene((), TextureBank(), room.light, room.illuminator, room.backdrop)
        return capture(_drawn(scene, room), room.sensors, rng, None)
    still = np.eye(3)
    parts = tuple(Part(to_camera(p.mesh).placed(still, position), p.material) for p in presented.parts)
    scene = Scene(parts, presented.bank, room.light, room.illuminator, room.backdrop)
    landmarks = presented.landmarks * (1, -1, -1) + position
    return capture(_drawn(scene, room), room.sensors, rng, face_box(project(landmarks, room.camera)))


def _drawn(scene: Scene, room: Room) -> Radiance:
    """The scene as all cameras see it: the second colour camera from where it stands."""
    seen = draw(scene, room.camera)
    if room.sensors.right is None:
        return seen
    aside, focal = room.sensors.right.baseline_mm, room.camera.fx
    backdrop = scene.backdrop
    beyond = replace(backdrop, rgb=seen_from_right(backdrop.rgb, backdrop.depth_mm, focal, aside))
    shift = np.array([-aside, 0.0, 0.0])
    parts = tuple(Part(part.mesh.placed(np.eye(3), shift), part.material) for part in scene.parts)
    return replace(seen, right=draw(replace(scene, parts=parts, backdrop=beyond), room.camera).rgb)


@dataclass(slots=True)
class HeadSimulator:
    """The 3D half of the simulator over the folders of assets and backgrounds."""

    assets_folder: Path
    backgrounds_folder: Path
    _assets: Assets = field(init=False)
    _surroundings: dict[Split, Surroundings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the base mesh at once, so that a wrong folder is reported before any work."""
        self._assets = Assets(self.assets_folder)

    def stage(self, split: Split) -> Stage:
        """Return the assets and the split's backgrounds."""
        if split not in self._surroundings:
            self._surroundings[split] = Surroundings.load(self.backgrounds_folder, split)
        return Stage(self._assets, self._surroundings[split])

    def person(self, split: Split, number: int) -> Identity:
        """Return the person ``number`` of a split."""
        return draw_identity(self._assets, split, number)

    def render(
        self, index: int, seed: int, split: Split, mixture: Mixture = ANY
    ) -> tuple[RenderedFrame, dict[str, Any]]:
        """Return sample ``index`` and its manifest fields, except the paths; the same arguments give the same bytes."""
        rng = np.random.default_rng([seed, list(Split).index(split), index])
        if mixture.least_face_px:
            raise ConfigError("--least-face-px: goes with --lifted; rendered heads stand 0.3 to 1.1 m away")
        alive = mixture.is_alive(index)
        shares = {str(species): 1.0 for species in Species}
        if rng.random() < LIVE_SHARE if alive is None else alive:
            species = None
        else:
            species = Species(mixture.species_of(rng, index, shares))
        count = IDENTITIES_PER_SPLIT[split]
        first = int(rng.integers(count))
        people = (self.person(split, first), self.person(split, (first + 1 + int(rng.integers(count - 1))) % count))
        stage = self.stage(split)
        presentation = present(stage, species, people, rng)
        closeup = rng.random() < BORDERLESS_SHARE
        turn = 0.25 if closeup and species in (Species.PRINT_FLAT, Species.PRINT_BENT) else 1.0
        pose = Pose(*(turn * value for value in (rng.uniform(-25, 25), rng.normal(0, 8), rng.normal(0, 6))))
        presented = presentation(Posture(pose))
        apparent = float(np.exp(rng.uniform(np.log(300), np.log(1100))))
        distance = float(np.clip(apparent * presented.scale, 170, 1250))
        room = draw_room(stage.surroundings, split, rng, distance)
        if closeup and presented.sheet_mm is not None:
            position = _filling(presented, presented.sheet_mm, room.camera, rng)
            lamp = room.illuminator
            nearer = replace(lamp, reference_mm=lamp.reference_mm * float(position[2]) / distance)
            room = replace(room, illuminator=nearer)
        else:
            position = _aimed(presented, distance, room.camera, rng)
        frame = render_scene(room, presented, position, rng)
        return frame, _described(index, seed, split, species, people, room, frame)


def _aimed(presented: Presented, distance: float, camera: Intrinsics, rng: np.random.Generator) -> Array:
    """Return the position that puts the face's middle at a random place of the picture, at a distance in mm."""
    middle = presented.landmarks.mean(axis=0) * (1, -1, -1)
    x = (rng.uniform(0.28, 0.72) * WIDTH - camera.cx) / camera.fx * distance
    y = (rng.uniform(0.35, 0.62) * HEIGHT - camera.cy) / camera.fy * distance
    return np.asarray(np.array([x, y, distance]) - middle)


def _filling(
    presented: Presented, sheet_mm: tuple[float, float], camera: Intrinsics, rng: np.random.Generator
) -> Array:
    """Return the position at which a sheet just covers the whole picture."""
    fits = min(sheet_mm[0] / WIDTH * camera.fx, sheet_mm[1] / HEIGHT * camera.fy)
    return np.array([0.0, 0.0, max(fits * rng.uniform(0.75, 0.95), 120.0)]) - np.array(presented.middle) * (1, -1, -1)


def _described(index: int, seed: int, split: Split, species: Species | None, people: tuple[Identity, Identity],
               room: Room, frame: RenderedFrame) -> dict[str, Any]:  # fmt: skip
    box = None if frame.box is None else [round(value, 1) for value in frame.box]
    return {
        "id": f"heads-{split}-{seed}-{index:06d}",
        **extra_fields(room.sensors),
        "camera": {name: round(getattr(room.camera, name), 3) for name in ("fx", "fy", "cx", "cy")},
        "label": "bona_fide" if species is None else "attack",
        "pai_species": species,
        "subject": people[0].name,
        "source": "simulated_heads",
        "box": box,
        "split": str(split),
        "seed": seed,
        "identity": people[0].name,
        "device": None,
        "camera_id": room.sensors.colour.camera_id,
        "background": room.backdrop.name,
    }
