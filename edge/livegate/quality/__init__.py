"""Quality: whether a face in a picture can be judged at all, and what the person should do if not. Pure functions."""
