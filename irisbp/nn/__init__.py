"""The numbers: a network, its gradient and its updates, in NumPy alone.

Nothing here reads a file, knows the config or prints, and nothing here imports the rest of irisbp.
"""
