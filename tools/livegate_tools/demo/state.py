"""What the page shows, as JSON values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from livegate.events.cloudevents import kind_of
from livegate.pipeline import Snapshot
from livegate.quality.sentences import ENGLISH
from livegate.types import Face, Outcome, PadResult, Role
from livegate_tools.demo.playlist import Visit

if TYPE_CHECKING:
    from livegate_tools.demo.stage import Stage

# How long the last decision stays in view, in wall seconds.
DECISION_SHOWN_NS = 2_000_000_000


def page_state(
    stage: Stage | None,
    snapshot: Snapshot | None,
    decided: tuple[Snapshot, int] | None,
    events: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return everything the page shows; parts that are not there yet are null."""
    now_ns = time.monotonic_ns()
    fresh = decided is not None and now_ns - decided[1] < DECISION_SHOWN_NS
    return {
        "sight": _sight(snapshot),
        "door": None if snapshot is None else snapshot.door,
        "decision": _decision(decided[0]) if decided is not None and fresh else None,
        "events": [_event(event) for event in events],
        "link": None if stage is None else _link(stage),
        "visit": None if stage is None else _visit(stage, now_ns),
        "counts": None if stage is None else _counts(stage, now_ns),
    }


def _sight(snapshot: Snapshot | None) -> dict[str, Any] | None:
    if snapshot is None or snapshot.sight is None:
        return None
    sight = snapshot.sight
    image = sight.frame_set.image(Role.RGB)
    presented = sight.attempt.latest.face if sight.attempt else None
    return {
        "captured_ns": str(sight.frame_set.captured_ns),
        "width": 0 if image is None else image.shape[1],
        "height": 0 if image is None else image.shape[0],
        "sensors": {str(role): str(state) for role, state in sight.frame_set.states.items()},
        "faces": [_face(face, presented) for face in sight.faces],
        "pad": None if sight.pad is None else _pad(sight.pad),
    }


def _face(face: Face, presented: Face | None) -> dict[str, Any]:
    box = face.box
    return {
        "box": [round(value, 1) for value in (box.x, box.y, box.w, box.h)],
        "bona_fide": round(face.p_bona_fide, 3),
        "attack": round(face.p_attack, 3),
        # What finds faces without a network has no opinion on either.
        "judged": face.p_bona_fide != face.p_attack,
        "background": round(face.p_background, 3),
        "presented": face is presented,
    }


def _pad(pad: PadResult) -> dict[str, Any]:
    return {
        "decision": pad.decision,
        "score": pad.score,
        "llr": pad.llr,
        "threshold": pad.threshold,
        "frames": pad.frames,
        "step": pad.step,
        "cues": [{"name": cue.name, "llr": round(cue.llr, 2)} for cue in pad.cues],
        "missing": list(pad.missing),
        "guidance": _sentence(pad),
    }


def _sentence(pad: PadResult) -> str | None:
    return None if pad.guidance is None else ENGLISH[pad.guidance]


def _decision(snapshot: Snapshot) -> dict[str, Any] | None:
    decision = snapshot.decision
    if decision is None:
        return None
    return {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "sequence": snapshot.sequence,
        "latency_ms": round(decision.latency_ms, 1),
        "guidance": _sentence(decision.pad),
    }


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    what = event["data"]["what"]
    return {
        "sequence": event["sequence"],
        "time": event["time"],
        "kind": kind_of(event["type"]),
        "severity": _severity(event["severity"], what),
        # An inconclusive outcome has itself for a reason: a dictionary names each word once, in order.
        "text": " ".join(
            dict.fromkeys(str(what[key]) for key in ("outcome", "reason", "role", "state") if what.get(key))
        ),
    }


def _severity(severity: str, what: Mapping[str, Any]) -> str:
    """Return the severity to show beside the door, where nobody may see that a credential was shown under threat."""
    if severity != "alert":
        return severity
    return "info" if what.get("outcome") == Outcome.GRANTED else "notice"


def _link(stage: Stage) -> dict[str, Any] | None:
    link = stage.daemon.state().link
    if link is None:
        return None
    return {
        "connected": link.connected,
        "protocol": link.protocol,
        "sent_through": link.sent_through,
        "acknowledged_through": link.acknowledged_through,
        "recorded_through": stage.daemon.store.last().sequence,
        "error": link.last_error,
    }


def _visit(stage: Stage, now_ns: int) -> dict[str, Any] | None:
    programme = stage.scoreboard.programme
    number = programme.number_at(now_ns)
    if number is None:
        return None
    visit = programme.visit(number)
    return {
        "number": number + 1,
        "of": None if programme.loop else len(programme.visits),
        "title": visit.title,
        "attack": visit.is_attack,
        "species": visit.pai_species,
        "card_valid": visit.card_valid,
    }


def _counts(stage: Stage, now_ns: int) -> dict[str, int]:
    programme = stage.scoreboard.programme
    current = programme.number_at(now_ns)
    results = [r for r in stage.scoreboard.results() if current is None or r.number <= current]
    granted = [r for r in results if r.outcome is Outcome.GRANTED]
    return {
        "visits": len(results),
        "let_in": len([r for r in granted if r.visit.authorised and not r.visit.is_attack]),
        "wrongly_kept_out": len([r for r in results if _should_pass(r.visit) and r.outcome is not Outcome.GRANTED]),
        "attacks_kept_out": len([r for r in results if r.visit.is_attack and r.outcome is not Outcome.GRANTED]),
        "attacks_let_in": len([r for r in granted if r.visit.is_attack]),
        "unauthorised_kept_out": len([r for r in results if _stranger(r.visit) and r.outcome is not Outcome.GRANTED]),
    }


def _should_pass(visit: Visit) -> bool:
    return visit.authorised and not visit.is_attack


def _stranger(visit: Visit) -> bool:
    return not visit.authorised and not visit.is_attack
