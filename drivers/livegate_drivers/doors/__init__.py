"""Doors: each module is a driver."""
