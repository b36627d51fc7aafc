"""The Reader protocol: what every credential reader driver is."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from livegate.types import CredentialRead


class Reader(Protocol):
    """A credential reader, opened on ``__enter__`` and closed on ``__exit__``.

    A driver is a module of ``livegate_drivers.readers`` with a frozen dataclass ``Options`` and a function
    ``open_reader(options: Options) -> Reader``.
    """

    def __enter__(self) -> Self:
        """Connect; raise DriverError naming device and remedy when that fails."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; doing so twice is harmless."""

    def read(self, timeout_s: float) -> CredentialRead:
        """Return the next credential presented; raise DeviceTimeout after ``timeout_s``, DeviceLost when gone."""
