"""``livegate texture``: what each texture sees of a face."""
