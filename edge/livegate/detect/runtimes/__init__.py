"""Runtimes, one file each, named as in the configuration; see ``livegate.detect.runtime``."""
