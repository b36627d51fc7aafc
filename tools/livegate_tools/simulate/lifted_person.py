"""A photographed person as a body before a depth camera and a near-infrared one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.geometry import BoxPx, Pixels, map_box, through, warp_picture
from livegate_tools.simulate.layers import Surface
from livegate_tools.simulate.lifting import Relief, draw_build, draw_turn, relief_of, turned, turned_box
from livegate_tools.simulate.living import matching_gain, matte_of, standing
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.matte import enlarged
from livegate_tools.simulate.portraits import Portrait, load_linear
from livegate_tools.simulate.scenes import HEIGHT, WIDTH, relight

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_CHROMA_REACH = 0.05
_DARKEST = 0.2


@dataclass(frozen=True, slots=True)
class Body:
    """A person in the frame: linear R, G, B (480, 640, 3), what other light sees, the face's box, its distance mm."""

    linear: Pixels
    surface: Surface
    box: BoxPx
    face_mm: float


def stand(
    rng: np.random.Generator,
    portrait: Portrait,
    behind: Pixels,
    focal_px: float,
    face: tuple[float, float, float] | None = None,
) -> Body | None:
    """Return the person standing before a room, the head turned a little; None where the picture gives no cut-out.

    Args:
        rng: the only source of chance.
        portrait: the person; its picture must have the five points of the face.
        behind: (480, 640, 3) linear light of the room, for the light on the person.
        focal_px: of the camera; with the size of the face it gives the distance.
        face: middle (x, y) and width of the face wanted, pixels; None draws them.
    """
    small = matte_of(portrait)
    if small is None or not portrait.points:
        return None
    picture = load_linear(portrait.path)
    relief = relief_of(np.reshape(portrait.points, (5, 2)), picture.shape[:2], draw_build(rng))
    skin, hair = _regions(picture, portrait.box)
    albedo = _infrared_albedo(rng, picture, skin, hair)
    matte, turn = enlarged(small, picture.shape[1], picture.shape[0]), draw_turn(rng)
    flat = np.dstack([relief.height_px, albedo, skin, hair]).astype(np.float32)
    picture, matte, flat = turned(relief, turn, picture, matte, flat)
    box = turned_box(relief, turn, portrait.box)
    seen = Portrait(portrait.path, portrait.source, portrait.subject, box, portrait.points)
    matrix = standing(rng, seen, picture.shape[0], face)
    linear = warp_picture(np.maximum(picture, 0), matrix, (WIDTH, HEIGHT), cv2.BORDER_REPLICATE)
    edge = warp_picture(np.clip(matte, 0, 1), matrix, (WIDTH, HEIGHT), cv2.BORDER_CONSTANT)
    flat = warp_picture(flat, matrix, (WIDTH, HEIGHT), cv2.BORDER_REPLICATE)
    share = np.minimum(edge, 1)
    linear = relight(rng, linear * np.float32(matching_gain(rng, linear, share[..., None], behind)), 1.2)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    return Body(linear, _surface(relief, flat, share, scale, focal_px), map_box(box, through(matrix)),
                focal_px * relief.mm_per_px / scale)  # fmt: skip


def _surface(relief: Relief, flat: Pixels, share: Pixels, scale: float, focal_px: float) -> Surface:
    """Distances from the size of the face: what stands out of the picture is nearer."""
    face_mm = focal_px * relief.mm_per_px / scale
    depth = face_mm + (relief.face_px - flat[..., 0]) * np.float32(relief.mm_per_px)
    kinds = np.where(flat[..., 2] > 0.5, Kind.SKIN, np.where(flat[..., 3] > 0.5, Kind.HAIR, Kind.CLOTH))
    return Surface(share, kinds, np.clip(flat[..., 1], 0.03, 0.95), np.asarray(depth, np.float32), 0.02, 12.0)


def _regions(picture: Pixels, box: BoxPx) -> tuple[Pixels, Pixels]:
    """Skin by its likeness to the middle of the face, hair as what is not skin above the chin; (H, W) 0..1 each."""
    x, y, w, h = box
    middle = picture[max(int(y + 0.4 * h), 0) : int(y + 0.75 * h), max(int(x + 0.25 * w), 0) : int(x + 0.75 * w)]
    typical = np.median(middle.reshape(-1, 3), axis=0)
    total = np.maximum(picture.sum(axis=2), 1e-3)
    away = np.hypot(
        picture[..., 0] / total - typical[0] / typical.sum(), picture[..., 1] / total - typical[1] / typical.sum()
    )
    light = (picture @ _LUMA) > _DARKEST * float(typical @ _LUMA)
    skin = np.exp(-((away / _CHROMA_REACH) ** 2)) * light
    rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    inner = np.hypot((columns - x - w / 2) / (0.42 * w), (rows - y - 0.55 * h) / (0.42 * h)) < 1
    skin = cv2.GaussianBlur(np.maximum(skin, inner).astype(np.float32), (0, 0), 1.5)
    hair = (1 - skin) * np.clip((y + 1.05 * h - rows) / (0.1 * h), 0, 1)
    return skin, np.asarray(hair, np.float32)


def _infrared_albedo(rng: np.random.Generator, picture: Pixels, skin: Pixels, hair: Pixels) -> Pixels:
    """Skin tones come together (.3-.65), hair is brighter than it looks, most dyes of cloth turn bright (SCIENCE.md).

    The ranges are those of materials.skin, hair and cloth, which rendered heads have too.
    """
    root = np.sqrt(np.maximum(picture @ _LUMA, 0))
    of_skin = rng.uniform(0.27, 0.33) + rng.uniform(0.30, 0.38) * root
    of_hair = rng.uniform(0.06, 0.22) + rng.uniform(0.25, 0.45) * root
    of_cloth = rng.uniform(0.05, 0.45) + rng.uniform(0.1, 0.5) * root
    return np.asarray(skin * of_skin + hair * of_hair + np.maximum(1 - skin - hair, 0) * of_cloth, np.float32)
