"""Write a file whole or not at all: whoever looks finds the old text or the new one, never a part."""

from __future__ import annotations

from pathlib import Path

from livegate.errors import LivegateError


def write_whole(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` (UTF-8) in one move; raise LivegateError naming it when it cannot be written."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as exc:
        raise LivegateError(f"{path}: cannot be written ({exc.strerror}); make room or name another place") from exc
