"""How the runs of a sweep are trained: alone, side by side, or by compiled code."""
