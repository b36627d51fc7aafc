"""A mesh and what it is made of: the unit that scenes are put together from."""

from __future__ import annotations

from dataclasses import dataclass

from livegate_tools.simulate.materials import Material
from livegate_tools.simulate.meshes import Mesh


@dataclass(frozen=True, slots=True)
class Part:
    """A mesh and what it is made of."""

    mesh: Mesh
    material: Material
