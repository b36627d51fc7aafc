"""The page docs/sensors.md says of every fault what the terminal says."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegate.sensing.faults import MEANINGS, SUSPICIOUS
from livegate.types import Reason, SensorFault, SensorState

PAGE = (Path(__file__).parents[2] / "docs" / "sensors.md").read_text()


@pytest.mark.parametrize("fault", list(SensorFault))
def test_the_table_is_the_codes(fault: SensorFault) -> None:
    meaning = MEANINGS[fault]
    state = f"`{meaning.state}`" if meaning.state else "–"
    suspicious = "yes" if fault in SUSPICIOUS else ""
    assert f"| `{fault}` | {state} | {suspicious} | {meaning.sentence} | {meaning.remedy} |" in PAGE


def test_states_and_reasons_are_explained() -> None:
    for word in (*SensorState, Reason.SENSOR_MISSING, Reason.SENSOR_SUSPECT):
        assert f"`{word}`" in PAGE
