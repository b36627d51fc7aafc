"""Every exception Livegate raises on purpose, in one tree.

A message names the place (file, key, device), what was expected and what to do. Vendor errors are translated once, at
the edge where they appear, with ``raise ... from exc``. Classes inherit the builtin they refine, so callers may
catch either.

    LivegateError
    ├── ConfigError          a configuration, option or command-line value is wrong
    │   └── RuntimeMissing   nothing that could run a network is installed, or not what was asked for
    ├── AssetError           a model, visit or schema is missing, damaged or not what its manifest says
    ├── PictureError         a picture or recording cannot be read
    ├── DriverError          a driver cannot be loaded or opened
    ├── DeviceLost           a device that worked is gone (unplugged, closed, end of recording)
    ├── DeviceTimeout        a device gave nothing within its bound
    ├── StoreError           the database cannot be opened, read or committed
    │   └── StoreFull        no room for another event and the policy is to deny
    ├── LinkError            the broker refused us or a message cannot be understood
    │   └── TrustError       a message is understood but not trusted; its Refusal says why
    ├── EvidenceError        pictures of an attack cannot be kept, found or opened
    ├── CalibrationError     a terminal's calibration cannot be made, kept or used
    └── PadError             liveness could not be judged
"""

from __future__ import annotations

import enum


class LivegateError(Exception):
    """Base of all deliberate errors; its text is shown to the user as it is."""


class ConfigError(LivegateError, ValueError):
    """A configuration file, driver option or command-line value is wrong."""


class RuntimeMissing(ConfigError):
    """No runtime that a network runs in is installed or fit for this environment."""


class AssetError(LivegateError):
    """A model, visit or schema is missing, damaged or not what its manifest says."""


class PictureError(LivegateError, ValueError):
    """A picture or recording cannot be read."""


class DriverError(LivegateError):
    """A driver cannot be loaded or opened."""


class DeviceLost(LivegateError, OSError):
    """A device that worked is gone: unplugged, closed, or its recording has ended."""


class DeviceTimeout(LivegateError, TimeoutError):
    """A device gave nothing within the time it was allowed."""


class StoreError(LivegateError):
    """The database cannot be opened, read or committed."""


class StoreFull(StoreError):
    """There is no room for another event and the configured policy is to deny."""


class LinkError(LivegateError):
    """The broker refused the connection, or a message from it cannot be understood."""


class Refusal(enum.StrEnum):
    """Why a message that came down was not taken; one word for events, counters and replies."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    REVOKED_KEY = "revoked_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_ROLE = "wrong_role"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    REPLAYED = "replayed"
    VERSION_BACK = "version_back"
    WRONG_CHALLENGE = "wrong_challenge"
    WRONG_BOOT = "wrong_boot"
    NOT_ALLOWED = "not_allowed"
    FULL = "full"


class TrustError(LinkError):
    """A message is not trusted, and nothing was changed by it; ``reason`` says why."""

    def __init__(self, reason: Refusal, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class EvidenceError(LivegateError):
    """Pictures of an attack cannot be kept, found or opened."""


class CalibrationError(LivegateError):
    """A terminal's own calibration cannot be made, kept or used."""


class PadError(LivegateError):
    """Liveness could not be judged."""
