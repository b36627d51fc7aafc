"""Text for people's terminals."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return ``text`` with all that a terminal would act on, and bytes of file names that are no text, made visible."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
