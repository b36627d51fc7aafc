"""Training of the face finder: trees that compare pixels, grown against whatever still passes for a face."""
