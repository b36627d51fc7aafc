"""What the centre may set, and that no wish of it ever makes the terminal looser than its own file does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.config import (
    AntiPassBack,
    CameraConfig,
    Config,
    DecisionPolicy,
    DoorConfig,
    Doubt,
    Doubts,
    DriverChoice,
    EvidenceConfig,
    Gate,
    Limit,
    LimitKey,
    Mqtt,
    PassBack,
    ReaderConfig,
    Schedule,
    Terminal,
)
from livegate.errors import ConfigError
from livegate.settings import LogLevel, merge
from livegate.types import Direction, Role, Step

DRIVER = DriverChoice("fake", {}, "here", Path())
LOCAL_LIMIT = Limit(LimitKey.CREDENTIAL, "denied", 3, 60.0, 60.0)
LOCAL = Config(
    path=Path("site.toml"),
    version="v",
    terminal=Terminal("lab", "t1", Path("/nowhere")),
    camera=(CameraConfig("eye", Role.RGB, DRIVER),),
    door=DoorConfig(DRIVER),
    reader=(ReaderConfig(DRIVER), ReaderConfig(DRIVER, Direction.OUT)),
    gate=Gate(pairing_window_ms=2000, limit=(LOCAL_LIMIT,), schedule=(Schedule("office"),)),
    decision=DecisionPolicy(max_apcer=0.04, least_step=Step.FEWER),
    mqtt=Mqtt("broker"),
)


def refuses(settings: dict[str, object], *words: str, local: Config = LOCAL) -> None:
    with pytest.raises(ConfigError) as caught:
        merge(local, settings)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_stricter_wishes_are_taken() -> None:
    added = {"key": "door", "event": "presentation_attack", "max": 2, "window_s": 600, "lockout_s": 60}
    got = merge(
        LOCAL,
        {
            "gate.limit": [added],
            "decision.least_step": "all",
            "decision.max_apcer": 0.01,
            "gate.pairing_window_ms": 1500,
            "gate.in_doubt": {"validity": "deny"},
            "gate.anti_pass_back": {"mode": "hard"},
            "evidence.enabled": False,
            "log.level": "DEBUG",
            "mqtt.resend_after_s": 5,
            "report.health_s": 10,
        },
    )
    gate = got.config.gate
    assert gate.limit == (LOCAL_LIMIT, Limit(LimitKey.DOOR, "presentation_attack", 2, 600.0, 60.0))
    assert gate.schedule == LOCAL.gate.schedule
    assert (got.config.decision.least_step, got.config.decision.max_apcer) == (Step.ALL, 0.01)
    assert (gate.pairing_window_ms, gate.in_doubt) == (1500, Doubts(validity=Doubt.DENY))
    assert gate.anti_pass_back.mode is PassBack.HARD
    assert got.config.mqtt is not None
    assert (got.config.mqtt.resend_after_s, got.health_s, got.log_level) == (5.0, 10.0, LogLevel.DEBUG)


def test_empty_wish_is_the_local_file() -> None:
    assert merge(LOCAL, {}).config == LOCAL


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"decision.least_step": "rgb"}, ("least_step", "looser")),
        ({"decision.max_apcer": 0.05}, ("max_apcer", "looser")),
        ({"decision.max_apcer": float("nan")}, ("max_apcer",)),
        ({"gate.pairing_window_ms": 2001}, ("pairing_window_ms", "looser")),
        ({"gate.schedule": [{"name": "office"}]}, ("schedule",)),
        # A credential may name it already, which the local file leaves shut at all hours.
        ({"gate.schedule": [{"name": "undefined"}]}, ("schedule",)),
        ({"gate.limit": [{"key": "door"}]}, ("limit", "lacks")),
        (
            {"gate.limit": [{"key": "door", "event": "nonsense", "max": 1, "window_s": 9, "lockout_s": 1}]},
            ("nonsense",),
        ),
        ({"gate.limit": "all"}, ("limit", "list")),
        ({"evidence.enabled": True}, ("evidence",)),
        ({"door.driver": "relay"}, ("door",)),
        ({"trust.root_key_file": "/tmp/mine"}, ("trust",)),
        ({"gate.mode": "presence_screening"}, ("mode",)),
        ({"gate": {"mode": "presence_screening"}}, ("gate",)),
        ({"gate.limit.max": 1}, ("gate.limit.max",)),
        ({"log.level": "SILENT"}, ("log", "SILENT")),
        ({"report.health_s": 0}, ("health_s",)),
    ],
)
def test_looser_or_unknown_wishes_are_refused(settings: dict[str, object], words: tuple[str, ...]) -> None:
    refuses(settings, *words)


def test_one_bad_wish_spoils_all() -> None:
    refuses({"gate.pairing_window_ms": 100, "decision.max_apcer": 0.5}, "max_apcer")


def test_anti_pass_back_is_not_weakened() -> None:
    timed = replace(LOCAL, gate=replace(LOCAL.gate, anti_pass_back=AntiPassBack(PassBack.TIMED, 600.0)))
    refuses({"gate.anti_pass_back": {"mode": "off"}}, "anti_pass_back", local=timed)
    refuses({"gate.anti_pass_back": {"mode": "timed", "reset_s": 10}}, "anti_pass_back", local=timed)
    assert merge(timed, {"gate.anti_pass_back": {"mode": "timed", "reset_s": 900}}).config.gate.anti_pass_back.reset_s


def test_anti_pass_back_that_nobody_could_leave_is_refused() -> None:
    no_way_out = replace(LOCAL, reader=LOCAL.reader[:1])
    refuses({"gate.anti_pass_back": {"mode": "hard"}}, "direction 'out'", local=no_way_out)


limits = st.fixed_dictionaries(
    {
        "key": st.sampled_from(list(LimitKey)),
        "event": st.sampled_from(["denied", "attempt", "locked_out", "other"]),
        "max": st.integers(0, 5),
        "window_s": st.floats(0, 1e8),
        "lockout_s": st.floats(0, 1e8),
    },
    optional={"lockout_growth": st.floats(0, 20), "lockout_max_s": st.floats(0, 1e8)},
)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "gate.limit": st.lists(limits, max_size=3),
        "gate.schedule": st.lists(st.fixed_dictionaries({"name": st.sampled_from(["office", "night"])}), max_size=2),
        "gate.pairing_window_ms": st.integers(-1, 5000),
        "gate.in_doubt": st.fixed_dictionaries({}, optional={"lists": st.sampled_from(list(Doubt))}),
        "gate.anti_pass_back": st.fixed_dictionaries({"mode": st.sampled_from(list(PassBack))}),
        "decision.least_step": st.sampled_from(list(Step)),
        "decision.max_apcer": st.floats(0, 1),
        "evidence.enabled": st.booleans(),
        "gate.mode": st.just("presence_screening"),
        "mqtt.host": st.just("elsewhere"),
    },
)
locals_ = st.builds(
    lambda step, apcer, window, doubt, pass_back, evidence: replace(
        LOCAL,
        decision=DecisionPolicy(max_apcer=apcer, least_step=step),
        gate=replace(
            LOCAL.gate, pairing_window_ms=window, in_doubt=Doubts(lists=doubt), anti_pass_back=AntiPassBack(pass_back)
        ),
        evidence=EvidenceConfig(evidence, Path("key") if evidence else None),
    ),
    st.sampled_from(list(Step)),
    st.floats(1e-5, 0.5),
    st.integers(0, 60_000),
    st.sampled_from(list(Doubt)),
    st.sampled_from(list(PassBack)),
    st.booleans(),
)
STRICTNESS = {PassBack.OFF: 0, PassBack.SOFT: 1, PassBack.TIMED: 2, PassBack.HARD: 2}


@given(locals_, wishes)
def test_no_twin_ever_loosens(local: Config, settings: dict[str, object]) -> None:
    try:
        got = merge(local, settings).config
    except ConfigError:
        return
    assert got.gate.limit[: len(local.gate.limit)] == local.gate.limit
    assert got.gate.schedule == local.gate.schedule
    assert got.decision.least_step.at_least(local.decision.least_step)
    assert got.decision.max_apcer <= local.decision.max_apcer
    assert got.gate.pairing_window_ms <= local.gate.pairing_window_ms
    assert (local.gate.in_doubt.lists is Doubt.DENY) <= (got.gate.in_doubt.lists is Doubt.DENY)
    before, after = local.gate.anti_pass_back, got.gate.anti_pass_back
    assert after.mode is before.mode or before.mode is PassBack.OFF
    assert STRICTNESS[after.mode] >= STRICTNESS[before.mode]
    assert got.evidence.enabled <= local.evidence.enabled
    # Whatever is not on the allow-list is the local file's, to the last byte.
    same = replace(got, gate=local.gate, decision=local.decision, evidence=local.evidence, mqtt=local.mqtt)
    assert same == local
    assert replace(got.gate, limit=(), pairing_window_ms=0, in_doubt=Doubts(), anti_pass_back=after) == (
        replace(local.gate, limit=(), pairing_window_ms=0, in_doubt=Doubts(), anti_pass_back=after)
    )
