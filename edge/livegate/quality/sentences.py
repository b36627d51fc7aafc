"""What the person is told, in English; other languages are other tables with the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from livegate.types import Guidance

ENGLISH: Mapping[Guidance, str] = MappingProxyType(
    {
        Guidance.STEP_BACK: "You are too near: please step back",
        Guidance.MOVE_INTO_VIEW: "Part of your face is out of view: please move before the camera",
        Guidance.COME_CLOSER: "You are too far away: please come closer",
        Guidance.MORE_LIGHT: "It is too dark: please turn towards the light",
        Guidance.LESS_LIGHT: "Too much light falls on your face: please turn away from it",
        Guidance.HOLD_STILL: "The picture is blurred: please hold still",
        Guidance.FACE_CAMERA: "Please look straight at the camera",
    }
)
