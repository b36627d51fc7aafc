"""The fixed sizes of the face finder's windows, trees and network; no kernels: reading a model compiles none."""

DEPTH = 4
"""Comparisons on the way through a tree."""
NODES, LEAVES = 2**DEPTH - 1, 2**DEPTH
CONTRAST_STEPS = 127
"""A comparison's threshold is a number of these."""
DARK = 8
"""Added to the sum of two pixels, in grey values: below that, their difference is noise."""
WINDOW = 24
"""Side of the square that the trees look at, in pixels of a level."""
LOOK = 32
"""Side of the square that the network looks at."""
