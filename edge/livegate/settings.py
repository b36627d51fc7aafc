"""The configuration in force: the local file's, and what the centre may add to it, which is never anything looser.

The centre's wish (``twin/desired``) maps names from a short allow-list to values. It is applied whole or not at all,
and judged against the local file every time: at arrival, and again at every start, since the file may have changed.
"""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar

from livegate.config import AntiPassBack, Config, Doubt, Doubts, Limit, Mqtt, PassBack
from livegate.configfile import check_whole
from livegate.decide.recalibration import Recalibration
from livegate.errors import ConfigError
from livegate.events.calibration import calibration_sha256
from livegate.events.environment import Environment
from livegate.gate.limits import limit_name
from livegate.options import Between, parse
from livegate.rules import Rules
from livegate.types import Step

MAX_ADDED = 64
"""So many limits the centre may add; each one costs time in every decision."""

_WHERE = "twin"
Number = TypeVar("Number", int, float)
_ORDER = {Doubt.KEEP: 0, Doubt.DENY: 1}


class LogLevel(enum.StrEnum):
    """How much the log tells."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class _Gate:
    limit: tuple[Limit, ...] = ()
    pairing_window_ms: Annotated[int, Between(0, 60_000)] | None = None
    in_doubt: Doubts | None = None
    anti_pass_back: AntiPassBack | None = None


@dataclass(frozen=True, slots=True)
class _Decision:
    least_step: Step | None = None
    max_apcer: Annotated[float, Between(1e-5, 0.5)] | None = None


@dataclass(frozen=True, slots=True)
class _Evidence:
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class _Log:
    level: LogLevel | None = None


@dataclass(frozen=True, slots=True)
class _Mqtt:
    resend_after_s: Annotated[float, Between(0.1, 86_400)] | None = None


@dataclass(frozen=True, slots=True)
class _Report:
    health_s: Annotated[float, Between(5, 3_600)] | None = None


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the centre may ask for; a name "gate.limit" is the member ``limit`` of ``gate``."""

    gate: _Gate = field(default_factory=_Gate)
    decision: _Decision = field(default_factory=_Decision)
    evidence: _Evidence = field(default_factory=_Evidence)
    log: _Log = field(default_factory=_Log)
    mqtt: _Mqtt = field(default_factory=_Mqtt)
    report: _Report = field(default_factory=_Report)


@dataclass(frozen=True, slots=True)
class Effective:
    """What is in force: a configuration at least as strict as the local one, and what no file says.

    ``log_level`` and ``health_s`` are None where the centre does not ask for any.
    """

    config: Config
    log_level: LogLevel | None = None
    health_s: float | None = None


class Settings:
    """What is in force, for all threads: both values are immutable and swapped whole.

    The MQTT thread adopts what the centre wishes, the supervising thread the terminal's own calibration.
    """

    def __init__(self, config: Config, environment: Environment) -> None:
        """Begin with the local ``config``; ``environment`` is what events say of the circumstances.

        It names the calibration of the cameras, which is the same as long as the terminal runs.
        """
        self._lock = threading.Lock()
        self._environment = environment
        self._recalibration: Recalibration | None = None
        self._cameras_sha256 = environment.calibration_sha256
        self._log_level = logging.getLogger().level
        self.effective = Effective(config)
        self.rules = Rules.of(config, environment)

    def adopt(self, effective: Effective) -> None:
        """Put ``effective`` in force; whoever reads ``rules`` next goes by it."""
        with self._lock:
            self.effective = effective
            self._swap()
        logging.getLogger().setLevel(self._log_level if effective.log_level is None else effective.log_level.value)

    def recalibrate(self, recalibration: Recalibration | None, sha256: str | None) -> None:
        """Put a calibration of the decision in force, None for none; events name it by ``sha256`` from then on."""
        with self._lock:
            self._recalibration = recalibration
            self._environment = replace(self._environment, calibration_sha256=self.calibrated_by(sha256))
            self._swap()

    def calibrated_by(self, decision: str | None) -> str | None:
        """Return what events say of the calibrations in force when that of the decision is ``decision``."""
        return calibration_sha256(self._cameras_sha256, decision)

    def _swap(self) -> None:
        self.rules = Rules.of(self.effective.config, self._environment, self._recalibration)


def merge(config: Config, settings: Mapping[str, Any]) -> Effective:
    """Return ``config`` with the centre's ``settings``; pure.

    ``settings`` maps names ("gate.limit") to JSON values. Raises ConfigError, naming the first fault, for a name that
    is not on the allow-list, a value that is none, and anything looser than ``config``.
    """
    wish = parse(_Wish, _nested(settings), _WHERE)
    _check_added(config, wish.gate)
    config = replace(
        config,
        decision=replace(
            config.decision,
            least_step=_least_step(config.decision.least_step, wish.decision.least_step),
            max_apcer=_at_most(config.decision.max_apcer, wish.decision.max_apcer, "decision.max_apcer"),
        ),
        gate=replace(
            config.gate,
            limit=config.gate.limit + wish.gate.limit,
            pairing_window_ms=_at_most(
                config.gate.pairing_window_ms, wish.gate.pairing_window_ms, "gate.pairing_window_ms"
            ),
            in_doubt=_doubts(config.gate.in_doubt, wish.gate.in_doubt),
            anti_pass_back=_pass_back(config.gate.anti_pass_back, wish.gate.anti_pass_back),
        ),
        evidence=replace(config.evidence, enabled=_evidence(config.evidence.enabled, wish.evidence.enabled)),
        mqtt=_mqtt(config, wish.mqtt),
    )
    check_whole(config, _WHERE)
    return Effective(config, wish.log.level, wish.report.health_s)


def _nested(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        table, dot, key = name.partition(".")
        if not dot or "." in key:
            raise ConfigError(f"{_WHERE}: '{name}' is not a name the centre may set; see docs/mqtt.md")
        tables.setdefault(table, {})[key] = value
    return tables


def _check_added(config: Config, gate: _Gate) -> None:
    if len(gate.limit) > MAX_ADDED:
        raise ConfigError(f"{_WHERE}: 'gate.limit': {len(gate.limit)} of them, expected at most {MAX_ADDED}")
    names = {limit_name(limit) for limit in config.gate.limit}
    for limit in gate.limit:
        # Limits of one name share their counters: a laxer one would undo how the local one's lockouts grow.
        if limit_name(limit) in names:
            text = "is the local file's; choose another window_s"
            raise ConfigError(f"{_WHERE}: 'gate.limit': '{limit_name(limit)}' {text}")


def _at_most(local: Number, wished: Number | None, name: str) -> Number:
    if wished is not None and wished > local:
        raise ConfigError(f"{_WHERE}: '{name}': {wished} is looser than the local {local}")
    return local if wished is None else wished


def _least_step(local: Step, wished: Step | None) -> Step:
    if wished is not None and not wished.at_least(local):
        raise ConfigError(f"{_WHERE}: 'decision.least_step': '{wished}' is looser than the local '{local}'")
    return wished or local


def _doubts(local: Doubts, wished: Doubts | None) -> Doubts:
    if wished is None:
        return local
    pairs = {name: (getattr(local, name), getattr(wished, name)) for name in ("validity", "schedule", "lists")}
    return Doubts(**{name: max(pair, key=_ORDER.__getitem__) for name, pair in pairs.items()})


def _pass_back(local: AntiPassBack, wished: AntiPassBack | None) -> AntiPassBack:
    if wished is None:
        return local
    if local.mode is PassBack.OFF:
        return wished
    if wished.mode is not local.mode or wished.reset_s < local.reset_s:
        raise ConfigError(
            f"{_WHERE}: 'gate.anti_pass_back': expected the local mode '{local.mode}' and at least {local.reset_s:g} s"
        )
    return wished


def _evidence(local: bool, wished: bool | None) -> bool:
    if wished and not local:
        raise ConfigError(f"{_WHERE}: 'evidence.enabled': only the local file switches it on")
    return local if wished is None else wished


def _mqtt(config: Config, wished: _Mqtt) -> Mqtt | None:
    if wished.resend_after_s is None or config.mqtt is None:
        return config.mqtt
    return replace(config.mqtt, resend_after_s=wished.resend_after_s)
