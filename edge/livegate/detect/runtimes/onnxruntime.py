"""ONNX Runtime on the CPU: the usual choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.detect.network import Network
from livegate.detect.runtime import MISMATCH, Runtime
from livegate.errors import AssetError, PadError

# Fatal only: what goes wrong is raised, and the warnings are about graph optimisation.
_LOG_FATAL = 4


class OnnxRuntime:
    """A model in ONNX Runtime; see :class:`livegate.detect.runtime.Runtime`."""

    def __init__(self, session: Any, network: Network, errors: tuple[type[Exception], ...]) -> None:
        self._session = session
        self._input = network.input
        self._outputs = [output.name for output in network.outputs]
        self._errors = errors

    def run(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run the network; see the protocol."""
        try:
            return tuple(self._session.run(self._outputs, {self._input: pictures}))
        except self._errors as exc:
            raise PadError(f"network: onnxruntime failed on this picture: {exc}") from exc


def open_runtime(model: bytes, file: Path, network: Network, threads: int) -> Runtime:
    """Open ``model`` (ONNX); see the protocol. Idle threads sleep: spinning would heat a terminal for nothing."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    # The vendor's exceptions have no common base.
    errors = tuple(error for error in vars(state).values() if isinstance(error, type) and issubclass(error, Exception))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_FATAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except errors as exc:
        raise AssetError(f"{file}: onnxruntime refuses it: {exc}") from exc
    _check_names(session, network)
    return OnnxRuntime(session, network, (*errors, ValueError))


def _check_names(session: Any, network: Network) -> None:
    names = {entry.name for entry in (*session.get_inputs(), *session.get_outputs())}
    for expected in (network.input, *(output.name for output in network.outputs)):
        if expected not in names:
            raise AssetError(
                f"{network.manifest}: names '{expected}', the model has {', '.join(sorted(names))}; {MISMATCH}"
            )
