"""Text for people's terminals."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return ``text`` with everything a terminal would act on, such as escape sequences, made visible."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
