"""Livegate: the firmware of a face access terminal."""

__version__ = "0.1.0"
