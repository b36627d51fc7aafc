"""Checks of a folder against the layout a set documents: what was expected, what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from livegate.errors import AssetError

_MOST_NAMED = 8


def found_in(folder: Path) -> str:
    """Return what lies in ``folder`` in words, for an error."""
    if not folder.exists():
        return "no such folder"
    if not folder.is_dir():
        return "a file"
    names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
    if not names:
        return "an empty folder"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def misfit(folder: Path, expected: str) -> AssetError:
    """Return the error for a folder that is laid out otherwise than the set documents."""
    return AssetError(f"{folder}: expected {expected}; found {found_in(folder)}; see docs/datasets.md")


def folders_of(folder: Path, names: Iterable[str], expected: str) -> list[Path]:
    """Return those of the folders ``names`` that are there; AssetError when none is."""
    there = [folder / name for name in names if (folder / name).is_dir()]
    if not there:
        raise misfit(folder, expected)
    return there


def files_of(folder: Path, suffixes: Iterable[str], expected: str) -> list[Path]:
    """Return the files in or under ``folder`` that end so (lower case), sorted; AssetError when there is none."""
    wanted = tuple(suffixes)
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in wanted and path.is_file())
    if not files:
        raise misfit(folder, expected)
    return files


def listed_file(folder: Path, name: str, where: Path) -> Path:
    """Return the file that the list ``where`` names; AssetError where that lies outside ``folder``."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise AssetError(f"{where}: names '{name[:80]}', which is outside the set; copy it again from the set")
    return folder / name


def parts_of(path: Path, separator: str, form: str) -> list[str]:
    """Return the parts of a file's name without its suffix; AssetError where they are not as many as in ``form``."""
    parts = path.stem.split(separator)
    if len(parts) != len(form.split(separator)):
        raise AssetError(f"{path}: expected a name of the form {form}; see docs/datasets.md")
    return parts


def text_lines(path: Path, expected: str) -> Iterator[str]:
    """Yield the lines of a list that are not blank; AssetError where it cannot be read."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as exc:
        raise AssetError(
            f"{path}: expected {expected}; it cannot be read ({exc.strerror}); beside it: {found_in(path.parent)}"
        ) from exc
    yield from (line.strip() for line in text.splitlines() if line.strip())


def check_text(name: object) -> None:
    """Raise AssetError for a file name that is no text: neither OpenCV nor a manifest can hold it."""
    try:
        str(name).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise AssetError(f"{str(name)!r}: a name that is no text in UTF-8; rename the file or its folder") from exc


def known(value: str, table: dict[str, str | None], path: Path, what: str) -> str | None:
    """Return ``table[value]``; AssetError names the file whose ``what`` is none of those the set documents."""
    if value not in table:
        raise AssetError(f"{path}: {what} '{value}'; expected one of {', '.join(table)}; see docs/datasets.md")
    return table[value]
