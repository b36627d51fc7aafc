"""``livegate console pseudonym``: what a card is called at the terminals that share a site key."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from livegate.config import Trust
from livegate.errors import ConfigError
from livegate.store.pseudonyms import Pseudonyms
from livegate.trust.site import site_keys
from livegate_tools.console.told import tell

HELP = "print the pseudonym of a card, QR code or PIN at terminals that share a site key"
_MAX_CHARACTERS = 4_096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("value", metavar="VALUE", help="as the reader delivers it; - reads it from standard input")
    parser.add_argument("--site-key", type=Path, required=True, metavar="FILE", help="the terminals' site key")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Print the pseudonym."""
    value = sys.stdin.readline(_MAX_CHARACTERS + 2).rstrip("\r\n") if arguments.value == "-" else arguments.value
    if not 1 <= len(value) <= _MAX_CHARACTERS:
        raise ConfigError(f"VALUE: expected 1 to {_MAX_CHARACTERS} characters, found {len(value)}")
    pseudonym = site_pseudonyms(arguments.site_key).of(value)
    tell(arguments, pseudonym, {"pseudonym": pseudonym})
    return 0


def site_pseudonyms(site_key: Path) -> Pseudonyms:
    """Return what makes pseudonyms as the terminals with this site key do; ConfigError when it is none."""
    keys = site_keys(Trust(site_key_file=site_key))
    if keys is None:
        raise ConfigError("--site-key: expected a file")
    return Pseudonyms(keys.pseudonyms)
