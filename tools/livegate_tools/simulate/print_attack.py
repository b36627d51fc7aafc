"""Printed pictures held up: margins, flat or bent sheets, folds."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate import interface_art
from livegate_tools.simulate.geometry import BoxPx, Pixels, Warp, map_box
from livegate_tools.simulate.medium import Medium, Shown, around_face, cropped
from livegate_tools.simulate.portraits import to_encoded
from livegate_tools.simulate.printing import Bend, PrintModel, ink, lobe_of, shine


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
    share = np.ones((height, width), np.float32)
    if bend is None:
        light = light * _flat_light(rng, (height, width))[..., None]
        share = _trimmed(share)
        outline = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
        lobe = lobe_of(rng, (height, width), printed.polish, None)
    else:
        light, share, box, outline = _bent(rng, light, box, bend)
        lobe = lobe_of(rng, light.shape[:2], printed.polish, bend)
    light = light + shine(rng, lobe, printed, reflected)
    return Medium(np.asarray(light, np.float32), share, box, outline)


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


def _flat_light(rng: np.random.Generator, size: tuple[int, int]) -> Pixels:
    """Light across a sheet that is never quite flat: a ramp, slow waves, now and then fold lines."""
    height, width = size
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light = 1 + np.float32(rng.uniform(-0.3, 0.3)) * x + np.float32(rng.uniform(-0.3, 0.3)) * y
    waves = cv2.resize(rng.standard_normal((4, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    light = light * (1 + np.float32(rng.uniform(0, 0.06)) * waves)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 3))):
            across = x if rng.random() < 0.5 else y
            line = np.float32(rng.uniform(-0.5, 0.5))
            light = light * (1 + np.float32(rng.uniform(-0.25, 0.25)) * (across > line))
            light = light * (1 + np.float32(rng.uniform(-0.4, 0.4)) * np.exp(-(((across - line) * 60) ** 2)))
    return np.asarray(np.maximum(light, 0.1), np.float32)


def _bent(rng: np.random.Generator, light: Pixels, box: BoxPx, bend: Bend) -> tuple[Pixels, Pixels, BoxPx, Pixels]:
    """Lay the sheet on a cylinder seen from the front: foreshortened towards its ends, darker where it turns away."""
    if not bend.upright:
        light, box = np.ascontiguousarray(light.transpose(1, 0, 2)), (box[1], box[0], box[3], box[2])
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
    bent = cv2.remap(light, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.remap(np.ones((height, width), np.float32), map_x, map_y, cv2.INTER_LINEAR)
    lamp = float(rng.uniform(-0.9, 0.9))
    shade = float(rng.uniform(0.3, 0.6)) + np.maximum(np.cos(angle - lamp), 0) * float(rng.uniform(0.4, 0.8))

    def warp(points: Pixels) -> Pixels:
        turn = (points[:, 0] - width / 2) / radius
        drop = bend.tilt * radius * (1 - np.cos(turn)) - min(lift, 0.0)
        return np.column_stack([radius * np.sin(turn) + half, points[:, 1] + drop])

    return _upright(bend, bent * shade[None, :, None].astype(np.float32), share, box, warp, (width, height))


def _upright(
    bend: Bend, bent: Pixels, share: Pixels, box: BoxPx, warp: Warp, size: tuple[int, int]
) -> tuple[Pixels, Pixels, BoxPx, Pixels]:
    """Turn a sheet that was bent lying back, with its box and corners."""
    seen = map_box(box, warp)
    corners = warp(np.array([(0, 0), (size[0], 0), (size[0], size[1]), (0, size[1])], np.float64))
    if bend.upright:
        return bent, share, seen, corners
    turned = np.ascontiguousarray(bent.transpose(1, 0, 2)), np.ascontiguousarray(share.T)
    return *turned, (seen[1], seen[0], seen[3], seen[2]), corners[[0, 3, 2, 1]][:, ::-1].copy()
