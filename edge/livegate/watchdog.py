"""Talk to systemd: ready, alive, stopping (sd_notify(3)), without its library."""

from __future__ import annotations

import os
import socket


def notify(message: str) -> None:
    """Send ``message`` ("READY=1", "WATCHDOG=1", ...) to the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # A leading @ stands for the abstract namespace.
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto(message.encode(), target)
        except OSError:
            # A manager that does not listen must not stop the door.
            return
