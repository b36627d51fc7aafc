"""Reporting: the link that carries events to the console, and what comes down by it."""
