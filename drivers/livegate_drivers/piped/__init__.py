"""Cameras that another program reads for us and hands over through a pipe, frame by frame."""
