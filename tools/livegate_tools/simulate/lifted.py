"""Photographed people as multi-sensor samples: two colour cameras, near infrared and depth, alive and as attacks.

The colour picture is made as in pictures.py; heads are lifted off their photographs by a fitted relief (lifting.py).
Frames 2k and 2k + 1 are of one person, alive and as an attack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from livegate.errors import PictureError
from livegate_tools.simulate.compose import Pose, covered_share, pose, present
from livegate_tools.simulate.flat_attack import SPECIES_SHARES, medium_of
from livegate_tools.simulate.geometry import BoxPx, Pixels, inside_share
from livegate_tools.simulate.held_out import Split, draw_constant
from livegate_tools.simulate.layers import Layers, backdrop_layers, draw_daylight, infrared, with_surface
from livegate_tools.simulate.lifted_medium import medium_depth, medium_mm_per_px, with_medium
from livegate_tools.simulate.lifted_person import Body, stand
from livegate_tools.simulate.living import MOST_ENLARGED, draw_face_px, fits_filling, matte_of, pick_portrait
from livegate_tools.simulate.medium import Medium, Shown, capture_shown
from livegate_tools.simulate.mixture import ANY, Mixture
from livegate_tools.simulate.moments import draw_timing
from livegate_tools.simulate.portraits import Portrait, Sources, load_linear, read_sources
from livegate_tools.simulate.renderer import Illuminator, Radiance
from livegate_tools.simulate.scenes import HEIGHT, WIDTH, blur, flicker, relight, room
from livegate_tools.simulate.sensors import (
    RenderedFrame,
    Sensors,
    capture,
    draw_ambient,
    draw_sensors,
    extra_fields,
)
from livegate_tools.simulate.stereo_view import seen_from_right

_ATTEMPTS = 80
_LEAST_IN_VIEW = 0.7
_HOLDERS = 0.4
# A face as wide as the least asked for must be drawn now and then.
_LEAST_SHRUNK = 0.9
_HIDDEN = 0.8
_NEAREST_MM = 120.0
# A sheet worn before a face rests on the nose, whose tip stands 19 mm before the middle of the face.
_WORN_MM = (15, 30)


@dataclass(frozen=True, slots=True)
class _Frame:
    """One scene before the cameras: colour, the other layers, the box, its species (None: alive), how far it is."""

    linear: Pixels
    layers: Layers
    box: BoxPx
    species: str | None
    device: str | None
    background: str
    middle_mm: float


@dataclass(slots=True)
class LiftedSimulator:
    """Living people and attacks with near infrared and depth, from the portraits and backgrounds in a data folder."""

    data: Path
    _sources: dict[Split, Sources] = field(default_factory=dict)

    def render(
        self, index: int, seed: int, split: Split, mixture: Mixture = ANY
    ) -> tuple[RenderedFrame, dict[str, Any]]:
        """Return sample ``index`` and its manifest fields except the paths; equal arguments give equal results.

        Raises:
            PictureError: no portrait of the split can be cut out.
        """
        if split not in self._sources:
            self._sources[split] = read_sources(self.data, split)
        sources, number = self._sources[split], list(Split).index(split)
        person = _liftable(np.random.default_rng([seed, index // 2, number, 1]), sources, mixture.least_face_px)
        rng = np.random.default_rng([seed, index, number, 1])
        focal = draw_constant(rng, 480, 700, split)
        alive = mixture.is_alive(index)
        species = None
        if not (index % 2 == 0 if alive is None else alive):
            species = mixture.species_of(rng, index, SPECIES_SHARES)
        scenes = (_shown(rng, sources, person, focal, species) for _ in range(_ATTEMPTS))
        least_px = mixture.least_face_px
        scene = next((scene for scene in scenes if scene is not None and scene.box[2] >= least_px), None)
        if scene is None:
            raise PictureError(f"{person.path}: no presentation keeps this face in view; remove it from its index")
        frame, sensors = _captured(rng, scene, split, focal)
        return frame, _described(index, seed, split, person, scene, focal, sensors)


def _shown(rng: np.random.Generator, sources: Sources, person: Portrait, focal: float, species: str | None
           ) -> _Frame | None:  # fmt: skip
    if species is None:
        return _alive(rng, sources, person, focal)
    return _attack(rng, sources, person, focal, species)


def _liftable(rng: np.random.Generator, sources: Sources, least_px: float = 0.0) -> Portrait:
    for _ in range(40):
        portrait = pick_portrait(rng, sources)
        large = _LEAST_SHRUNK * MOST_ENLARGED * portrait.box[2] >= least_px
        if large and portrait.points and fits_filling(portrait) and matte_of(portrait) is not None:
            return portrait
    raise PictureError(f"no portrait of split '{sources.split}' can be cut out; give a data folder with more of them")


def _alive(rng: np.random.Generator, sources: Sources, person: Portrait, focal: float) -> _Frame | None:
    behind, name = room(rng, sources)
    body = stand(rng, person, behind, focal)
    if body is None or inside_share(body.box, WIDTH, HEIGHT) < _LEAST_IN_VIEW:
        return None
    linear, layers = _before(body, behind, backdrop_layers(rng, behind), 0.0)
    return _Frame(linear, layers, body.box, None, None, name, body.face_mm)


def _before(body: Body, behind: Pixels, layers: Layers, least_mm: float) -> tuple[Pixels, Layers]:
    """The person before the room, moved back to ``least_mm`` where the face would be nearer."""
    share = body.surface.share[..., None]
    back = max(0.0, least_mm - body.face_mm)
    surface = body.surface
    moved = type(surface)(
        surface.share, surface.kind, surface.albedo, surface.depth_mm + back, surface.glint, surface.polish
    )
    return np.asarray(behind + share * (body.linear - behind), np.float32), with_surface(layers, moved)


def _attack(rng: np.random.Generator, sources: Sources, person: Portrait, focal: float, species: str
            ) -> _Frame | None:  # fmt: skip
    behind, name = room(rng, sources)
    worn, other = species == "cutout_mask", _liftable(rng, sources)
    wearer = stand(rng, other, behind, focal) if worn and other.subject != person.subject else None
    if worn and (wearer is None or inside_share(wearer.box, WIDTH, HEIGHT) < _LEAST_IN_VIEW):
        return None
    medium, held = _presented(rng, sources, species, person, wearer, focal)
    depth = medium_depth(medium, held, focal, medium_mm_per_px(rng, medium, worn))
    plane_mm = _at_face(depth, held.box(medium))
    if plane_mm < _NEAREST_MM or inside_share(held.box(medium), WIDTH, HEIGHT) < _LEAST_IN_VIEW:
        return None
    layers, body, least_mm = backdrop_layers(rng, behind), wearer, 0.0
    if wearer is not None:
        depth = depth + np.float32(wearer.face_mm - rng.uniform(*_WORN_MM) - plane_mm)
        plane_mm = wearer.face_mm
    elif rng.random() < _HOLDERS:
        body, least_mm = _holder(rng, other, behind, medium, held, focal), plane_mm + float(rng.uniform(120, 350))
    if body is not None:
        behind, layers = _before(body, behind, layers, least_mm)
    hands = bool(rng.random() < (0.08 if species == "replay_monitor" else 0.35 if worn else 0.8))
    done = present(rng, behind, medium, held, hands)
    if body is not None and not worn and covered_share(done.covered, body.box) < _HIDDEN:
        return None
    layers = with_medium(rng, layers, medium, held, depth, done)
    return _Frame(done.linear, layers, done.box, species, medium.device, name, plane_mm)


def _at_face(depth: Pixels, box: BoxPx) -> float:
    """How far the middle of the face on a medium is."""
    row, column = box[1] + box[3] / 2, box[0] + box[2] / 2
    return float(depth[int(np.clip(row, 0, HEIGHT - 1)), int(np.clip(column, 0, WIDTH - 1))])


def _presented(rng: np.random.Generator, sources: Sources, species: str, person: Portrait, wearer: Body | None,
               focal: float) -> tuple[Medium, Pose]:  # fmt: skip
    """The medium with the person's picture, and its pose: anywhere in view, or before the wearer's face."""
    face_px = draw_face_px(rng, person) if wearer is None else wearer.box[2] * float(rng.uniform(1.0, 1.3))
    seen = Shown(load_linear(person.path), person.box)
    medium = medium_of(rng, sources, species, capture_shown(rng, seen, sources.split, face_px), None)
    at = (float(rng.uniform(0.25, 0.75) * WIDTH), float(rng.uniform(0.28, 0.72) * HEIGHT))
    if wearer is not None:
        at = (wearer.box[0] + wearer.box[2] / 2, wearer.box[1] + wearer.box[3] / 2)
    return medium, pose(rng, medium, at, 0.0 if wearer is None else 0.6, focal)


def _holder(rng: np.random.Generator, other: Portrait, behind: Pixels, medium: Medium, held: Pose,
            focal: float) -> Body | None:  # fmt: skip
    """Whoever holds the medium, the face hidden by it."""
    corners = held.corners(medium)
    middle, span = corners.mean(axis=0), np.ptp(corners, axis=0)
    head = float(np.clip(0.62 * min(span[0], span[1] / 1.5), 40, 260))
    return stand(rng, other, behind, focal, (float(middle[0]), float(middle[1]), head))


def _captured(rng: np.random.Generator, scene: _Frame, split: Split, focal: float) -> tuple[RenderedFrame, Sensors]:
    lamp = Illuminator((0.0, 0.0, 0.0), scene.middle_mm * float(rng.uniform(0.7, 1.2)),
                       float(rng.uniform(0.8, 1.25)), draw_ambient(rng))  # fmt: skip
    sensors = draw_sensors(rng, split, draw_timing(rng, split, focal / scene.middle_mm))
    linear, layers = flicker(rng, blur(rng, relight(rng, scene.linear, 0.4))), scene.layers
    daylight = draw_daylight(rng, scene.linear, layers.depth_mm, focal)
    nir, ambient = infrared(layers, lamp, focal, daylight)
    baseline = 0.0 if sensors.right is None else sensors.right.baseline_mm
    right = seen_from_right(linear, layers.depth_mm, focal, baseline)
    light = Radiance(linear, nir, layers.depth_mm, layers.kinds, ambient, right)
    return capture(light, sensors, rng, scene.box), sensors


def _described(index: int, seed: int, split: Split, person: Portrait, scene: _Frame, focal: float,
               sensors: Sensors) -> dict[str, Any]:  # fmt: skip
    label, box = "bona_fide" if scene.species is None else "attack", [round(v, 1) for v in scene.box]
    return {
        "id": f"lifted_{split}_{seed}_{index:06d}", **extra_fields(sensors),
        "camera": {"fx": round(focal, 3), "fy": round(focal, 3), "cx": (WIDTH - 1) / 2, "cy": (HEIGHT - 1) / 2},
        "label": label, "pai_species": scene.species, "subject": person.subject, "identity": person.subject,
        "portrait_source": person.source, "background": scene.background, "device": scene.device, "box": box,
        "faces": [{"box": box, "label": label}], "unsure": [],
        "source": "simulated_lifted", "split": str(split), "seed": seed, "camera_id": sensors.colour.camera_id,
    }  # fmt: skip
