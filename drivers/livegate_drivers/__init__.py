"""Everything that touches a device: one file a device family, found by name."""
