"""The schemas of docs/ say what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from livegate.samples.manifest import Sample, read_manifest
from livegate.types import Box, CueScore, Face, PadDecision, Reason
from livegate_tools.evaluate.predictions import Prediction, unreadable

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
STILL = {"id": "a", "rgb": "a.png", "label": "attack", "pai_species": "print_flat", "subject": "s", "source": "lab"}
CLIP = {
    "id": "c",
    "frames": [{"rgb": "0.png", "t_ms": 0}, {"rgb": "1.png", "nir": None, "t_ms": 9}],
    "label": "bona_fide",
}
CAMERA = {"fx": 1, "fy": 1, "cx": 0, "cy": 0}


def accepts(name: str, instance: Any) -> bool:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).is_valid(instance)


@pytest.mark.parametrize(
    "line",
    [
        STILL,
        CLIP,
        STILL | {"frames": None, "nir": None, "box": [1, 2.5, 3, 4], "camera": CAMERA, "more": [1]},
        {"id": "a", "rgb": "a.png", "label": "bona_fide"},
        STILL | {"id": ""},
        STILL | {"id": 3},
        STILL | {"label": "live"},
        STILL | {"label": "bona_fide"},
        STILL | {"rgb": None},
        STILL | {"depth": 3},
        STILL | {"box": [1, 2, 3]},
        STILL | {"yunet_box": [1, 2, 3, True]},
        STILL | {"camera": CAMERA | {"fx": 0}},
        STILL | {"camera": {"fx": 1}},
        STILL | {"subject": ""},
        CLIP | {"frames": []},
        CLIP | {"frames": [{"rgb": "0.png"}]},
        CLIP | {"frames": [{"t_ms": 0}]},
        {"id": "a", "label": "attack"},
        {"rgb": "a.png", "label": "attack"},
    ],
)
def test_a_manifest_line_is_judged_alike(tmp_path: Path, line: dict[str, Any]) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(line))
    (entry,) = read_manifest(path)
    assert accepts("evaluation-sample", line) == isinstance(entry, Sample)


@pytest.mark.parametrize(
    "prediction",
    [
        unreadable("a", "gone.png: does not exist"),
        Prediction(
            "a",
            PadDecision.ATTACK,
            0.25,
            Face(Box(-1.0, 2.0, 30.123456, 40.0), 0.2, 0.7),
            str(Reason.INCONCLUSIVE),
            (CueScore("detector", 0.25, -1.1),),
            3.5,
        ),
    ],
)
def test_predictions_have_the_form_of_their_schema(prediction: Prediction) -> None:
    assert accepts("evaluation-prediction", json.loads(prediction.line()))
