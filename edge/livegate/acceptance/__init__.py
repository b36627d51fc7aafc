"""The acceptance test of a terminal: its own calibration, made from labelled samples, kept, and put in force."""
