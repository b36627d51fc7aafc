"""Printed pictures: paper and ink, margins, bending, folds, gloss; and face cut-outs worn as masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate import interface_art
from livegate_tools.simulate.geometry import BoxPx, Pixels, Warp, map_box
from livegate_tools.simulate.held_out import Split, draw_constant
from livegate_tools.simulate.medium import Medium, Shown, around_face, cropped
from livegate_tools.simulate.portraits import to_encoded, to_linear


@dataclass(frozen=True, slots=True)
class PrintModel:
    """One printer, ink and paper.

    SCIENCE.md: white paper reflects .8-.9 throughout; a VGA terminal at 0.5 m resolves no halftone dots (period
    .08-.3 px), so ``halftone_px`` is None except for coarse posters. ``paper`` is the linear colour of the sheet,
    ``ink_black`` what the darkest ink still reflects, ``gamut`` the saturation ink can reach (1 = the screen's),
    ``tone`` the exponent of dot gain, ``banding`` the relative strength of print-head streaks, ``gloss`` the mirror
    reflectance of the surface, ``polish`` how narrow its highlight is (0 matt .. 1 photo paper).
    """

    paper: tuple[float, float, float]
    ink_black: float
    gamut: float
    tone: float
    cast: tuple[float, float, float]
    banding: float
    gloss: float
    polish: float
    halftone_px: float | None


@dataclass(frozen=True, slots=True)
class Bend:
    """A sheet on a cylinder: ``radius_px``, axis upright or lying, and how far its ends' arcs show (tangent)."""

    radius_px: float
    upright: bool
    tilt: float


def draw_print(rng: np.random.Generator, split: Split) -> PrintModel:
    """Return a printer and paper from the split's constants."""

    def constant(low: float, high: float) -> float:
        return draw_constant(rng, low, high, split)

    white = constant(0.78, 0.92)
    glossy = rng.random() < 0.55
    return PrintModel(
        paper=(white * constant(0.95, 1.02), white, white * constant(0.92, 1.04)),
        ink_black=constant(0.006, 0.03) if glossy else constant(0.025, 0.08),
        gamut=0.0 if rng.random() < 0.06 else constant(0.75, 1.25),
        tone=constant(0.85, 1.5),
        cast=(constant(0.9, 1.08), constant(0.95, 1.05), constant(0.88, 1.08)),
        banding=constant(0.0, 0.05) if rng.random() < 0.4 else 0.0,
        gloss=constant(0.02, 0.06) if glossy else constant(0.0, 0.01),
        polish=constant(0.4, 1.0) if glossy else constant(0.0, 0.3),
        halftone_px=constant(2.2, 4.5) if rng.random() < 0.04 else None,
    )


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
    light = _ink(rng, art, printed)
    height, width = light.shape[:2]
    share = np.ones((height, width), np.float32)
    if bend is None:
        light = light * _flat_light(rng, (height, width))[..., None]
        share = _trimmed(share)
        outline = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
        lobe = _lobe(rng, (height, width), printed.polish, None)
    else:
        light, share, box, outline = _bent(rng, light, box, bend)
        lobe = _lobe(rng, light.shape[:2], printed.polish, bend)
    light = light + _shine(rng, lobe, printed, reflected)
    return Medium(np.asarray(light, np.float32), share, box, outline)


def cutout_medium(rng: np.random.Generator, shown: Shown, printed: PrintModel) -> Medium:
    """Return the printed face cut out along its outline, with or without eye holes, slightly bent."""
    margin = float(rng.uniform(1.02, 1.3))
    w, h = shown.box[2] * margin, shown.box[3] * margin * float(rng.uniform(1.0, 1.15))
    window = (shown.box[0] + (shown.box[2] - w) / 2, shown.box[1] + (shown.box[3] - h) * 0.65, w, h)
    part = cropped(shown, window)
    light = _ink(rng, to_encoded(part.linear), printed)
    height, width = light.shape[:2]
    cx, cy = part.box[0] + part.box[2] / 2, part.box[1] + part.box[3] / 2
    x = (np.arange(width, dtype=np.float32) - cx) / max(cx, width - cx)
    y = ((np.arange(height, dtype=np.float32) - cy) / max(cy, height - cy))[:, None]
    power = float(rng.uniform(2.0, 3.4))
    wobble = 1 + float(rng.uniform(0, 0.04)) * np.sin(np.arctan2(y, x) * int(rng.integers(3, 9)) + rng.uniform(0, 6))
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power) * wobble
    share = np.clip((0.98 - radius) * 0.25 * width, 0, 1)
    edge = np.clip((radius - 0.98 + float(rng.choice([0.0, 0.0, 0.04]))) * 0.25 * width, 0, 1)[..., None]
    light = light + edge * (np.array(printed.paper, np.float32) - light)
    if rng.random() < 0.5:
        share = share * _eye_holes(rng, part.box, (height, width))
    curve = 1 - float(rng.uniform(0.0, 0.5)) * x[None] ** 2
    light = light * (curve * float(rng.uniform(0.7, 1.2)))[..., None]
    light = light + _shine(rng, _lobe(rng, (height, width), printed.polish, None), printed, None)
    outline = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    return Medium(np.asarray(light, np.float32), np.asarray(share, np.float32), part.box, outline)


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


def _ink(rng: np.random.Generator, art: Pixels, printed: PrintModel) -> Pixels:
    """What the sheet reflects, 0..1 linear: less saturated, lifted blacks, paper white, streaks, coarse dots."""
    linear = to_linear(art)
    grey = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    linear = np.clip(grey[..., None] + np.float32(printed.gamut) * (linear - grey[..., None]), 0, 1)
    linear = linear ** np.float32(printed.tone) * np.array(printed.cast, np.float32)
    height, width = grey.shape
    if printed.banding > 0:
        streaks = cv2.GaussianBlur(rng.standard_normal((height, 1)).astype(np.float32), (1, 0), 0, sigmaY=1.5)
        linear = linear * (1 + printed.banding * streaks[..., None])
    if printed.halftone_px is not None:
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
        pitch = np.float32(2 * np.pi / printed.halftone_px)
        dots = np.cos((x + y) * 0.7071 * pitch) + np.cos((x - y) * 0.7071 * pitch)
        linear = np.clip(linear + 0.22 * dots[..., None] * linear * (1 - linear) * 2, 0, 1)
    reflectance = printed.ink_black + (np.array(printed.paper, np.float32) - printed.ink_black) * linear
    return np.asarray(reflectance * np.float32(1 / 0.85), np.float32)


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


def _lobe(rng: np.random.Generator, size: tuple[int, int], polish: float, bend: Bend | None) -> Pixels:
    """Where the surface mirrors a lamp, (h, w): a broad patch when flat, a stripe along the axis when bent."""
    height, width = size
    x = np.linspace(-1, 1, width, dtype=np.float32) - np.float32(rng.uniform(-1.2, 1.2))
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - np.float32(rng.uniform(-1.2, 1.2))
    ripple = cv2.resize(
        rng.standard_normal((2, 5, 7)).transpose(1, 2, 0).astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    strength = np.float32(rng.uniform(0, 0.3))
    x, y = x + strength * ripple[..., 0], y + strength * ripple[..., 1]
    narrow = float(np.exp(rng.uniform(np.log(0.06), np.log(0.6)))) * (1.5 - polish)
    long = narrow * float(rng.uniform(1.0, 4.0))
    if bend is not None:
        along, across = (y, x) if bend.upright else (x, y)
        return np.asarray(np.exp(-((across / narrow) ** 2) - (along / (3 * long + 0.5)) ** 2), np.float32)
    turn = np.float32(rng.uniform(0, np.pi))
    a, b = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return np.asarray(np.exp(-((a / long) ** 2) - (b / narrow) ** 2), np.float32)


def _shine(rng: np.random.Generator, lobe: Pixels, printed: PrintModel, reflected: Pixels | None) -> Pixels:
    """Lamp glare and, on photo paper, a blurred mirror image of the room."""
    strength = printed.gloss * float(np.exp(rng.uniform(np.log(3), np.log(120)))) * (0.15 if rng.random() < 0.35 else 1)
    tint = np.exp(rng.normal(0, 0.1, 3)).astype(np.float32)
    shine: Pixels = lobe[..., None] * tint * np.float32(strength)
    if reflected is not None and printed.polish > 0.4:
        height, width = lobe.shape
        view = cv2.GaussianBlur(cv2.resize(reflected, (width, height)), (0, 0), 3 + 25 * (1 - printed.polish))
        shine = shine + view * np.float32(printed.gloss * np.exp(rng.uniform(np.log(0.05), np.log(1.5))))
    return np.asarray(shine, np.float32)


def _eye_holes(rng: np.random.Generator, box: BoxPx, size: tuple[int, int]) -> Pixels:
    """Two holes where the eyes are in a frontal face: 0.3 and 0.7 across and 0.4 down the box."""
    holes = np.ones(size, np.float32)
    reach = float(rng.uniform(0.07, 0.12)) * box[2]
    for place in (0.3, 0.7):
        middle = (box[0] + place * box[2], box[1] + 0.4 * box[3])
        cv2.ellipse(holes, (middle, (2 * reach, reach * float(rng.uniform(0.9, 1.4))), 0), 0.0, -1, cv2.LINE_AA)
    return holes
