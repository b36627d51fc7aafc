"""A reference console: what an integrator copies, and what the tests use as the centre."""
