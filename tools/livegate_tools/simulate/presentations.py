"""What stands before the terminal: a living person, or one of the presentation attack instruments."""

from __future__ import annotations

import numpy as np

from livegate_tools.simulate.devices import screen
from livegate_tools.simulate.hands import build_hand, grip
from livegate_tools.simulate.head import draw_expression, posed
from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.masks import cutout, mask
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.presented import Posture, Presentation, Presented, Species, Stage, head_at
from livegate_tools.simulate.sheets import paper
from livegate_tools.simulate.textures import TextureBank


def live(stage: Stage, identity: Identity, rng: np.random.Generator) -> Presentation:
    """Return a living person, sometimes with a hand at the face."""
    expression = draw_expression(rng)
    bank = TextureBank()
    hand = (
        _hand_at_face(build_hand(stage.assets, identity, bank), rng) if rng.random() < stage.habits.occluded else None
    )

    def at(posture: Posture) -> Presented:
        head = posed(head_at(stage.assets, identity, expression, bank, posture), posture.pose)
        parts = head.parts if hand is None else (*head.parts, hand)
        return Presented(parts, head.landmarks, bank, 1.0)

    return at


def _hand_at_face(hand: Part, rng: np.random.Generator) -> Part:
    side = float(rng.choice([-1, 1]))
    at = np.array([side * rng.uniform(45, 95), rng.uniform(-120, -50), rng.uniform(55, 90)])
    return grip(hand, at, side * rng.uniform(5, 50), bool(side < 0), rng.uniform(-25, 5))


def present(
    stage: Stage,
    species: Species | None,
    people: tuple[Identity, Identity],
    rng: np.random.Generator,
) -> Presentation:
    """Return a presentation of ``people[0]``; ``people[1]`` wears masks. ``species`` None is a living person."""
    shown, other = people
    if species is None:
        return live(stage, shown, rng)
    if species in (Species.PRINT_FLAT, Species.PRINT_BENT):
        return paper(stage, shown, other, rng, bent=species is Species.PRINT_BENT)
    if species in (Species.REPLAY_PHONE, Species.REPLAY_TABLET):
        return screen(stage, shown, rng, tablet=species is Species.REPLAY_TABLET)
    if species is Species.CUTOUT_MASK:
        return cutout(stage, shown, other, rng)
    return mask(stage, shown, other, rng)
