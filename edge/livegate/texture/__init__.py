"""What a face's surface looks like: one crop, its colour planes, and the descriptors of their texture."""
