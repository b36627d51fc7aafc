"""What a JPEG says of its size, read without decoding it: a device may lie, and decoding a lie takes gigabytes."""

from __future__ import annotations

# No camera's head has as many segments and fill bytes; one that seems to is not searched for long.
MAX_STEPS = 256
# Start-of-frame markers; C4, C8 and CC among them are tables and a reserved word.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return (width, height) of a JPEG as its head says, None where it is damaged before that."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    for _ in range(MAX_STEPS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _FRAMES:
            size = data[at + 5 : at + 9]
            return (size[2] << 8 | size[3], size[0] << 8 | size[1]) if len(size) == 4 else None
        at += 2 + (data[at + 2] << 8 | data[at + 3])
    return None
