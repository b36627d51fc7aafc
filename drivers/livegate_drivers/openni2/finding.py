"""Find an OpenNI2 device by its serial number or address."""

from __future__ import annotations

import ctypes
from typing import Any

from livegate.errors import DriverError
from livegate_drivers.openni2.library import MAX_STR, DeviceInfo, Property, Status, why

Opened = tuple[ctypes.c_void_p, str]


def found(library: Any) -> tuple[str, ...]:
    """Return the addresses of the devices on the bus; none where the library does not tell."""
    devices, count = ctypes.POINTER(DeviceInfo)(), ctypes.c_int(0)
    if library.oniGetDeviceList(ctypes.byref(devices), ctypes.byref(count)) != Status.OK:
        return ()
    try:
        return tuple(devices[index].uri.decode("utf-8", "replace") for index in range(count.value))
    finally:
        library.oniReleaseDeviceList(devices)


def open_found(library: Any, uri: str | None, serial: str | None, name: str) -> Opened:
    """Open the device at ``uri``, the one with ``serial``, or the only one; DriverError where it is not to be had.

    An address changes with the plug, a serial number does not.
    """
    addresses = (uri,) if uri is not None else found(library)
    if not addresses:
        raise DriverError(
            f"{name}: there is no device; plug it in, and look at the udev rules that let this program's user open it"
        )
    if serial is None and len(addresses) > 1:
        raise DriverError(f"{name}: there are several ({', '.join(addresses)}); name one with 'serial' or 'uri'")
    return _first(library, addresses, serial, name)


def text_property(library: Any, device: ctypes.c_void_p, which: Property) -> str | None:
    """Return a device's text property, None where it has none."""
    value, size = ctypes.create_string_buffer(MAX_STR), ctypes.c_int(MAX_STR)
    if library.oniDeviceGetProperty(device, which, value, ctypes.byref(size)) != Status.OK:
        return None
    return value.value.decode("utf-8", "replace").strip() or None


def _first(library: Any, addresses: tuple[str, ...], serial: str | None, name: str) -> Opened:
    said: list[str] = []
    for address in addresses:
        device = ctypes.c_void_p()
        status = library.oniDeviceOpen(address.encode(), ctypes.byref(device))
        if status != Status.OK:
            said.append(f"{address}: {why(library, status)}")
            continue
        its = text_property(library, device, Property.SERIAL_NUMBER)
        if serial in (None, its):
            return device, address
        library.oniDeviceClose(device)
        said.append(f"{address} is {its or 'without serial number'}")
    raise DriverError(f"{name}: cannot be opened ({'; '.join(said)}); plug it in, close what else uses it")
