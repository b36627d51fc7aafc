"""A chart on the page and beside it."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

from livegate.errors import LivegateError


def picture(png: bytes, alt: str) -> str:
    """Return the element that shows a chart of twice its size on the page itself."""
    data = base64.b64encode(png).decode("ascii")
    width = int.from_bytes(png[16:20], "big") // 2
    return f'<img alt="{escape(alt)}" width="{width}" src="data:image/png;base64,{data}">'


def write_picture(path: Path, png: bytes) -> None:
    """Write a chart beside the page; LivegateError where that fails."""
    try:
        path.write_bytes(png)
    except OSError as exc:
        raise LivegateError(f"{path}: cannot be written ({exc.strerror}); give --html another place") from exc
