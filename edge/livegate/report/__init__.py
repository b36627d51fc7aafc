"""Reporting: events in their outward form, and the link that carries them to the console."""
