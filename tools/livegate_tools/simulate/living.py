"""The living person as the scene itself: a portrait that fills the frame, a cut-out before a room, a webcam frame."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from livegate_tools.simulate.geometry import BoxPx, Pixels, inside_share, map_box, through, warp_picture
from livegate_tools.simulate.lifting import draw_turn, relief_of, turned, turned_box
from livegate_tools.simulate.matte import enlarged, person_matte
from livegate_tools.simulate.portraits import WEBCAMS, Portrait, Sources, load_encoded, load_linear
from livegate_tools.simulate.scenes import HEIGHT, WIDTH, brightness, focus, relight, room

FACE_PX = (44.0, 320.0)
# A portrait was a capture already: shown smaller than it is, only one camera is left to be seen. Enlarged, a living
# face is as soft as a print of it, and a network learns that softness is life.
MOST_ENLARGED = 0.85
_WEBCAM_SHARE = 0.12
_STANDING_SHARE = 0.55
_TRIES = 4
_LEAST_IN_VIEW = 0.75
_LEAST_STANDING_PX = 60.0
_CLOSE_UP_PX = 150.0
_LEAST_COLOUR = 12.0

Place: TypeAlias = Callable[[np.random.Generator, Sources], tuple[Pixels, str]]
"""Draws an empty scene (480, 640, 3) float32 linear light, and names its background."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene before any camera: ``linear`` (480, 640, 3) float32 R, G, B, the face's box, and what it was made of."""

    linear: Pixels
    box: BoxPx
    portrait: Portrait
    background: str


def pick_portrait(rng: np.random.Generator, sources: Sources) -> Portrait:
    """Return a portrait, one in three from the studio sets where there are any, so that every person is used."""
    studio = [p for p in sources.portraits if p.source != "generated_faces"]
    drawn = [p for p in sources.portraits if p.source == "generated_faces"]
    pool = studio if studio and (not drawn or rng.random() < 0.25) else drawn
    return pool[int(rng.integers(len(pool)))]


def pick_person(rng: np.random.Generator, sources: Sources) -> Portrait:
    """Return whom a presentation is of: a webcam frame where there are any, or a portrait that can fill a frame."""
    if sources.webcams and rng.random() < _WEBCAM_SHARE:
        return sources.webcams[int(rng.integers(len(sources.webcams)))]
    for _ in range(4):
        portrait = pick_portrait(rng, sources)
        if fits_filling(portrait) and is_colourful(load_encoded(portrait.path)):
            break
    return portrait


def draw_face_px(rng: np.random.Generator, portrait: Portrait, close_ups: float = 0.5) -> float:
    """Return the width a face is shown at, pixels: the same range for living and for shown faces.

    A share of them are close-ups, as wide as faces of portraits that fill the frame.
    """
    low, high = FACE_PX[0], min(FACE_PX[1], MOST_ENLARGED * portrait.box[2])
    if high > _CLOSE_UP_PX and rng.random() < close_ups:
        low = _CLOSE_UP_PX
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def fits_filling(portrait: Portrait) -> bool:
    """Whether the face stays within FACE_PX when the portrait is enlarged to fill a frame."""
    height, width = load_encoded(portrait.path).shape[:2]
    return bool(portrait.box[2] * max(WIDTH / width, HEIGHT / height) < FACE_PX[1])


def fills_sharply(portrait: Portrait) -> bool:
    """Whether the portrait fills a frame without being enlarged."""
    height, width = load_encoded(portrait.path).shape[:2]
    return bool(max(WIDTH / width, HEIGHT / height) <= 1.0)


def is_colourful(encoded: Pixels) -> bool:
    """Whether a uint8 picture (H, W, 3) has colours; black-and-white people do not stand in rooms."""
    part = encoded[::4, ::4].astype(np.float32)
    return bool((part.max(axis=2) - part.min(axis=2)).mean() > _LEAST_COLOUR)


def living(rng: np.random.Generator, sources: Sources, person: Portrait, place: Place = room) -> Scene:
    """Return ``person`` living, in a plausible scene; ``place`` draws the room of those who stand in one."""
    if person.source in WEBCAMS:
        return webcam(rng, person)
    if not fills_sharply(person) or rng.random() < _STANDING_SHARE:
        for _ in range(_TRIES):
            scene = before_room(rng, sources, person, None, place)
            if scene is not None:
                return scene
    return filling(rng, person)


def webcam(rng: np.random.Generator, portrait: Portrait, headless: bool = False) -> Scene:
    """Return a webcam frame as it is, cropped a little, mirrored half the time and lit slightly differently.

    ``headless`` crops it to the part below the face, as of someone who stands close and holds something up.
    """
    picture = load_linear(portrait.path)
    height, width = picture.shape[:2]
    cover = max(WIDTH / width, HEIGHT / height)
    scale = cover * float(rng.uniform(1.8, 3.0) if headless else rng.uniform(1.0, 1.5))
    matrix = _towards(rng, portrait, scale, (width, height))
    if headless:
        matrix[1, 2] = HEIGHT - height * scale
    return _warped(rng, portrait, picture, matrix, portrait.source)


def filling(rng: np.random.Generator, portrait: Portrait) -> Scene:
    """Return the portrait large enough that its own background covers the frame."""
    picture = load_linear(portrait.path)
    picture, _, portrait = _turned(rng, portrait, picture, picture[..., 0])
    height, width = picture.shape[:2]
    scale = max(WIDTH / width, HEIGHT / height) * float(rng.uniform(1.02, 1.25))
    return _warped(rng, portrait, picture, _towards(rng, portrait, scale, (width, height)), "own")


def before_room(
    rng: np.random.Generator,
    sources: Sources,
    portrait: Portrait,
    face: tuple[float, float, float] | None,
    place: Place = room,
) -> Scene | None:
    """Return the person cut out before a room, or None where no good cut was found.

    Args:
        rng: the only source of chance.
        sources: where the room comes from.
        portrait: the person.
        face: middle (x, y) and width of the face wanted, pixels; None draws them.
        place: draws the room.
    """
    small = matte_of(portrait)
    if small is None:
        return None
    picture = load_linear(portrait.path)
    matte = enlarged(small, picture.shape[1], picture.shape[0])
    picture, matte, seen = _turned(rng, portrait, picture, matte)
    matrix = standing(rng, seen, picture.shape[0], face)
    person = warp_picture(picture, matrix, (WIDTH, HEIGHT), cv2.BORDER_REPLICATE)
    share = np.minimum(warp_picture(matte, matrix, (WIDTH, HEIGHT), cv2.BORDER_CONSTANT), 1)[..., None]
    behind, name = place(rng, sources)
    room_soft, person_soft = focus(rng)
    if room_soft > 0:
        behind = cv2.GaussianBlur(behind, (0, 0), room_soft)
    if person_soft > 0:
        person, share = (cv2.GaussianBlur(part, (0, 0), person_soft) for part in (person, share))
        share = share[..., None]
    person = relight(rng, person * np.float32(matching_gain(rng, person, share, behind)), 1.2)
    box = map_box(seen.box, through(matrix))
    if face is None and inside_share(box, WIDTH, HEIGHT) < _LEAST_IN_VIEW:
        return None
    return Scene(np.asarray(behind + share * (person - behind), np.float32), box, portrait, name)


def _turned(
    rng: np.random.Generator, portrait: Portrait, picture: Pixels, matte: Pixels
) -> tuple[Pixels, Pixels, Portrait]:
    """The picture and the matte with the head turned a little, half the time; and where its face is then."""
    if not portrait.points or rng.random() < 0.5:
        return picture, matte, portrait
    relief = relief_of(np.reshape(portrait.points, (5, 2)), picture.shape[:2])
    turn = draw_turn(rng)
    picture, matte = turned(relief, turn, picture, matte)
    box = turned_box(relief, turn, portrait.box)
    return np.maximum(picture, 0), np.clip(matte, 0, 1), dataclasses.replace(portrait, box=box)


@functools.lru_cache(maxsize=2048)
def matte_of(portrait: Portrait) -> Pixels | None:
    """Return the small matte of a coloured portrait, see matte.person_matte, or None where it is not to be trusted."""
    encoded = load_encoded(portrait.path)
    return person_matte(encoded, portrait.box) if is_colourful(encoded) else None


def matching_gain(rng: np.random.Generator, person: Pixels, share: Pixels, behind: Pixels) -> float:
    """Return a gain for the person: lit about as the room is, from strong back light to a lamp in the face."""
    ours = float((brightness(person) * share[..., 0]).sum() / max(float(share.sum()), 1.0))
    return float(np.clip(behind.mean() / max(ours, 1e-3), 0.4, 2.5) * np.exp(rng.normal(-0.1, 0.45)))


def _towards(rng: np.random.Generator, portrait: Portrait, scale: float, size: tuple[int, int]) -> Pixels:
    """A crop of WIDTH x HEIGHT at ``scale`` that keeps the face in view and shows nothing outside the picture."""
    middle = np.array([portrait.box[0] + portrait.box[2] / 2, portrait.box[1] + portrait.box[3] / 2]) * scale
    wanted = np.array([rng.uniform(0.25, 0.75) * WIDTH, rng.uniform(0.3, 0.65) * HEIGHT])
    most = np.array([size[0] * scale - WIDTH, size[1] * scale - HEIGHT])
    corner = np.clip(middle - wanted, 0, np.maximum(most, 0))
    return np.array([[scale, 0, -corner[0]], [0, scale, -corner[1]], [0, 0, 1]])


def standing(
    rng: np.random.Generator, portrait: Portrait, height: int, face: tuple[float, float, float] | None
) -> Pixels:
    """Return the 3x3 matrix to the frame of someone whose cut-off lower edge lies below it, leaning a little."""
    x, y, w, h = portrait.box
    if face is None:
        scale = max(draw_face_px(rng, portrait), _LEAST_STANDING_PX) / w
        lowest = HEIGHT - height * scale
        top = lowest + float(rng.uniform(0.0, 0.35)) * height * scale
        middle = (float(rng.uniform(0.25, 0.75)) * WIDTH, top + (y + h / 2) * scale)
    else:
        scale = face[2] / w
        middle = (face[0], max(face[1], HEIGHT - (height - y - h / 2) * scale))
    lean = np.deg2rad(float(rng.normal(0, 4)))
    c, s = np.cos(lean) * scale, np.sin(lean) * scale
    cx, cy = x + w / 2, y + h / 2
    flip = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[c * flip, -s, 0], [s * flip, c, 0]])
    turn[:, 2] = np.array(middle) - turn[:, :2] @ (cx, cy)
    return np.vstack([turn, [0, 0, 1]])


def _warped(rng: np.random.Generator, portrait: Portrait, picture: Pixels, matrix: Pixels, background: str) -> Scene:
    """The picture through ``matrix``, mirrored half the time and seen from slightly aside."""
    if rng.random() < 0.5:
        matrix = np.array([[-1, 0, WIDTH - 1], [0, 1, 0], [0, 0, 1.0]]) @ matrix
    corners = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
    outward = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32) * rng.uniform(0, 22, (4, 2)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, corners + outward) @ matrix
    linear = warp_picture(picture, matrix, (WIDTH, HEIGHT), cv2.BORDER_REFLECT_101)
    linear = relight(rng, linear * np.float32(np.exp(rng.normal(0, 0.3))), 1.2)
    return Scene(linear, map_box(portrait.box, through(matrix)), portrait, background)
