"""``livegate model``: which models this terminal judges by; take in one of your own, put it in force, go back."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from livegate.config import Detector, Runtime
from livegate.configfile import load
from livegate.detect.network import Kind
from livegate.errors import ConfigError
from livegate.installed import telling
from livegate.installed.activating import activate, remove, rollback
from livegate.installed.installing import Calibrate, install
from livegate.installed.library import Library
from livegate.installed.overview import Listed, overview
from livegate.installed.proving import prove
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.installed.warming import compile_kernels, kept_in, warm
from livegate.store.files import prepare_folder
from livegate.terminal_text import printable
from livegate.verbs.events import add_store_arguments, state_dir

HELP = "list, verify, install, activate, roll back and warm models"
_RESTART = "the terminal takes it at its next start: restart it"
_ELSEWHERE = """\
WARNING: it was CALIBRATED ELSEWHERE, on other samples than yours. What its scores mean at your door, and how much they
WARNING: weigh, is its maker's word. To know, take [scorer], [fusion] and [calibration] out of its manifest and install
WARNING: it with --samples M.jsonl (docs/models.md)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("list", "print the models: shipped, installed, active"),
        ("verify", "check the hashes of all models and run each once; status 1 if anything is wrong"),
        ("warm", "compile the kernels for this processor and keep them, and run every active model once"),
    ):
        # Without a terminal of its own: what ships.
        add_store_arguments(actions.add_parser(name, help=text), required=False)
    installed = actions.add_parser("install", help="take in a model from outside; it is not active by that")
    installed.add_argument("path", type=Path, metavar="DIR|FILE.zip", help="a folder or ZIP file with a manifest.toml")
    installed.add_argument(
        "--samples", type=Path, metavar="M.jsonl", help="your own labelled pictures, to calibrate a crop classifier by"
    )
    add_store_arguments(installed)
    for name, text in (
        ("activate", "put an installed version in force; NAME@shipped takes back what ships"),
        ("rollback", "put the version in force that was before"),
        ("remove", "delete an installed version"),
    ):
        action = actions.add_parser(name, help=text)
        version = "" if name == "rollback" else "[@VERSION]"
        action.add_argument("name", metavar=f"NAME{version}", help="a model as `livegate model list` prints it")
        add_store_arguments(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; ``verify`` ends with 1 where something is wrong."""
    if arguments.action in ("list", "verify", "warm"):
        return _look(arguments)
    folder = state_dir(arguments)
    prepare_folder(folder)
    library = Library.of(folder)
    if arguments.action == "install":
        return _install(library, arguments)
    return _change(library, arguments)


def _look(arguments: argparse.Namespace) -> int:
    config = None if arguments.config is None else load(arguments.config)
    folder = config.terminal.state_dir if config else arguments.state_dir
    library = None if folder is None else Library.of(folder)
    shelf = SHIPPED if library is None else library.shelf()
    if arguments.action == "warm":
        return _warm(config.detector if config else Detector(), shelf, as_json=arguments.json)
    listed = overview(library, shelf, config)
    if arguments.action == "verify":
        return _verify(listed, as_json=arguments.json)
    if arguments.json:
        _print_json({"models": [telling.row(one) for one in listed]})
    else:
        for one in listed:
            print(printable(telling.line(one)))
    return 0


def _verify(listed: tuple[Listed, ...], *, as_json: bool) -> int:
    rows = []
    ok = True
    for proof in map(prove, listed):
        ok &= proof.fault is None
        rows.append(
            telling.row(proof.listed)
            | {"ok": proof.fault is None, "fault": proof.fault, "ran": telling.ran_rows(proof.ran)}
        )
        if not as_json:
            said = proof.fault or telling.runs(proof.ran)
            print(printable(f"{'ok' if proof.fault is None else 'NOT OK':<8} {telling.title(proof.listed)}: {said}"))
    if as_json:
        _print_json({"ok": ok, "models": rows})
    return 0 if ok else 1


def _warm(detector: Detector, shelf: Shelf, *, as_json: bool) -> int:
    kernels, models = compile_kernels(), warm(detector, shelf)
    faults = {**shelf.faults, **models.faults}
    not_kept = {one.name: one.fault for one in kernels if one.fault is not None}
    compiled = [one.name for one in kernels if one.fault is None]
    status = 1 if faults or not_kept else 0
    if as_json:
        told = {
            "models": [asdict(one) for one in models.warmed],
            "compiled": compiled,
            "not_kept": not_kept,
            "kept_in": str(kept_in()),
        }
        _print_json(told | {"faults": faults})
        return status
    for one in models.warmed:
        print(printable(f"{one.name}: {one.runtime}, {one.first_ms:.1f} ms to open and run, then {one.ms:.1f} ms"))
    if detector.runtime is Runtime.NONE:
        print("[detector] runtime = 'none': there is no network to run")
    print(printable(f"compiled for this processor, in {kept_in()}: {', '.join(compiled) or 'nothing'}"))
    for fault in (*not_kept.values(), *faults.values()):
        print(printable(f"NOT OK   {fault}"))
    return status


def _install(library: Library, arguments: argparse.Namespace) -> int:
    done = install(library, arguments.path, _calibration(library, arguments.samples))
    model = done.description
    card = telling.card(model)
    elsewhere = model.kind is Kind.CROP_CLASSIFIER and model.calibration is not None and arguments.samples is None
    if arguments.json:
        more = {"known": done.known, "ran": telling.ran_rows(done.ran), "card": card, "calibrated_elsewhere": elsewhere}
        _print_json(telling.told(model) | more)
        return 0
    version = f"{model.name}@{model.sha256[:12]}"
    print(printable(f"{version}, version {model.version}: {'was there already' if done.known else 'installed'}"))
    print(printable(f"licence: {model.licence}; card: {card or 'none'}"))
    print(printable(f"runs: {telling.runs(done.ran)}"))
    if model.calibration is None:
        print("not calibrated: install it with --samples M.jsonl to activate it")
        return 0
    if elsewhere:
        print(_ELSEWHERE)
    print(f"to put it in force: livegate model activate {version}")
    return 0


def _calibration(library: Library, samples: Path | None) -> Calibrate | None:
    if samples is None:
        return None
    # Needs what the other actions do without.
    from livegate.own_classifier import calibrate

    return lambda folder: calibrate(folder, samples, library.shelf())


def _change(library: Library, arguments: argparse.Namespace) -> int:
    name, at, version = arguments.name.partition("@")
    if at and (not version or arguments.action == "rollback"):
        raise ConfigError(
            f"{arguments.name!r}: expected {'NAME' if arguments.action == 'rollback' else 'NAME@VERSION'}"
        )
    with library.changing():
        if arguments.action == "remove":
            gone = remove(library, name, version or None)
            print(json.dumps({"removed": gone}) if arguments.json else f"{name} {gone[:12]}: removed")
            return 0
        active = rollback(library, name) if arguments.action == "rollback" else activate(library, name, version or None)
    if arguments.json:
        _print_json({"name": name, "active": None if active is None else telling.told(active), "restart": True})
        return 0
    said = f"{name} {active.version} ({active.sha256[:12]})" if active else f"{name}: {telling.without(name)}"
    print(printable(f"{said} is active; {_RESTART}"))
    return 0


def _print_json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, indent=2))
