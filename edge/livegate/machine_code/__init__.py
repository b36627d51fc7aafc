"""Kernels as machine code: made once by ``livegate model warm``, loaded by every start without a compiler.

What is kept is object code with a table of entries; nothing is unpickled, and Numba is not even imported. Whoever may
write it may make the terminal run anything: :mod:`livegate.machine_code.trust` says whose files are read.
"""
