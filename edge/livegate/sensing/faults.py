"""Every fault a sensor can have: which state goes with it, whether somebody may be feeding it, what to say and do.

The one table for the daemon, ``livegate check`` and docs/sensors.md, which a test keeps alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from livegate.types import SensorFault, SensorState


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a fault means: the state of a role that has it for sure, None where its pictures stay usable."""

    state: SensorState | None
    sentence: str
    remedy: str


MEANINGS: Mapping[SensorFault, Meaning] = MappingProxyType(
    {
        SensorFault.COVERED: Meaning(
            SensorState.BLINDED, "it sees nothing", "uncover and clean its window, and look for light that dazzles it"
        ),
        SensorFault.FROZEN: Meaning(
            SensorState.STALE,
            "it gives the same picture again and again",
            "unplug it and plug it in again; look who could feed it",
        ),
        SensorFault.REPEATED: Meaning(
            None,
            "it gives pictures that it gave before",
            "look for a player or virtual camera in its place; check cable and housing",
        ),
        SensorFault.MISDATED: Meaning(
            SensorState.STALE,
            "its pictures are dated wrongly",
            "look for a player or virtual camera in its place; update the camera's firmware",
        ),
        SensorFault.NOISE: Meaning(
            SensorState.BLINDED, "it gives nothing but noise", "check its cable, its plug and the format it is set to"
        ),
        SensorFault.NOISE_UNLIKE: Meaning(
            None,
            "its noise is not that of the sensor that was calibrated",
            "look for a player or virtual camera in its place; calibrate again after a change of camera or firmware",
        ),
        SensorFault.WRONG_FORMAT: Meaning(
            SensorState.MISALIGNED,
            "its pictures have not the form of its role, or not the size they began with",
            "correct the driver, the format or the role in its [[camera]] table; if meant, start the terminal again",
        ),
        SensorFault.WRONG_UNIT: Meaning(
            SensorState.MISALIGNED,
            "its depth is not in millimetres",
            "set the depth unit of its driver to one millimetre, or calibrate it",
        ),
        SensorFault.CHANNELS_SWAPPED: Meaning(
            SensorState.MISALIGNED,
            "red and blue stand in each other's place",
            "set the pixel format that its driver reads to the one the camera sends",
        ),
        SensorFault.ILLUMINATOR_DARK: Meaning(
            SensorState.BLINDED,
            "the near-infrared lamp does not light what stands before it",
            "check the lamp, its supply and its [[illuminator]] table",
        ),
        SensorFault.UNCALIBRATED: Meaning(
            SensorState.MISALIGNED,
            "no calibration says where it lies",
            "run `livegate calibrate cameras` and name its file in [sensors] calibration_file",
        ),
        SensorFault.OTHER_CALIBRATION: Meaning(
            SensorState.MISALIGNED,
            "the calibration does not fit it",
            "run `livegate calibrate cameras` with the cameras of this terminal, as they stand now",
        ),
        SensorFault.OTHER_DEVICE: Meaning(
            None,
            "another device stands in its place",
            "look who changed it; start the terminal again, or calibrate, once it is the right one",
        ),
    }
)

SUSPICIOUS = frozenset({SensorFault.REPEATED, SensorFault.MISDATED, SensorFault.NOISE_UNLIKE, SensorFault.OTHER_DEVICE})
"""What a sensor looks like that somebody else feeds; with ``when_suspect = "deny"`` nobody is let in meanwhile.

A picture that does not change is none of them: cameras hang, and what is frozen is withheld anyway.
"""

UNUSABLE_AT_ONCE = frozenset({SensorFault.ILLUMINATOR_DARK})
"""What capture tells of a role it still gives pictures of: the lamp's driver says so, not what stands before it."""
