"""Engines that train one run: plain NumPy, and compiled code."""
