"""Cues: what one kind of evidence says of an attempt. One file a cue; adding one needs no list anywhere.

A cue module gives ``NEEDS`` (the roles it reads), ``FEATURES`` (the names of its numbers) and
``measure(observation)``, which returns them as float64 (len(FEATURES),) or None where this observation cannot be
measured. ``KERNELS`` names the modules of livegate.kernels that it calls: they are imported inside the functions that
do, so that a terminal without the cue's sensors never loads Numba, and compiled when the cue is opened. Its trained
scorer lies in models/<cue>/manifest.toml and turns the numbers into a log-likelihood ratio; a cue without one stays
off. A cue whose numbers themselves are learnt gives ``opened(weights)`` in place of FEATURES and measure, which makes
the cue of the arrays in models/<cue>/weights.npz.
"""
