"""A training: its state, its setup from a config, its loop, and how well its parameters do."""
