"""What goes wrong with sensors, put into pictures that were taken without it: pure functions of FrameSets."""
