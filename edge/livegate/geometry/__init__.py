"""Where each camera stands and how it sees: calibration files, and all pictures of a moment on rgb's pixels."""
