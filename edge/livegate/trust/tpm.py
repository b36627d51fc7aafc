"""A secret sealed by this machine's TPM 2.0, through the command-line tools of tpm2-tools.

The sealing key is derived by the TPM from its own owner seed, so the blob opens on this TPM only; no state of the
machine is measured, for a firmware update must not cost the key. It keeps a copied disk from being the terminal, not a
program that runs on the terminal as its user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from livegate.errors import StoreError

DEVICE = Path("/dev/tpmrm0")
MAX_SECRET_BYTES = 128
"""What a TPM takes as sealed data."""
_TOOLS = ("tpm2_createprimary", "tpm2_create", "tpm2_load", "tpm2_unseal")
# The objects of one key have a few hundred bytes.
_MAX_OBJECT_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed secret: the two parts of the TPM's object, meaningless anywhere else."""

    public: bytes
    private: bytes


@dataclass(frozen=True, slots=True)
class Tpm:
    """The TPM behind ``device``."""

    device: Path = DEVICE
    timeout_s: float = 20.0
    """How long one call of a tool may take."""

    def missing(self) -> str | None:
        """Return why no secret can be sealed here, None where one can."""
        if not self.device.exists():
            return f"there is no {self.device}"
        if not os.access(self.device, os.R_OK | os.W_OK):
            return f"{self.device} may not be used by this user; add it to the group of that file"
        lacking = [tool for tool in _TOOLS if shutil.which(tool) is None]
        return f"{lacking[0]} is not installed (package tpm2-tools)" if lacking else None

    def seal(self, secret: bytes) -> Sealed:
        """Return ``secret`` (at most MAX_SECRET_BYTES), sealed; StoreError when the tools fail or take too long."""
        with _workplace() as place:
            self._primary(place)
            self._call(
                place, "tpm2_create", "-C", "primary.ctx", "-i", "-", "-u", "public", "-r", "private", give=secret
            )
            return Sealed(_object(place / "public"), _object(place / "private"))

    def unseal(self, sealed: Sealed) -> bytes:
        """Return the secret; StoreError when this TPM did not seal it, or the tools fail or take too long."""
        with _workplace() as place:
            (place / "public").write_bytes(sealed.public)
            (place / "private").write_bytes(sealed.private)
            self._primary(place)
            self._call(place, "tpm2_load", "-C", "primary.ctx", "-u", "public", "-r", "private", "-c", "sealed.ctx")
            return self._call(place, "tpm2_unseal", "-c", "sealed.ctx")

    def _primary(self, place: Path) -> None:
        self._call(place, "tpm2_createprimary", "-C", "o", "-g", "sha256", "-G", "ecc", "-c", "primary.ctx")

    def _call(self, place: Path, tool: str, *arguments: str, give: bytes = b"") -> bytes:
        """Run one tool in ``place``; the secret goes through pipes and never touches the disk."""
        environment = os.environ | {"TPM2TOOLS_TCTI": f"device:{self.device}"}
        try:
            done = subprocess.run(
                [tool, *arguments],
                cwd=place, input=give, env=environment, capture_output=True, timeout=self.timeout_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as exc:
            raise StoreError(f"{tool}: no answer from the TPM within {self.timeout_s:g} s") from exc
        except OSError as exc:
            raise StoreError(f"{tool}: cannot be run ({exc.strerror}); install the package tpm2-tools") from exc
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise StoreError(f"{tool}: failed: {said[-1] if said else f'status {done.returncode}'}")
        return done.stdout


@contextmanager
def _workplace() -> Iterator[Path]:
    """Hold a folder for the tools' files, none of which is of use without this TPM."""
    with tempfile.TemporaryDirectory(prefix="livegate-tpm-") as name:
        yield Path(name)


def _object(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise StoreError(f"tpm2_create: left no file '{path.name}' behind ({exc.strerror})") from exc
    if not 0 < len(content) <= _MAX_OBJECT_BYTES:
        raise StoreError(f"tpm2_create: its file '{path.name}' has {len(content)} bytes, which is no TPM object")
    return content
