"""Livegate: the firmware of a face access terminal."""

import os

__version__ = "0.1.0"

# ONNX Runtime keeps usage records under $HOME and reports them to its maker unless this is set before it is loaded.
# What happens at a door is nobody else's business, whichever part of Livegate loads it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
