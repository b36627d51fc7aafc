"""The visits that ship with Livegate: short multi-sensor clips at one terminal, of people no model was trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import LivegateError
from livegate.progress import Progress
from livegate_tools.simulate.cameras import CameraModel
from livegate_tools.simulate.depth_sensor import draw_depth
from livegate_tools.simulate.head import Pose
from livegate_tools.simulate.heads import HEIGHT, WIDTH, HeadSimulator, Room, draw_room, render_scene
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.lighting import Surroundings, draw_backdrop
from livegate_tools.simulate.presentations import present
from livegate_tools.simulate.presented import Habits, Posture, Presentation, Presented, Species
from livegate_tools.simulate.sensors import RenderedFrame, Sensors

Array = NDArray[Any]

FRAME_MS = 125
EMPTY_BEFORE, SHOWN, EMPTY_AFTER = 2, 13, 3
CARD_MS = 300

_STANDING_MM = 520.0
_RGB_QUALITY, _NIR_QUALITY, _PNG_EFFORT = 78, 75, 9
_RANGE_MM = 1200.0
_NEAREST_MM = 240.0
_EXPOSURE_EV = -0.35
_UNKNOWN_CARD = "04D1A9C2F7E680"


@dataclass(frozen=True, slots=True)
class Visit:
    """Who comes: person ``number`` of the test split with the card of owner ``card`` (None: an unknown card)."""

    name: str
    number: int
    card: int | None
    species: Species | None
    title: str

    @property
    def authorised(self) -> bool:
        """Whether the person holds a card of their own and is alive."""
        return self.species is None and self.card is not None


_CARRIED_TITLES = {
    Species.PRINT_FLAT: "a flat print of the owner, with the owner's card",
    Species.PRINT_BENT: "a bent print of the owner, with the owner's card",
    Species.REPLAY_PHONE: "the owner's picture on a phone, with the owner's card",
    Species.REPLAY_TABLET: "the owner's picture on a tablet, with the owner's card",
    Species.CUTOUT_MASK: "a paper mask of the owner, with the owner's card",
    Species.MASK_3D: "a three-dimensional mask of the owner, with the owner's card",
}
_STRANGER = "unknown"
# Any eight visits in a row, the last followed by the first, hold at least two attacks and three authorised people.
_ORDER: tuple[Species | str | None, ...] = (
    None, Species.PRINT_FLAT, None, None, Species.REPLAY_PHONE, None, None, Species.CUTOUT_MASK,
    None, _STRANGER, Species.REPLAY_TABLET, None, Species.PRINT_BENT, None, Species.MASK_3D, None,
)  # fmt: skip


def programme() -> tuple[Visit, ...]:
    """Return the sixteen visits in order: nine owners with their card, a stranger, and six attacks on an owner."""
    visits: list[Visit] = []
    owner = 0
    for place, what in enumerate(_ORDER, start=1):
        if what is None:
            owner += 1
            visits.append(Visit(f"v{place:02d}-live", owner, owner, None, f"owner {owner} with their own card"))
        elif isinstance(what, Species):
            victim = owner
            visits.append(Visit(f"v{place:02d}-{what}", victim, victim, what, _CARRIED_TITLES[what]))
        else:
            visits.append(Visit(f"v{place:02d}-live", len(_ORDER), None, None, "a living stranger, unknown card"))
    return tuple(visits)


def card_value(owner: int) -> str:
    """Return the value a reader delivers for the card of an owner: a seven-byte serial number in hexadecimal."""
    return f"04A1B2C3D4{owner:02X}80"


def write_visits(simulator: HeadSimulator, out: Path, seed: int, visits: tuple[Visit, ...] | None = None) -> int:
    """Render visits (default: the whole programme) into ``out``; return how many bytes are there.

    Writes visits.jsonl, a manifest of clips, a folder a visit, and the folder ``empty`` they share.
    """
    terminal = _terminal(simulator, seed)
    visits = programme() if visits is None else visits
    try:
        out.mkdir(parents=True, exist_ok=True)
        empty = list(_empty(terminal, out, seed))
        lines = []
        with Progress("visits", len(visits)) as progress:
            for number, visit in enumerate(visits):
                lines.append(json.dumps(_clip(simulator, terminal, visit, out, (seed, number), empty)))
                progress.advance()
        (out / "visits.jsonl").write_text("\n".join(lines) + "\n")
    except OSError as exc:
        raise LivegateError(f"{out}: the visits cannot be written ({exc}); give a writable folder with --out") from exc
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def _terminal(simulator: HeadSimulator, seed: int) -> Room:
    """Return the one terminal of all visits: fixed cameras in good light, a depth range that leaves the room out."""
    rng = np.random.default_rng([seed, 61])
    rooms = simulator.stage(Split.TEST).surroundings
    views = tuple(path for path in rooms.backdrops if path.parent.name == "views")
    room = draw_room(Surroundings(rooms.panoramas, views or rooms.backdrops), Split.TEST, rng, _STANDING_MM)
    depth = replace(draw_depth(rng, Split.TEST), most_mm=_RANGE_MM, least_mm=160.0, step_px=1 / 16, faint=0.02)
    sensors = Sensors(_steady(room.sensors.colour), _steady(room.sensors.infrared), depth)
    backdrop = draw_backdrop(Surroundings(rooms.panoramas, views or rooms.backdrops), rng, WIDTH, HEIGHT)
    lamp = replace(room.illuminator, reference_mm=_STANDING_MM, strength=0.9, ambient=0.03)
    return replace(room, sensors=sensors, backdrop=backdrop, illuminator=lamp)


def _steady(camera: CameraModel) -> CameraModel:
    return replace(camera, exposure_ev=_EXPOSURE_EV, electrons=7000.0, jpeg_quality=94)


def _empty(terminal: Room, out: Path, seed: int) -> Iterator[dict[str, Any]]:
    """Write the pictures of the empty room, which all visits share."""
    for k in range(EMPTY_AFTER):
        frame = render_scene(terminal, None, np.zeros(3), np.random.default_rng([seed, 67, k]))
        yield _save(frame, out, "empty", k)


def _clip(simulator: HeadSimulator, terminal: Room, visit: Visit, out: Path, seeds: tuple[int, int],
          empty: list[dict[str, Any]]) -> dict[str, Any]:  # fmt: skip
    rng = np.random.default_rng([*seeds, 71])
    people = (simulator.person(Split.TEST, visit.number), simulator.person(Split.TEST, visit.number + 20))
    stage = replace(simulator.stage(Split.TEST), habits=Habits(occluded=0.0, held=1.0))
    presentation = present(stage, visit.species, people, rng)
    motion = _walk(rng) if visit.species in (None, Species.MASK_3D) else _carry(rng, presentation)
    shown = [_save(_shot(terminal, presentation, motion, step, rng), out, visit.name, step) for step in range(SHOWN)]
    pictures = [*empty[:EMPTY_BEFORE], *shown, *empty[:EMPTY_AFTER]]
    card = {"t_ms": CARD_MS, "kind": "card", "value": _UNKNOWN_CARD if visit.card is None else card_value(visit.card)}
    return {
        "id": visit.name,
        "frames": [{**picture, "rgb_right": None, "t_ms": FRAME_MS * k} for k, picture in enumerate(pictures)],
        "camera": {name: round(getattr(terminal.camera, name), 3) for name in ("fx", "fy", "cx", "cy")},
        "label": "bona_fide" if visit.species is None else "attack",
        "pai_species": visit.species,
        "subject": people[0].name,
        "source": "simulated_heads",
        "box": None,
        "split": str(Split.TEST),
        "card": card,
        "authorised": visit.authorised,
        "title": visit.title,
    }


def _shot(
    terminal: Room, presentation: Presentation, motion: Motion, step: int, rng: np.random.Generator
) -> RenderedFrame:
    posture, place = motion.at(step / (SHOWN - 1))
    presented = presentation(posture)
    middle = presented.landmarks.mean(axis=0) * (1, -1, -1)
    # A small face is held nearer, so that the terminal sees it as large as a real one.
    nearer = max(presented.scale, _NEAREST_MM / place[2])
    return render_scene(terminal, presented, nearer * np.array(place) - middle, rng)


@dataclass(frozen=True, slots=True)
class Motion:
    """How a face moves over a visit, time 0..1: from ``start`` to ``end`` (mm, real size), then sway about it.

    ``arrival`` is when it stands, ``sway_mm`` and ``turn_deg`` how far it moves then, ``phase`` (6,) of the sines,
    ``jitter`` the trembling of a hand, ``blink`` when the eyes close, None for never.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    pose: Pose
    arrival: float
    sway_mm: float
    turn_deg: float
    phase: tuple[float, ...]
    jitter: float
    blink: float | None

    def at(self, time: float) -> tuple[Posture, tuple[float, float, float]]:
        """Return posture and place at ``time``."""
        share = min(time / self.arrival, 1.0)
        share = share * share * (3 - 2 * share)
        swing = [np.sin((5.0 + 1.7 * k) * time + p) + self.jitter * np.sin((31.0 + 7 * k) * time + 2 * p)
                 for k, p in enumerate(self.phase)]  # fmt: skip
        place = [a + (b - a) * share + self.sway_mm * s
                 for a, b, s in zip(self.start, self.end, swing[:3], strict=True)]  # fmt: skip
        yaw, pitch, roll = (self.turn_deg * s for s in swing[3:])
        pose = Pose(self.pose.yaw + yaw, self.pose.pitch + 0.6 * pitch, self.pose.roll + 0.4 * roll)
        closed = 0.9 if self.blink is not None and abs(time - self.blink) < 0.5 / SHOWN else 0.0
        return Posture(pose, closed), (place[0], place[1], place[2])


def _walk(rng: np.random.Generator) -> Motion:
    """Return a person who comes nearer from farther off, stands, sways a little and blinks once."""
    side = float(rng.choice([-1, 1]))
    return Motion(
        start=(side * rng.uniform(90, 220), rng.uniform(0, 30), rng.uniform(900, 1080)),
        end=(rng.uniform(-35, 35), rng.uniform(-5, 40), rng.uniform(430, 600)),
        pose=Pose(float(rng.normal(0, 4)), float(rng.normal(0, 3)), float(rng.normal(0, 2))),
        arrival=float(rng.uniform(0.5, 0.65)), sway_mm=5.0, turn_deg=float(rng.uniform(3, 7)),
        phase=tuple(rng.uniform(0, 6.28, 6)), jitter=0.1, blink=float(rng.uniform(0.65, 0.95)),
    )  # fmt: skip


def _carry(rng: np.random.Generator, presentation: Presentation) -> Motion:
    """Return a thing brought before the camera from below or aside and held there by a trembling hand."""
    side = float(rng.choice([-1, 1]))
    still: Presented = presentation(Posture())
    worn = still.scale == 1.0
    drop = 0.0 if worn else float(rng.uniform(60, 140))
    return Motion(
        start=(side * rng.uniform(80, 200), drop, rng.uniform(700, 950)),
        end=(rng.uniform(-30, 30), rng.uniform(-10, 30), rng.uniform(430, 600)),
        pose=Pose(float(rng.normal(0, 5)), float(rng.normal(0, 4)), float(rng.normal(0, 3))),
        arrival=float(rng.uniform(0.35, 0.5)), sway_mm=5.0, turn_deg=float(rng.uniform(3, 6)),
        phase=tuple(rng.uniform(0, 6.28, 6)), jitter=0.4, blink=None,
    )  # fmt: skip


def _save(frame: RenderedFrame, out: Path, folder: str, number: int) -> dict[str, Any]:
    """Write one frame's pictures and return their paths relative to ``out``."""
    (out / folder).mkdir(exist_ok=True)
    paths = {
        "rgb": f"{folder}/rgb{number:02d}.jpg",
        "nir": f"{folder}/nir{number:02d}.jpg",
        "depth": f"{folder}/depth{number:02d}.png",
    }
    settings = {
        "rgb": [cv2.IMWRITE_JPEG_QUALITY, _RGB_QUALITY],
        "nir": [cv2.IMWRITE_JPEG_QUALITY, _NIR_QUALITY],
        "depth": [cv2.IMWRITE_PNG_COMPRESSION, _PNG_EFFORT],
    }
    for role, path in paths.items():
        if not cv2.imwrite(str(out / path), getattr(frame, role), settings[role]):
            raise LivegateError(f"{out / path}: cannot be written; is the disk full?")
    return dict(paths)
