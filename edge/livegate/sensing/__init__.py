"""Is what the sensors give plausible? Pure but for a bounded memory; faults are named, and unusable roles leave."""
