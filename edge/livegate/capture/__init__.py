"""Capture: cameras in, time-synchronised FrameSets out."""
