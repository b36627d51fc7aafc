"""Whether a user's own classifier counts: its point was fixed beside exactly one set of cues."""

from __future__ import annotations

from livegate.config import Config, DecisionPolicy, Detector
from livegate.cues.protocol import WeighedCue, all_cues
from livegate.detect.manifest import read_manifest
from livegate.detect.network import MANIFEST
from livegate.installed.shelf import Shelf
from livegate.scorers import DETECTOR, FUSION, alone, fingerprint, is_off, points_of, read_fusion


def weighed_with(cues: frozenset[str], shelf: Shelf, config: Config | None = None) -> frozenset[str]:
    """Return what is weighed at a terminal on which ``cues`` speak, second opinions included; nothing is opened.

    Its detector and further cues are those of ``config``, else what ships. AssetError for a manifest that is damaged.
    """
    choice, policy = (config.detector, config.decision) if config else (Detector(), DecisionPolicy())
    detector = read_manifest(shelf.model(choice.model))
    names = cues | {
        name
        for name, cue in all_cues()
        if isinstance(cue, WeighedCue)
        and (folder := shelf.find(name)) is not None
        and (name in policy.further_cues or not is_off(folder))
    }
    known = {name: fingerprint(folder) for name in names - {DETECTOR} if (folder := shelf.find(name)) is not None}
    known[DETECTOR] = fingerprint(detector.folder)
    folder = shelf.find(FUSION)
    fusion = None if folder is None else read_fusion(folder / MANIFEST)
    return points_of(fusion, known, {}, alone(detector)).together(frozenset(known))


def not_now(beside: frozenset[str], weighed: frozenset[str]) -> str | None:
    """Return why what counts ``beside`` exactly these cues does not count where others are ``weighed``; None if so."""
    if beside == weighed:
        return None
    return (
        f"counts only beside exactly {_listed(beside)}, and does not now: {_listed(weighed)} are weighed here; take "
        "[scorer], [fusion] and [calibration] out of its manifest and install it again with --samples"
    )


def _listed(cues: frozenset[str]) -> str:
    return ", ".join(sorted(cues)) or "no cue"
