"""Set a RealSense device: preset, projector, exposure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from livegate.capture.controls import ExposureRange
from livegate.errors import DriverError
from livegate_drivers.realsense.streams import Emitter, Settings

# The colour sensor counts its exposure as UVC cameras do, the infrared pair in microseconds.
COLOUR_UNIT_US = 100.0


def agreed(name: str, asked: Collection[Settings]) -> Settings:
    """Return what all cameras of one device or sensor ask for; DriverError where they ask for different things."""
    values: dict[str, Any] = {}
    for each in fields(Settings):
        wishes = {getattr(settings, each.name) for settings in asked} - {None}
        if len(wishes) > 1:
            told = " and ".join(sorted(map(str, wishes)))
            raise DriverError(f"{name}: its [[camera]] tables ask for '{each.name}' {told}; give it in one, or alike")
        values[each.name] = next(iter(wishes), None)
    return Settings(**values)


def prepare_projector(sdk: Any, name: str, sensors: Collection[Any], settings: Settings) -> None:
    """Set preset and laser of the one sensor that has them; DriverError naming what the device does not have."""
    wishes: dict[str, float] = {}
    # A preset has its own idea of the laser, so it comes first.
    if settings.preset is not None:
        wishes["visual_preset"] = float(int(getattr(sdk.rs400_visual_preset, settings.preset)))
    if settings.emitter is not None:
        wishes["emitter_enabled"] = float(settings.emitter is not Emitter.OFF)
    if settings.emitter is Emitter.ALTERNATING:
        wishes["emitter_on_off"] = 1.0
    elif any(_is_on(sensor, sdk.option.emitter_on_off) for sensor in sensors):
        # Whoever used the device before may have left it alternating, and it remembers.
        wishes["emitter_on_off"] = 0.0
    for option, value in wishes.items():
        _put(sdk, name, sensors, option, value)
    if settings.laser is not None:
        most_mw = _with(sdk, name, sensors, "laser_power").get_option_range(sdk.option.laser_power).max
        _put(sdk, name, sensors, "laser_power", settings.laser * most_mw)
    elif settings.laser_mw is not None:
        _put(sdk, name, sensors, "laser_power", settings.laser_mw)


def prepare_exposure(sdk: Any, name: str, sensor: Any, settings: Settings) -> None:
    """Set exposure and gain of one sensor, or leave them to it; DriverError naming what it does not have."""
    if settings.exposure_us is None and settings.gain is None:
        # A program that died may have left them fixed, and devices remember.
        expose_by_itself(sdk, sensor)
        return
    _put(sdk, name, [sensor], "enable_auto_exposure", 0.0)
    if settings.exposure_us is not None:
        _put(sdk, name, [sensor], "exposure", settings.exposure_us / exposure_unit_us(sensor))
    if settings.gain is not None:
        _put(sdk, name, [sensor], "gain", settings.gain)


def full_power(sdk: Any, sensors: Collection[Any]) -> float:
    """Return what the projector's power is set to in its own units, 0 where there is none."""
    option = sdk.option.laser_power
    return next((float(sensor.get_option(option)) for sensor in sensors if sensor.supports(option)), 0.0)


def shine(sdk: Any, sensor: Any, level: float, full: float) -> None:
    """Set the projector to a share of ``full`` power; 0 is dark."""
    if level > 0:
        limits = sensor.get_option_range(sdk.option.laser_power)
        sensor.set_option(sdk.option.laser_power, _stepped(limits, level * full))
    sensor.set_option(sdk.option.emitter_enabled, float(level > 0))


def exposure_range(sdk: Any, sensor: Any) -> ExposureRange | None:
    """Return what the sensor's exposure can be set to, None where it cannot."""
    if not sensor.supports(sdk.option.exposure):
        return None
    unit_us = exposure_unit_us(sensor)
    exposure = sensor.get_option_range(sdk.option.exposure)
    gain = sensor.get_option_range(sdk.option.gain) if sensor.supports(sdk.option.gain) else None
    ends = (gain.min, gain.max) if gain else (0.0, 0.0)
    return ExposureRange(exposure.min * unit_us, exposure.max * unit_us, *ends)


def expose(sdk: Any, sensor: Any, exposure_us: float, gain: float) -> None:
    """Set exposure and gain by hand, as near as the sensor's bounds and steps allow."""
    if sensor.supports(sdk.option.enable_auto_exposure):
        sensor.set_option(sdk.option.enable_auto_exposure, 0.0)
    wishes: Mapping[Any, float] = {
        sdk.option.exposure: exposure_us / exposure_unit_us(sensor),
        sdk.option.gain: gain,
    }
    for option, value in wishes.items():
        if sensor.supports(option):
            sensor.set_option(option, _stepped(sensor.get_option_range(option), value))


def expose_by_itself(sdk: Any, sensor: Any) -> None:
    """Hand the exposure back to the sensor."""
    automatic = sdk.option.enable_auto_exposure
    if sensor.supports(automatic) and not _is_on(sensor, automatic):
        sensor.set_option(automatic, 1.0)


def exposure_unit_us(sensor: Any) -> float:
    """Return what one of the sensor's counts of exposure is."""
    return 1.0 if sensor.is_depth_sensor() else COLOUR_UNIT_US


def _is_on(sensor: Any, option: Any) -> bool:
    return bool(sensor.supports(option) and sensor.get_option(option) != 0)


def _with(sdk: Any, name: str, sensors: Collection[Any], option: str) -> Any:
    found = next((sensor for sensor in sensors if sensor.supports(getattr(sdk.option, option))), None)
    if found is None:
        raise DriverError(f"{name}: has no '{option}' that could be set; take the option that sets it away")
    return found


def _put(sdk: Any, name: str, sensors: Collection[Any], option: str, value: float) -> None:
    sensor = _with(sdk, name, sensors, option)
    limits = sensor.get_option_range(getattr(sdk.option, option))
    if not limits.min <= value <= limits.max:
        raise DriverError(f"{name}: '{option}' takes {limits.min:g} to {limits.max:g} of its own units, not {value:g}")
    sensor.set_option(getattr(sdk.option, option), _stepped(limits, value))


def _stepped(limits: Any, value: float) -> float:
    bounded = float(min(max(value, limits.min), limits.max))
    return limits.min + round((bounded - limits.min) / limits.step) * limits.step if limits.step > 0 else bounded
