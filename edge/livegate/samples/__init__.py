"""Labelled samples: evaluation manifests, and the FrameSets a terminal would have had of them."""
