"""Printed pictures held up: margins, flat or bent sheets, folds."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate import interface_art
from livegate_tools.simulate.geometry import BoxPx, Pixels, map_box
from livegate_tools.simulate.gloss import mirrored, sparing
from livegate_tools.simulate.medium import Medium, Sheet, Shown, around_face, cropped
from livegate_tools.simulate.portraits import to_encoded
from livegate_tools.simulate.printing import Bend, PrintModel, ink
from livegate_tools.simulate.relief import lit, slopes

_STEEPEST = 3.0


def draw_bend(rng: np.random.Generator, width: float) -> Bend:
    """Return a bend of a sheet ``width`` pixels wide: from barely held to round a head."""
    radius = width * float(np.exp(rng.uniform(np.log(0.42), np.log(1.5))))
    return Bend(radius, bool(rng.random() < 0.75), float(rng.uniform(-0.35, 0.35)))


def print_medium(
    rng: np.random.Generator,
    shown: Shown,
    printed: PrintModel,
    bend: Bend | None,
    reflected: Pixels,
    borderless: tuple[int, int] | None,
) -> Medium:
    """Return the sheet with the picture, under the key light.

    Args:
        rng: the only source of chance.
        shown: the picture at its final size.
        printed: printer and paper.
        bend: None for a flat sheet.
        reflected: (H, W, 3) float32 the room a glossy sheet mirrors.
        borderless: the frame's size where the picture is to fill it and more, else None.
    """
    art, box = _sheet(rng, shown, borderless)
    light = ink(rng, art, printed)
    height, width = light.shape[:2]
    lean = slopes(rng, (height, width))
    if bend is None:
        share = _trimmed(np.ones((height, width), np.float32))
        outline = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    else:
        light, lean, share, box, outline = _bent(light, lean, box, bend)
    paper = Sheet(light, lean, printed.finish.mirror)
    light = light * lit(rng, lean)[..., None]
    light = light + sparing(mirrored(rng, lean, printed.finish, reflected), light, box)
    return Medium(np.asarray(light, np.float32), share, box, outline, paper=paper)


def _sheet(rng: np.random.Generator, shown: Shown, borderless: tuple[int, int] | None) -> tuple[Pixels, BoxPx]:
    """The page before printing, sRGB, and the face's box on it."""
    if borderless is not None:
        part = cropped(shown, around_face(rng, shown, borderless))
        return to_encoded(part.linear), part.box
    width = shown.box[2] / float(rng.uniform(0.22, 0.75))
    height = width * float(rng.choice([1.0, 1.25, 1.33, 1.41, 1.5, 0.75]))
    part = cropped(shown, around_face(rng, shown, (width, height)))
    photo = to_encoded(part.linear)
    if rng.random() < 0.4:
        return photo, part.box
    rows, columns = photo.shape[:2]
    pad = [round(float(rng.uniform(0.01, 0.14)) * columns) for _ in range(3)]
    below = pad[2] if rng.random() < 0.7 else round(float(rng.uniform(0.2, 0.6)) * rows)
    size = (columns + 2 * pad[0], rows + pad[1] + below)
    place = (pad[0], pad[1], pad[0] + columns, pad[1] + rows)
    if below > 0.2 * rows and rng.random() < 0.6:
        art = interface_art.page(rng, size, place)
    else:
        art = np.full((size[1], size[0], 3), 255, np.uint8)
    art[place[1] : place[3], place[0] : place[2]] = photo
    return art, (part.box[0] + pad[0], part.box[1] + pad[1], part.box[2], part.box[3])


def _trimmed(share: Pixels) -> Pixels:
    share[[0, -1]] = 0.5
    share[:, [0, -1]] = 0.5
    return share


def _bent(light: Pixels, lean: Pixels, box: BoxPx, bend: Bend) -> tuple[Pixels, Pixels, Pixels, BoxPx, Pixels]:
    """Lay the sheet on a cylinder seen from the front: foreshortened towards its ends, where it leans away most."""
    if not bend.upright:
        light, lean = (np.ascontiguousarray(part.transpose(1, 0, 2)) for part in (light, lean[..., ::-1]))
        box = (box[1], box[0], box[3], box[2])
    height, width = light.shape[:2]
    radius = max(bend.radius_px, width / 2.9)
    half = radius * np.sin(width / 2 / radius)
    lift = bend.tilt * radius * (1 - np.cos(width / 2 / radius))
    out_w, out_h = max(8, int(2 * half)), max(8, int(height + abs(lift)) + 2)
    across = np.clip((np.arange(out_w, dtype=np.float32) + 0.5 - half) / radius, -0.9999, 0.9999)
    angle = np.arcsin(across)
    rise = bend.tilt * radius * (1 - np.cos(angle)) - min(lift, 0.0)
    map_x = np.broadcast_to(radius * angle + width / 2, (out_h, out_w)).astype(np.float32)
    map_y = (np.arange(out_h, dtype=np.float32)[:, None] - rise[None]).astype(np.float32)
    bent, leaning = (
        cv2.remap(part, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for part in (light, lean)
    )
    share = cv2.remap(np.ones((height, width), np.float32), map_x, map_y, cv2.INTER_LINEAR)
    leaning[..., 0] += np.clip(np.tan(angle), -_STEEPEST, _STEEPEST).astype(np.float32)

    def warp(points: Pixels) -> Pixels:
        turn = (points[:, 0] - width / 2) / radius
        drop = bend.tilt * radius * (1 - np.cos(turn)) - min(lift, 0.0)
        return np.column_stack([radius * np.sin(turn) + half, points[:, 1] + drop])

    seen = map_box(box, warp)
    corners = warp(np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64))
    if bend.upright:
        return bent, leaning, share, seen, corners
    bent, leaning = (np.ascontiguousarray(part.transpose(1, 0, 2)) for part in (bent, leaning[..., ::-1]))
    seen = (seen[1], seen[0], seen[3], seen[2])
    return bent, leaning, np.ascontiguousarray(share.T), seen, corners[[0, 3, 2, 1]][:, ::-1].copy()
