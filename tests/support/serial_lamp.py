"""The far end of drivers/illuminators/serial_pwm: what a lamp's controller does, on a pty."""

import os
import pty
import select
import threading
import tty
from types import TracebackType
from typing import Self


class SerialLamp:
    """Answers lines as the driver's protocol says, unless ``silent``; with ``answer`` it always says that.

    It first says ``mumbles`` times that it begins. ``history`` is how it shone, in thousandths. It goes dark when it
    heard nothing for ``patience_s``.
    """

    def __init__(self, patience_s: float = 3.0) -> None:
        self._patience_s = patience_s
        self.history = [0]
        self.silent = False
        self.mumbles = 0
        self.answer: bytes | None = None
        self._far, self._near = pty.openpty()
        tty.setraw(self._near)
        self.device = os.ttyname(self._near)
        self._stop, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()
        os.close(self._stop)

    def unplug(self) -> None:
        """Take the lamp away; it is dark, as one without power."""
        if self._thread.is_alive():
            os.close(self._wake)
            self._thread.join()
            os.close(self._far)
            os.close(self._near)
            self.history.append(0)

    def level(self) -> float:
        return self.history[-1] / 1000

    def _run(self) -> None:
        received = b""
        while True:
            ready, _, _ = select.select([self._far, self._stop], [], [], self._patience_s)
            if self._stop in ready:
                return
            if not ready:
                self.history.append(0)
                continue
            received += os.read(self._far, 256)
            *lines, received = received.split(b"\n")
            for line in lines:
                self._obey(line)

    def _obey(self, line: bytes) -> None:
        if self.silent:
            return
        if self.mumbles:
            self.mumbles -= 1
            os.write(self._far, b"begins\n")
            return
        word, _, number = line.partition(b" ")
        if word != b"L" or not number.isdigit() or int(number) > 1000:
            os.write(self._far, b"ERR what\n")
            return
        self.history.append(int(number))
        os.write(self._far, self.answer or b"OK %d\n" % int(number))
