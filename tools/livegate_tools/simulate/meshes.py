"""Triangle meshes, and the three text formats heads are made of: OBJ, MakeHuman targets and proxies."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.errors import AssetError
from livegate_tools.simulate.rasterise import vertex_normals

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles to draw: vertices (V, 3) in mm and unit normals (V, 3), uvs (V, 2), triangles (T, 3) int32."""

    vertices: Array
    normals: Array
    uvs: Array
    triangles: Array

    def placed(self, rotation: Array, translation: Array) -> Mesh:
        """Return the mesh rotated by a (3, 3) matrix about the origin, then moved by (3,) mm."""
        turn = rotation.T.astype(np.float32)
        vertices = self.vertices @ turn + translation.astype(np.float32)
        return Mesh(vertices, self.normals @ turn, self.uvs, self.triangles)


@dataclass(frozen=True, slots=True)
class Topology:
    """Faces of an OBJ file without positions, so that many shapes share it.

    ``source`` (R,) is the position index of each drawn vertex (one drawn vertex per position and texture coordinate),
    ``uvs`` (R, 2), ``triangles`` (T, 3) of drawn vertices, ``groups`` (T,) the index into ``group_names``.
    """

    source: Array
    uvs: Array
    triangles: Array
    groups: Array
    group_names: tuple[str, ...]

    def mesh(self, positions: Array) -> Mesh:
        """Return the mesh of these faces over ``positions`` (P, 3); normals are smooth across texture seams."""
        vertices = np.ascontiguousarray(positions, dtype=np.float32)
        normals = vertex_normals(vertices, self.source[self.triangles])
        return Mesh(vertices[self.source], normals[self.source], self.uvs, self.triangles)

    def in_group(self, name: str) -> Array:
        """Return which faces (T,) belong to the groups of this name; none where there is no such group."""
        return np.isin(self.groups, [i for i, known in enumerate(self.group_names) if known == name])

    def part(self, chosen: Array) -> Topology:
        """Return the faces where ``chosen`` (T,) bool holds, without the vertices nobody uses any more."""
        used, renumbered = np.unique(self.triangles[chosen], return_inverse=True)
        triangles = renumbered.reshape(-1, 3).astype(np.int32)
        return Topology(self.source[used], self.uvs[used], triangles, self.groups[chosen], self.group_names)


def read_text(path: Path) -> str:
    """Return a text file's content, unpacking .gz; raise AssetError when it cannot be read."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc}); give the makehuman_cc0 folder with --assets DIR") from exc
    return data.decode("utf-8", errors="replace")


def read_obj(path: Path) -> tuple[Array, Topology]:
    """Return the positions (P, 3) float32 of an OBJ file in its own unit, and its faces cut into triangles."""
    positions: list[list[str]] = []
    coordinates: list[list[str]] = []
    corners: list[tuple[int, int]] = []
    groups: list[int] = []
    names: list[str] = ["default"]
    for line in read_text(path).splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            positions.append(rest.split()[:3])
        elif kind == "vt":
            coordinates.append(rest.split()[:2])
        elif kind == "g":
            names.append(rest.strip())
        elif kind == "f":
            face = [_corner(word) for word in rest.split()]
            for i in range(1, len(face) - 1):
                corners.extend((face[0], face[i], face[i + 1]))
                groups.append(len(names) - 1)
    if not positions or not corners:
        raise AssetError(f"{path}: expected an OBJ file with vertices and faces; check the file")
    pairs, drawn = np.unique(np.array(corners, dtype=np.int64), axis=0, return_inverse=True)
    uvs = np.array(coordinates, dtype=np.float32)[pairs[:, 1]]
    topology = Topology(
        pairs[:, 0].astype(np.int32),
        uvs,
        drawn.reshape(-1, 3).astype(np.int32),
        np.array(groups, dtype=np.int32),
        tuple(names),
    )
    return np.array(positions, dtype=np.float32), topology


def _corner(word: str) -> tuple[int, int]:
    parts = word.split("/")
    return int(parts[0]) - 1, int(parts[1]) - 1


def read_target(path: Path) -> tuple[Array, Array]:
    """Return the moved vertices (K,) int32 and their offsets (K, 3) float32 of a MakeHuman target."""
    lines = [line for line in read_text(path).splitlines() if line and not line.startswith("#")]
    table = np.array(" ".join(lines).split(), dtype=np.float64).reshape(-1, 4)
    return table[:, 0].astype(np.int32), table[:, 1:].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A mesh that follows the base mesh: each vertex is a weighted sum of three base vertices and an offset.

    ``corners`` (N, 3) base vertices, ``weights`` (N, 3), ``offsets`` (N, 3); ``scales``: per axis the two base vertices
    whose distance along it, over the third number, scales the offsets.
    """

    topology: Topology
    corners: Array
    weights: Array
    offsets: Array
    scales: tuple[tuple[int, int, float], ...]

    def positions(self, base: Array) -> Array:
        """Return the proxy's positions (N, 3) over the base positions (P, 3), in the base's unit."""
        followed = np.einsum("nk,nkc->nc", self.weights, base[self.corners])
        scale = [abs(base[a, axis] - base[b, axis]) / size for axis, (a, b, size) in enumerate(self.scales)]
        moved: Array = followed + self.offsets * np.array(scale, dtype=np.float32)
        return moved


def read_proxy(folder: Path) -> Proxy:
    """Return the proxy of a folder that holds one .mhclo and one .obj file; raise AssetError when it is not one."""
    name = folder.name
    _, topology = read_obj(folder / f"{name}.obj")
    scales = {"x": (0, 1, 1.0), "y": (0, 1, 1.0), "z": (0, 1, 1.0)}
    rows: list[list[float]] = []
    reading = False
    for line in read_text(folder / f"{name}.mhclo").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            scales[words[0][0]] = (int(words[1]), int(words[2]), float(words[3]))
        elif words[0] == "verts":
            reading = True
        elif reading and (words[0].isdigit() and len(words) in (1, 9)):
            rows.append(_proxy_row(words))
    table = np.array(rows, dtype=np.float32)
    if len(table) <= int(topology.source.max()):
        raise AssetError(f"{folder}: the .mhclo lists {len(table)} vertices, fewer than its .obj uses; check the files")
    corners = table[:, :3].astype(np.int32)
    return Proxy(topology, corners, table[:, 3:6], table[:, 6:9], (scales["x"], scales["y"], scales["z"]))


def _proxy_row(words: list[str]) -> list[float]:
    if len(words) == 1:
        return [float(words[0])] * 3 + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    return [float(word) for word in words]
