"""Deciding: evidence of all cues becomes one verdict on an attempt. Pure functions."""
