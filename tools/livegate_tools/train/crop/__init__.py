"""Learns a crop classifier: a small network that looks at a found face and what is around it."""
