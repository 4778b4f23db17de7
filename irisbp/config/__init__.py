"""Configs: the keys and their defaults, the strict YAML reader, overrides, and the examples to start from."""
