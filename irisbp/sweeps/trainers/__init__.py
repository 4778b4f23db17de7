"""The trainers of a sweep's runs: alone, side by side, or by compiled code."""
