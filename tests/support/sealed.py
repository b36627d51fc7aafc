"""Attacks, keys and clocks for tests of evidence."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from livegate.evidence.keep import Committed
from livegate.gate.facts import Clock
from livegate.types import (
    Attempt,
    Box,
    Face,
    Frame,
    FrameSet,
    Observation,
    PadDecision,
    PadResult,
    Reason,
    Role,
    SensorState,
    Step,
)

WALL_S = 1_700_000_000.0
HEIGHT, WIDTH = 240, 320
FACE = Box(140, 80, 50, 60)
COMMITTED = Committed("stream1", 7, WALL_S, {"name": "face", "sha256": "00", "threshold": 1.5})


@dataclass
class Hands:
    """A clock that a test turns by hand."""

    now: Clock = field(default_factory=lambda: Clock(WALL_S, 10**9, synchronised=True))

    def __call__(self) -> Clock:
        return self.now

    def runs(self, seconds: float, wall_s: float | None = None) -> None:
        """Let ``seconds`` pass while the terminal is on; the wall clock does the same unless told otherwise."""
        passed_s = seconds if wall_s is None else wall_s
        self.now = replace(
            self.now, monotonic_ns=self.now.monotonic_ns + round(seconds * 1e9), wall_s=self.now.wall_s + passed_s
        )


def keys(folder: Path) -> tuple[Path, Path]:
    """Write the centre's pair of keys; return the private and the public file."""
    key = X25519PrivateKey.generate()
    private, public = folder / "centre.key", folder / "centre.pem"
    private.touch(0o600)
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    public.chmod(0o644)
    return private, public


def frame_set(level: int, captured_ns: int, *, face: Box = FACE, nir: tuple[int, int] = (HEIGHT, WIDTH)) -> FrameSet:
    """Return pictures of noise that say where they are from: inside ``face`` rgb is ``level`` everywhere."""
    chance = np.random.default_rng(level)
    rgb = chance.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    left, top, right, bottom = round(face.x), round(face.y), round(face.x + face.w), round(face.y + face.h)
    rgb[top:bottom, left:right] = level
    pictures = {
        Role.RGB: rgb,
        Role.NIR: chance.integers(0, 256, nir, np.uint8),
        Role.DEPTH: chance.integers(0, 5_000, (HEIGHT, WIDTH), np.uint16),
        Role.RGB_RIGHT: rgb.copy(),
    }
    frames = {role: Frame(role, picture, captured_ns) for role, picture in pictures.items()}
    return FrameSet(frames, dict.fromkeys(frames, SensorState.OK), captured_ns)


def presented(attempt_id: str = "a1", *, frames: int = 5, others: int = 0) -> Attempt:
    """Return an attempt of so many FrameSets, whose faces have the levels 10, 11, ..."""
    face = Face(FACE, 0.1, 0.8)
    seen = [Observation(frame_set(10 + n, 50_000_000 * n), face, others) for n in range(frames)]
    return Attempt(attempt_id, 0, tuple(seen))


def verdict(decision: PadDecision = PadDecision.ATTACK, signature: str | None = "ab12") -> PadResult:
    return PadResult(decision, Reason.PRESENTATION_ATTACK, 0.1, -2.0, 1.5, 5, Step.ALL, media_signature=signature)


def livegate(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    words = [str(argument) for argument in arguments]
    return subprocess.run([sys.executable, "-m", "livegate.cli", *words], capture_output=True, text=True, check=False)
