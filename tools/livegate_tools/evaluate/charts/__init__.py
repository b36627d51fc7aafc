"""DET curves and score histograms as PNG, drawn with OpenCV.

A plotting library would draw more, but weighs as much as the rest of Livegate (matplotlib and its own needs: 60 MB) for
two pictures, in the environment of whoever evaluates.
"""
