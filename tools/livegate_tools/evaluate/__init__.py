"""Labelled samples through the terminal's own path, and the error rates of ISO/IEC 30107-3."""
