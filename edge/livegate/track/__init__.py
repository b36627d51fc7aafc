"""Tracking: faces over frames become attempts."""
