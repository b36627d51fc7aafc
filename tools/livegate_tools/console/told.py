"""How an action says what it did: a line for people, or one JSON object a line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from livegate.terminal_text import printable


def tell(arguments: argparse.Namespace, text: str, members: Mapping[str, Any]) -> None:
    """Print ``members`` with --json, else ``text``."""
    sys.stdout.write((json.dumps(members) if arguments.json else printable(text)) + "\n")
    sys.stdout.flush()
