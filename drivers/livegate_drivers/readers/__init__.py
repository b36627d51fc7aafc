"""Credential readers: each module is a driver."""
