"""Numba kernels and nothing else: they import NumPy and Numba, take arrays and numbers, and allocate nothing."""
