"""Simulated frames from photographs: each person living and shown on something, through one camera stage.

Every frame depends on (seed, index, split) and the sources alone. Only the presentation differs between the classes:
people, rooms, face sizes, light, blur and cameras are drawn by the same functions, and frames 2k and 2k + 1 are of one
person, alive and as an attack, so that no face belongs to a class.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from livegate_tools.simulate.camera_stage import expose
from livegate_tools.simulate.cameras import draw_camera
from livegate_tools.simulate.flat_attack import attack, draw_species, with_faceless_medium
from livegate_tools.simulate.geometry import BoxPx, Pixels, inside_share, map_box
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.living import living, pick_person
from livegate_tools.simulate.photographs import Taken, as_captured, cut, draw_taken, photograph
from livegate_tools.simulate.portraits import WEBCAMS, Portrait, Sources
from livegate_tools.simulate.scenes import blur, flicker, relight, room

_EMPTY_SHARE = 0.05
_FACELESS_MEDIUM_SHARE = {"bona_fide": 0.12, "background": 0.6}
_FURNISHED_SHARE = 0.25
_PHOTOGRAPH_SHARE = 0.17
_ATTEMPTS = 5
_LEAST_CONTRAST = 14.0


def render(index: int, seed: int, split: Split | str, sources: Sources) -> tuple[Pixels, dict[str, Any]]:
    """Return frame ``index``, (H, W, 3) uint8 B, G, R, and its line of an evaluation manifest without ``rgb``.

    Frames are 640 x 480, but a sixth of all pairs are photographs of other sizes and aspects (sides of 212 to 480).
    ``label`` is "bona_fide", "attack" or, for a scene without any face, "background" (box null). ``faces`` lists all
    faces in view as {"box", "label"}; ``unsure`` the boxes of those whose label is not the sample's,
    and of faces that the frame cuts off.
    """
    split = Split(split)
    number = list(Split).index(split)
    both = np.random.default_rng([seed, index // 2, number])
    person = pick_person(both, sources)
    taken = draw_taken(both, person, _PHOTOGRAPH_SHARE)
    empty = np.random.default_rng([seed, index, number, _ATTEMPTS]).random() < _EMPTY_SHARE
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([seed, index, number, attempt])
        camera = draw_camera(rng, split, taken.camera)
        if index % 2 == 0 and not empty and person.source in WEBCAMS:
            picture, box = as_captured(rng, person)
            told = _told("bona_fide", None, person.subject, person.source, person.source, box)
            break
        linear, told = _background(rng, sources) if empty else _SHOWN[index % 2](rng, sources, person, taken)
        picture = expose(flicker(rng, blur(rng, relight(rng, linear, 0.4))), camera, rng)
        if told["box"] is None or _visible(picture, told["box"]):
            break
    line = {
        "id": f"pictures_{split}_{seed}_{index:06d}",
        "nir": None, "depth": None, "rgb_right": None, "camera": None,
        **told,
        "source": "simulated_pictures", "split": str(split), "seed": seed, "camera_id": camera.camera_id,
    }  # fmt: skip
    return picture, line


def _visible(picture: Pixels, box: list[float]) -> bool:
    """Whether a face can be seen at all: not blown out, not black, not outside."""
    x, y, w, h = (int(v) for v in box)
    face = picture[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)]
    return face.size > 0 and float(face.mean(axis=2).std()) > _LEAST_CONTRAST


def _bona_fide(
    rng: np.random.Generator, sources: Sources, person: Portrait, taken: Taken
) -> tuple[Pixels, dict[str, Any]]:
    if taken.size is not None:
        scene = photograph(rng, person, taken.size)
        told = _told("bona_fide", None, person.subject, person.source, "own", scene.box)
        return scene.linear, told
    scene = living(rng, sources, person, _furnished)
    linear = scene.linear
    if rng.random() < _FACELESS_MEDIUM_SHARE["bona_fide"]:
        beside = with_faceless_medium(rng, sources, linear, scene.box)
        linear = linear if beside is None else beside
    told = _told("bona_fide", None, scene.portrait.subject, scene.portrait.source, scene.background, scene.box)
    return linear, told


def _furnished(rng: np.random.Generator, sources: Sources) -> tuple[Pixels, str]:
    """A room, at times with a faceless screen or picture in it: edges behind a head are no attack."""
    linear, name = room(rng, sources)
    beside = with_faceless_medium(rng, sources, linear, None) if rng.random() < _FURNISHED_SHARE else None
    return linear if beside is None else beside, name


def _attack(
    rng: np.random.Generator, sources: Sources, person: Portrait, taken: Taken
) -> tuple[Pixels, dict[str, Any]]:
    done = attack(rng, sources, draw_species(rng), person)
    linear, warp = cut(rng, done.linear, done.box, taken.size)
    box = map_box(done.box, warp)
    others, partly = (
        [b for b in (map_box(b, warp) for b in boxes) if inside_share(b, linear.shape[1], linear.shape[0]) > 0]
        for boxes in (done.others, done.partly)
    )
    told = _told("attack", done.species, done.portrait.subject, done.portrait.source, done.background, box)
    told["device"] = done.device
    told["faces"] += [{"box": _rounded(b), "label": "bona_fide"} for b in others]
    told["unsure"] = [_rounded(b) for b in (*others, *partly)]
    return linear, told


_SHOWN = (_bona_fide, _attack)


def _background(rng: np.random.Generator, sources: Sources) -> tuple[Pixels, dict[str, Any]]:
    linear, name = room(rng, sources)
    if rng.random() < _FACELESS_MEDIUM_SHARE["background"]:
        with_medium = with_faceless_medium(rng, sources, linear, None)
        linear = linear if with_medium is None else with_medium
    return linear, _told("background", None, "nobody", "backgrounds", name, None)


def _told(
    label: str, species: str | None, subject: str, portrait: str, background: str, box: BoxPx | None
) -> dict[str, Any]:
    """What is true of a frame, as manifest fields."""
    faces = [] if box is None else [{"box": _rounded(box), "label": label}]
    return {
        "label": label, "pai_species": species, "subject": subject, "identity": subject, "portrait_source": portrait,
        "background": background, "box": None if box is None else _rounded(box), "faces": faces, "unsure": [],
        "device": None,
    }  # fmt: skip


def _rounded(box: BoxPx) -> list[float]:
    return [round(v, 1) for v in box]
