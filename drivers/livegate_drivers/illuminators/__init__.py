"""Drivers of near-infrared lamps."""
