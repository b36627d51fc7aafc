"""Pictures in files that nobody vouches for: found, checked, read, and written with what was seen drawn on them."""
