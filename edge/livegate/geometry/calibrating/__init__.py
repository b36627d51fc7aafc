"""From pictures of a board that all cameras see to a calibration file."""
