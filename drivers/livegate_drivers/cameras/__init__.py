"""Cameras: each module is a driver."""
