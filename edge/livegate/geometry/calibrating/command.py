"""``livegate calibrate cameras``: the command line around :func:`livegate.geometry.calibrating.make.make`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from livegate.capture.rig import Timing, open_rig
from livegate.config import Config
from livegate.configfile import load
from livegate.errors import CalibrationError, ConfigError
from livegate.geometry.calibrating.board import Board
from livegate.geometry.calibrating.factory import of_makers
from livegate.geometry.calibrating.live import take_views
from livegate.geometry.calibrating.make import Circumstances, Made, make
from livegate.geometry.calibrating.noise import with_noise
from livegate.geometry.calibrating.views import View, read_views
from livegate.geometry.file import RigFile, write
from livegate.terminal_text import printable
from livegate.types import Role

# No terminal is as wide: a board's square was told in another unit or a digit too many.
_WIDE_MM = 200.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="the terminal's configuration: take pictures now")
    parser.add_argument("--pictures", type=Path, metavar="PLACE", help="or pictures that were taken: folder or JSONL")
    parser.add_argument("--board", metavar="COLUMNSxROWS", help="inner corners of the board, as 9x6")
    parser.add_argument("--square-mm", type=float, metavar="MM", help="side of a square, as measured")
    parser.add_argument("--factory", action="store_true", help="ask the device for what its maker measured, no board")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where it is written, if not where --config has it")
    parser.add_argument("--views", type=int, default=25, metavar="N", help="views to take (default 25)")
    parser.add_argument("--timeout-s", type=float, default=300.0, metavar="S", help="how long to take views")
    parser.add_argument("--max-rms-px", type=float, default=1.0, metavar="PX", help="worst reprojection error allowed")
    parser.add_argument("--depth-view", choices=["nir", "rgb"], help="the pictures whose pixels the depth's are")
    parser.add_argument("--temperature-c", type=float, metavar="C", help="of the cameras, where it is known")
    parser.add_argument("--nominal-mm", type=float, default=500.0, metavar="MM", help="where faces stand (default 500)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written, and write nothing")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Calibrate and write; the terminal goes by it from its next start."""
    if arguments.factory and arguments.config is None:
        raise ConfigError("--factory: asks the cameras of --config FILE, which is not given; give it")
    if arguments.config is None and arguments.pictures is None:
        raise ConfigError("calibrate cameras: give --config FILE to take pictures, or --pictures PLACE that has some")
    config = None if arguments.config is None else load(arguments.config)
    board = None if arguments.factory else _board(arguments)
    out = _out(arguments, config)
    views: list[View] = []
    if board is None:
        made = _by_maker(arguments, config)
    else:
        views = _views(arguments, config, board)
        made = make(views, board, _circumstances(arguments, config))
        made = replace(made, calibration=with_noise(made.calibration, views))
    sys.stderr.writelines(printable(line) + "\n" for line in _doubts(made))
    kept = None if arguments.dry_run else write(out, made.calibration)
    if arguments.json:
        sys.stdout.write(json.dumps(_as_json(made, kept, views)) + "\n")
    else:
        sys.stdout.writelines(printable(line) + "\n" for line in _as_lines(made, kept, out, views))
    return 0


def _board(arguments: argparse.Namespace) -> Board:
    if arguments.board is None or arguments.square_mm is None:
        raise ConfigError("calibrate cameras: give --board and --square-mm of the chessboard, or --factory")
    return Board.named(arguments.board, arguments.square_mm)


def _by_maker(arguments: argparse.Namespace, config: Config | None) -> Made:
    if config is None or arguments.pictures is not None or arguments.board is not None:
        raise ConfigError("--factory: asks the cameras of --config FILE; leave --pictures and --board out")
    calibration = of_makers(config.camera, _name(config))
    return Made(replace(calibration, nominal_mm=arguments.nominal_mm, temperature_c=arguments.temperature_c), {})


def _name(config: Config | None) -> str | None:
    return None if config is None else f"{config.terminal.site}/{config.terminal.id}"


def _out(arguments: argparse.Namespace, config: Config | None) -> Path:
    configured = None if config is None else config.sensors.calibration_file
    out: Path | None = arguments.out or configured
    if out is None and not arguments.dry_run:
        raise ConfigError("calibrate cameras: give --out FILE, or name it in [sensors] calibration_file")
    return out or Path()


def _views(arguments: argparse.Namespace, config: Config | None, board: Board) -> list[View]:
    if arguments.pictures is not None:
        return list(read_views(arguments.pictures, board))
    if config is None:
        return []
    with open_rig(config.camera, Timing(tolerance_ms=config.sensors.tolerance_ms), config.illuminator) as rig:
        sys.stderr.write(
            "hold the board still before all cameras, then elsewhere: tilted, near, far, in every corner\n"
        )
        views = take_views(rig, board, arguments.views, arguments.timeout_s, lambda n: _count(n, arguments.views))
    if not views:
        raise CalibrationError("calibrate cameras: the rgb camera never saw the board; check --board, light and focus")
    return views


def _count(number: int, of: int) -> None:
    sys.stderr.write(f"view {number} of {of}\n")


def _circumstances(arguments: argparse.Namespace, config: Config | None) -> Circumstances:
    return Circumstances(
        arguments.max_rms_px,
        None if arguments.depth_view is None else Role(arguments.depth_view),
        _name(config),
        arguments.temperature_c,
        arguments.nominal_mm,
    )


def _doubts(made: Made) -> Iterator[str]:
    for role, camera in made.calibration.cameras.items():
        apart_mm = math.hypot(*camera.translation_mm)
        if apart_mm > _WIDE_MM:
            yield (
                f"warning: {role} stands {apart_mm:.0f} mm from rgb; if it does not, measure a square of the board "
                "again (--square-mm)"
            )


def _as_json(made: Made, kept: RigFile | None, views: list[View]) -> dict[str, Any]:
    scale = made.scale
    return {
        "written": kept is not None,
        "sha256": None if kept is None else kept.sha256,
        "views": len(views),
        "rms_px": made.calibration.rms_px,
        "cameras": {
            role: {
                "device": camera.device,
                "size": [camera.width, camera.height],
                "focal_px": [camera.fx, camera.fy],
                "translation_mm": list(camera.translation_mm),
                "rms_px": camera.rms_px,
                "noise": camera.noise,
                "views": made.views.get(role, 0 if scale is None else scale.views),
            }
            for role, camera in made.calibration.cameras.items()
        },
        "depth": None
        if scale is None
        else {"unit_mm": scale.unit_mm, "offset_mm": scale.offset_mm, "rms_mm": scale.rms_mm, "views": scale.views},
    }


def _as_lines(made: Made, kept: RigFile | None, out: Path, views: list[View]) -> list[str]:
    lines = [f"{len(views)} views" if views else "what the maker measured"]
    for role, camera in made.calibration.cameras.items():
        x, y, z = camera.translation_mm
        lines.append(
            f"{role}: {camera.width}x{camera.height}, focal {camera.fx:.1f} x {camera.fy:.1f} px, "
            f"at {x:+.1f} {y:+.1f} {z:+.1f} mm"
            + ("" if camera.rms_px is None else f", error {camera.rms_px:.3f} px")
            + (f", serial {camera.device}" if camera.device else ", no serial: another camera is not told from it")
        )
    if made.scale is not None:
        scale = made.scale
        lines.append(
            f"depth against the board: {scale.unit_mm:.4f} mm a count {scale.offset_mm:+.1f} mm, "
            f"{scale.rms_mm:.1f} mm left over in {scale.views} views"
        )
    if kept is None:
        return [*lines, "nothing was written (--dry-run)"]
    return [*lines, f"{out}: written, {kept.sha256[:12]}; in force from the terminal's next start"]
