"""Labelled pictures with exact truth: rendered heads and photographed people, live and attacking."""
