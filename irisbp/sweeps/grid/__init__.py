"""The grid of a sweep: the values of its keys, and the config of each row."""
