"""A small coverage-guided fuzzer: inputs that reach a line no other reached are kept and mutated further.

Its coverage is a trace function over the lines of files below given folders, so it needs nothing but Python; the same
seed makes the same run.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from livegate.errors import LivegateError

MAX_INPUT_BYTES = 8_192
_BYTES = (b"\x00", b"\xff", b'"', b"{", b"[", b"\\u", b"\n", b"NaN", b"1e999", b"\xed\xa0\x80", b"../", b"' OR 1=1--")
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**64, -(2**70), 0.5, -0.0, 1e308, "", "a", "0" * 12, "x" * 300, "\x00",
    "\ud800", "../../etc/passwd", "'; DROP TABLE event; --", "9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00.000Z", [],
    {}, [[]], ["a"] * 70, {"a": {"a": {"a": {"a": {}}}}},
)  # fmt: skip

Target = Callable[[bytes], object]


@dataclass
class Report:
    """What a run came to. ``crashes`` maps the last line of a traceback to an input and the whole of it."""

    executions: int = 0
    lines: int = 0
    corpus: int = 0
    accepted: int = 0
    crashes: dict[str, tuple[bytes, str]] = field(default_factory=dict)


class Fuzzer:
    """Runs ``target`` on mutations of ``seeds``; a LivegateError is its way to refuse, anything else is a crash."""

    def __init__(self, target: Target, seeds: list[bytes], places: tuple[Path, ...], seed: int = 0) -> None:
        self._target = target
        self._corpus = list(seeds)
        self._places = tuple(str(place) for place in places)
        self._chance = random.Random(seed)
        self._watched: dict[CodeType, bool] = {}
        self._lines: set[tuple[CodeType, int]] = set()
        self._new = False
        self.report = Report()

    def run(self, executions: int) -> Report:
        """Try the seeds and then mutations, ``executions`` in all; coverage and corpus go on from run to run."""
        first = list(self._corpus) if not self.report.executions else []
        for number in range(executions):
            content = first[number] if number < len(first) else self._mutated()
            self._try(content)
        self.report.lines, self.report.corpus = len(self._lines), len(self._corpus)
        return self.report

    def _try(self, content: bytes) -> None:
        self.report.executions += 1
        self._new = False
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            self._target(content)
            self.report.accepted += 1
        except LivegateError:
            pass
        except Exception as exc:  # noqa: BLE001 - that is what is looked for
            text = traceback.format_exc()
            place = traceback.extract_tb(exc.__traceback__)[-1]
            self.report.crashes.setdefault(f"{type(exc).__name__} at {place.filename}:{place.lineno}", (content, text))
        finally:
            sys.settrace(before)
        if self._new:
            self._corpus.append(content)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if not (watched := self._watched.get(code)):
            if watched is None:
                watched = self._watched[code] = code.co_filename.startswith(self._places)
            if not watched:
                return None
        self._note(code, frame.f_lineno)
        return self._trace_line

    def _trace_line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self._note(frame.f_code, frame.f_lineno)
        return self._trace_line

    def _note(self, code: CodeType, line: int) -> None:
        if (code, line) not in self._lines:
            self._lines.add((code, line))
            self._new = True

    def _mutated(self) -> bytes:
        content = self._chance.choice(self._corpus)
        if self._chance.random() < 0.6:
            content = self._structure(content)
        if self._chance.random() < 0.6:
            for _ in range(self._chance.choice((1, 1, 1, 2, 8))):
                content = self._bytes(content)
        return content[:MAX_INPUT_BYTES]

    def _bytes(self, content: bytes) -> bytes:
        chance = self._chance
        at = chance.randint(0, len(content))
        end = min(len(content), at + chance.choice((1, 1, 4, 16, 200)))
        piece = content[at:end]
        kind = chance.randrange(6)
        if kind == 0 and piece:
            return content[:at] + bytes([piece[0] ^ 1 << chance.randrange(8)]) + content[at + 1 :]
        if kind == 1:
            return content[:at] + content[end:]
        if kind == 2:
            return content[:at] + chance.choice(_BYTES) + content[at:]
        if kind == 3:
            return content[:end] + piece * chance.choice((1, 2, 50)) + content[end:]
        if kind == 4:
            other = chance.choice(self._corpus)
            return content[:at] + other[chance.randint(0, len(other)) :]
        return content[:at]

    def _structure(self, content: bytes) -> bytes:
        """Change one value of a JSON document, where it is one."""
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return content
        nodes = list(_nodes(document))
        if not nodes:
            return json.dumps(self._chance.choice(_VALUES)).encode()
        holder, key = self._chance.choice(nodes)
        kind = self._chance.randrange(5)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            holder[key] = [holder[key]]
        elif kind == 2 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
            holder[key] += self._chance.choice((-1, 1, 0.5, 1000))
        elif kind == 3:
            other, other_key = self._chance.choice(nodes)
            if other is not holder or other_key != key:
                holder[key] = copy.deepcopy(other.get(other_key) if isinstance(other, dict) else None)
        else:
            holder[key] = self._chance.choice(_VALUES)
        try:
            return json.dumps(document).encode()
        except (ValueError, RecursionError):
            return content


def _nodes(value: Any) -> Any:
    """Yield every place of a document: its holder and the key or index there."""
    if isinstance(value, dict):
        for key in list(value):
            yield value, key
            yield from _nodes(value[key])
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value, index
            yield from _nodes(value[index])
