"""What a conversion writes into a model's manifest and card."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from livegate.config import Precision
from livegate.detect.network import KEYS, ModelFormat
from livegate.errors import AssetError
from livegate_tools.train.convert.agreement import Agreement

HEADING = "## Conversion"
_HEADER = re.compile(r"^\[{1,2}([A-Za-z0-9_.]+)\]{1,2}\s*$")
_FP32 = KEYS[ModelFormat.ONNX, Precision.FP32]
_OURS = {key for pair in KEYS.values() if pair != _FP32 for key in pair}


@dataclass(frozen=True, slots=True)
class Written:
    """One file of the model: its manifest keys are those of its format and precision."""

    form: ModelFormat
    precision: Precision
    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Conversion:
    """All there is to say of one conversion."""

    files: tuple[Written, ...]
    calibration: Mapping[str, int]
    """Pictures by source that fixed the steps of the 8-bit files."""
    dev: Mapping[str, int]
    agreements: tuple[Agreement, ...]
    missing: tuple[str, ...]


def manifest_with_files(text: str, files: Sequence[Written], path: Path) -> str:
    """Return the manifest with the files in [model] in place of those it listed, and without [conversion]."""
    sections = [(name, lines) for name, lines in _sections(text) if name.split(".")[0] != "conversion"]
    added = []
    for file in files:
        key, digest = KEYS[file.form, file.precision]
        added += [f"{key} = {json.dumps(file.name)}", f"{digest} = {json.dumps(file.sha256)}"]
    made = "".join(_joined(_with_keys(lines, added) if name == "model" else lines) for name, lines in sections)
    _check_only_files_changed(text, made, {file.name for file in files}, path)
    return made


def manifest_with_report(text: str, conversion: Conversion) -> str:
    """Return the manifest with the table [conversion] at its end."""
    lines = [
        "[conversion]",
        f"calibration = {_inline(conversion.calibration)}",
        f"dev = {_inline(conversion.dev)}",
    ]
    for each in conversion.agreements:
        lines += [
            "",
            "[[conversion.agreement]]",
            f'runtime = "{each.runtime}"',
            f'precision = "{each.precision}"',
            f"pictures = {each.pictures}",
            f"equal = {each.equal:.4f}",
            f"mean_difference = {each.mean_difference:.4f}",
            f"max_difference = {each.max_difference:.4f}",
        ]
    return f"{text.rstrip()}\n\n" + "\n".join(lines) + "\n"


def card_with_report(text: str, conversion: Conversion) -> str:
    """Return the card with the section on conversion at its end, in place of an earlier one."""
    kept = re.sub(rf"^{HEADING}\n.*?(?=^## |\Z)", "", text, flags=re.MULTILINE | re.DOTALL).rstrip()
    used, dev = (_listed(counts) for counts in (conversion.calibration, conversion.dev))
    rows = [
        f"| {file.name} | {file.form} {file.precision} | {file.size:,} | `{file.sha256}` |" for file in conversion.files
    ]
    compared = [
        f"| {each.runtime} | {each.precision} | {each.equal:.4f} | {each.mean_difference:.4f} | "
        f"{each.max_difference:.4f} |"
        for each in conversion.agreements
    ]
    lines = [
        HEADING,
        "",
        f"Written by `livegate train convert` from the ONNX fp32 file. The 8-bit steps were fixed on {used}.",
        "",
        "| file | what | bytes | SHA-256 |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Against ONNX fp32 in onnxruntime, on {dev}:",
        "the share of pictures with the same verdict (bona fide, attack or no face, at the model's own operating",
        "point) and the difference of the scores as log-likelihood ratios.",
        "",
        "| runtime | precision | same verdict | mean difference | largest difference |",
        "|---|---|---|---|---|",
        *compared,
        "",
        *([f"Not asked: {'; '.join(conversion.missing)}."] if conversion.missing else []),
    ]
    return f"{kept}\n\n" + "\n".join(lines).rstrip() + "\n"


def _sections(text: str) -> list[tuple[str, list[str]]]:
    """Return the lines of each table, its header first; what stands before the first has the name ""."""
    sections: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            sections.append((header[1], []))
        sections[-1][1].append(line)
    return sections


def _with_keys(lines: list[str], added: list[str]) -> list[str]:
    kept = [line for line in lines if line.split("=")[0].strip() not in _OURS]
    while kept and not kept[-1].strip():
        kept.pop()
    return [*kept, *added, ""]


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _check_only_files_changed(before: str, after: str, listed: set[str], path: Path) -> None:
    """A manifest written by hand may be laid out in ways that editing by lines would spoil."""
    old, new = tomllib.loads(before), tomllib.loads(after)
    is_listed = listed <= {str(value) for value in new["model"].values()}
    for tables in (old, new):
        tables.pop("conversion", None)
        tables["model"] = {key: value for key, value in tables["model"].items() if key not in _OURS}
    if old != new or not is_listed:
        raise AssetError(f"{path}: cannot be edited; write every table's header on a line of its own")


def _inline(counts: Mapping[str, int]) -> str:
    return "{ " + ", ".join(f"{json.dumps(name)} = {count}" for name, count in counts.items()) + " }"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} pictures of {name}" for name, count in counts.items())
