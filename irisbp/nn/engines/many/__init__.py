"""Engines that train many runs side by side: plain NumPy, and compiled code."""
