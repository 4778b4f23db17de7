"""The numbers: a network, its gradient and its updates, in NumPy alone.

Nothing here reads a file (but for the cache of compiled code), knows the config or prints, and nothing
here imports the rest of irisbp. Compiled code needs llvmlite, which is imported when it is asked for.
"""
