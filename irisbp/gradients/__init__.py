"""Checks that a backward pass is right to the last digits it can have; if not, where and why."""
