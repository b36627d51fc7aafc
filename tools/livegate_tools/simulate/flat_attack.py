"""One attack with a picture: show it on a medium, hold that before a room, a body or a webcam scene."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.compose import Pose, Presented, covered_share, pose, present
from livegate_tools.simulate.cutout_attack import cutout_medium
from livegate_tools.simulate.geometry import BoxPx, Pixels, inside_share
from livegate_tools.simulate.living import (
    MOST_ENLARGED,
    before_room,
    draw_face_px,
    fits_filling,
    living,
    pick_person,
    pick_portrait,
    webcam,
)
from livegate_tools.simulate.medium import Medium, Shown, capture_shown
from livegate_tools.simulate.portraits import WEBCAMS, Portrait, Sources, load_linear
from livegate_tools.simulate.print_attack import draw_bend, print_medium
from livegate_tools.simulate.printing import draw_print
from livegate_tools.simulate.scenes import HEIGHT, WIDTH, room
from livegate_tools.simulate.screen_attack import screen_medium
from livegate_tools.simulate.screens import draw_screen

SPECIES_SHARES = {
    "replay_phone": 0.26,
    "replay_tablet": 0.13,
    "replay_monitor": 0.18,
    "print_flat": 0.18,
    "print_bent": 0.16,
    "cutout_mask": 0.09,
}
_BORDERLESS_SHARE = 0.33
_LEAST_IN_VIEW = 0.7
_HIDDEN = 0.8
_UNHIDDEN = 0.1
_LEAST_OTHER = 0.75
_MOST_MASK_ENLARGED = 2.0
_USUAL_ROOM = 0.3
_IN_A_ROOM = 0.35
_LEAST_IN_A_ROOM_PX = 90.0
# More than of the living, who besides fill the frame as portraits do.
_CLOSE_UPS = 0.75


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack's scene, the shown portrait, and the living faces beside it: in full view, and cut off."""

    linear: Pixels
    box: BoxPx
    species: str
    portrait: Portrait
    background: str
    others: tuple[BoxPx, ...]
    partly: tuple[BoxPx, ...]
    device: str | None = None


def draw_species(rng: np.random.Generator) -> str:
    """Return a presentation-attack-instrument species by SPECIES_SHARES."""
    return str(rng.choice(list(SPECIES_SHARES), p=list(SPECIES_SHARES.values())))


def attack(rng: np.random.Generator, sources: Sources, species: str, portrait: Portrait) -> Attack:
    """Return an attack of ``species`` that shows ``portrait``; whoever holds or wears it is drawn here."""
    if species == "cutout_mask":
        return _masked(rng, sources, portrait)
    borderless = rng.random() < _BORDERLESS_SHARE and fits_filling(portrait)
    medium = _medium(rng, sources, species, portrait, borderless)
    held = _held(rng, medium, borderless)
    hands = not borderless and rng.random() < (0.08 if species == "replay_monitor" else 0.8)
    behind, held = _behind(rng, sources, medium, held, portrait)
    if medium.device is None:
        medium = dataclasses.replace(medium, light=medium.light * np.float32(_room_light(rng, behind.linear)))
    shown = present(rng, behind.linear, medium, held, hands)
    hidden = 1.0 if behind.box is None else covered_share(shown.covered, behind.box)
    if _UNHIDDEN < hidden < _HIDDEN:
        empty, name = room(rng, sources)
        behind = _Behind(empty, None, name)
        shown = present(rng, empty, medium, held, hands)
    others, partly = _beside(behind, hidden)
    return Attack(shown.linear, shown.box, species, portrait, behind.name, others, partly, medium.device)


def _room_light(rng: np.random.Generator, room_light: Pixels) -> float:
    """How the light on a sheet compares with the key light: about as the room's does, or a lamp's of its own."""
    return float(np.clip(room_light.mean() / _USUAL_ROOM, 0.4, 2.5) ** 0.7 * np.exp(rng.normal(0.0, 0.3)))


def _beside(behind: _Behind, hidden: float) -> tuple[tuple[BoxPx, ...], tuple[BoxPx, ...]]:
    """The living face behind the medium, as one in full view or as one that the frame cuts off."""
    inside = 0.0 if behind.box is None else inside_share(behind.box, WIDTH, HEIGHT)
    if behind.box is None or hidden > _UNHIDDEN or inside == 0:
        return (), ()
    return ((behind.box,), ()) if inside > _LEAST_OTHER else ((), (behind.box,))


def with_faceless_medium(
    rng: np.random.Generator, sources: Sources, scene: Pixels, keep_free: BoxPx | None
) -> Pixels | None:
    """Return the scene with a screen or print that shows no face, clear of ``keep_free``; None where none fits.

    So that a bezel, a sheet or a hand alone is no attack.
    """
    size = float(np.exp(rng.uniform(np.log(40), np.log(170))))
    view = load_linear(sources.backgrounds[int(rng.integers(len(sources.backgrounds)))].path)
    scale = max(3.0 * size / view.shape[1], 3.0 * size / view.shape[0])
    view = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    shown = Shown(view, (view.shape[1] / 2 - size / 2, view.shape[0] / 2 - 0.65 * size, size, 1.3 * size))
    medium = medium_of(rng, sources, draw_species(rng), shown, None)
    for _ in range(6):
        held = pose(rng, medium, (float(rng.uniform(0, WIDTH)), float(rng.uniform(0.1, 1.0) * HEIGHT)), 0.3)
        done = present(rng, scene, medium, held, bool(rng.random() < 0.6))
        if keep_free is None or covered_share(done.covered, keep_free) < 0.02:
            return done.linear
    return None


@dataclass(frozen=True, slots=True)
class _Behind:
    """What is behind the medium; ``box`` is a living person's face there, hidden or not yet."""

    linear: Pixels
    box: BoxPx | None
    name: str


def _medium(rng: np.random.Generator, sources: Sources, species: str, portrait: Portrait, borderless: bool) -> Medium:
    seen = _seen_by_attacker(rng, sources, portrait)
    height, width = seen.linear.shape[:2]
    if not borderless:
        face_px = min(draw_face_px(rng, portrait, _CLOSE_UPS), MOST_ENLARGED * seen.box[2])
        return medium_of(rng, sources, species, capture_shown(rng, seen, sources.split, face_px), None)
    cover = max(WIDTH / width, HEIGHT / height) * float(rng.uniform(1.08, 1.3))
    shown = capture_shown(rng, seen, sources.split, seen.box[2] * cover)
    rows, columns = shown.linear.shape[:2]
    return medium_of(rng, sources, species, shown, (min(columns, 760), min(rows, 580)))


def _seen_by_attacker(rng: np.random.Generator, sources: Sources, portrait: Portrait) -> Shown:
    """The person as the portrait has them, or at times in a room, as those who are alive are shown."""
    if portrait.source not in WEBCAMS and rng.random() < _IN_A_ROOM:
        scene = before_room(rng, sources, portrait, None)
        if scene is not None and scene.box[2] > _LEAST_IN_A_ROOM_PX:
            return Shown(np.minimum(scene.linear, 1), scene.box)
    return Shown(load_linear(portrait.path), portrait.box)


def medium_of(
    rng: np.random.Generator, sources: Sources, species: str, shown: Shown, borderless: tuple[int, int] | None
) -> Medium:
    """Return a medium of a species that shows the picture; ``borderless``: the size that it must fill, or None."""
    mirrored = _mirrored(rng, sources)
    if species.startswith("replay"):
        return screen_medium(rng, shown, draw_screen(rng, sources.split, species), mirrored, borderless)
    printed = draw_print(rng, sources.split)
    if species == "cutout_mask":
        return cutout_medium(rng, shown, printed)
    bend = draw_bend(rng, shown.box[2] * 2) if species == "print_bent" else None
    return print_medium(rng, shown, printed, bend, mirrored, borderless)


def _mirrored(rng: np.random.Generator, sources: Sources) -> Pixels:
    """The room before the medium, as glass or gloss would show it: small, in linear light."""
    chosen = sources.backgrounds[int(rng.integers(len(sources.backgrounds)))]
    small = cv2.resize(load_linear(chosen.path), (160, 120), interpolation=cv2.INTER_AREA)
    small = small * (1 + 20 * np.maximum(small.mean(axis=2, keepdims=True) - 0.7, 0))
    return np.asarray(small * np.float32(np.exp(rng.normal(0, 0.7))), np.float32)


def _held(rng: np.random.Generator, medium: Medium, borderless: bool) -> Pose:
    """A pose with the face in view: anywhere in the frame, near its middle for a borderless picture."""
    held = pose(rng, medium, (WIDTH / 2, HEIGHT / 2), 0.8 if borderless else 0.0)
    if borderless:
        height, width = medium.share.shape
        x, y, w, h = medium.box
        spread = rng.normal(0, 0.04, 2)
        at = (WIDTH / 2 + x + w / 2 - width / 2 + spread[0] * WIDTH, HEIGHT / 2 + y + h / 2 - height / 2)
        return pose(rng, medium, (at[0], at[1] + spread[1] * HEIGHT), 0.8)
    for _ in range(8):
        at = (float(rng.uniform(0.25, 0.75) * WIDTH), float(rng.uniform(0.28, 0.72) * HEIGHT))
        tried = pose(rng, medium, at, 0.8 if borderless else 0.0)
        if inside_share(tried.box(medium), WIDTH, HEIGHT) > _LEAST_IN_VIEW:
            return tried
    return held


def _behind(
    rng: np.random.Generator, sources: Sources, medium: Medium, held: Pose, shown: Portrait
) -> tuple[_Behind, Pose]:
    """A room, a person who holds the medium before the face, or a webcam scene; and the pose that suits it."""
    chance = rng.random()
    if sources.webcams and chance < 0.35:
        return _webcam_behind(rng, sources, medium, held)
    if chance < 0.65:
        holder = pick_portrait(rng, sources)
        corners = held.corners(medium)
        middle = corners.mean(axis=0)
        span = corners.max(axis=0) - corners.min(axis=0)
        head = float(np.clip(0.62 * min(span[0], span[1] / 1.5), 40, 260))
        scene = before_room(rng, sources, holder, (float(middle[0]), float(middle[1]), head))
        if scene is not None and holder.subject != shown.subject:
            return _Behind(scene.linear, scene.box, scene.background), held
    linear, name = room(rng, sources)
    return _Behind(linear, None, name), held


def _webcam_behind(rng: np.random.Generator, sources: Sources, medium: Medium, held: Pose) -> tuple[_Behind, Pose]:
    """A webcam scene whose person holds the medium before the face, or stands with the head above the frame."""
    chosen = sources.webcams[int(rng.integers(len(sources.webcams)))]
    if rng.random() < 0.4:
        scene = webcam(rng, chosen, headless=True)
        return _Behind(scene.linear, scene.box, scene.background), held
    scene = webcam(rng, chosen)
    x, y, w, h = scene.box
    move = np.array([x + w / 2, y + h / 2]) - held.corners(medium).mean(axis=0)
    moved = Pose(np.array([[1, 0, move[0]], [0, 1, move[1]], [0, 0, 1]]) @ held.matrix)
    if inside_share(moved.box(medium), WIDTH, HEIGHT) > _LEAST_IN_VIEW:
        held = moved
    return _Behind(scene.linear, scene.box, scene.background), held


def _masked(rng: np.random.Generator, sources: Sources, portrait: Portrait) -> Attack:
    """A face cut out of paper, before the face of a body whose head it covers."""
    for _ in range(6):
        wearer = living(rng, sources, pick_person(rng, sources))
        x, y, w, h = wearer.box
        face_px = w * float(rng.uniform(1.0, 1.3))
        if portrait.subject != wearer.portrait.subject and face_px < _MOST_MASK_ENLARGED * portrait.box[2]:
            break
    shown = capture_shown(rng, Shown(load_linear(portrait.path), portrait.box), sources.split, face_px)
    medium = cutout_medium(rng, shown, draw_print(rng, sources.split))
    dimmed = float(wearer.linear[max(int(y), 0) : int(y + h), max(int(x), 0) : int(x + w)].mean())
    level = float(np.clip(dimmed / max(float(medium.light.mean()), 1e-3), 0.3, 2.5) * np.exp(rng.normal(0.15, 0.3)))
    medium = dataclasses.replace(medium, light=medium.light * np.float32(level))
    held = pose(rng, medium, (x + w / 2, y + h / 2), 0.6)
    done: Presented = present(rng, wearer.linear, medium, held, bool(rng.random() < 0.35))
    return Attack(done.linear, done.box, "cutout_mask", portrait, wearer.background, (), ())
