"""What a sweep is asked to train: the values of its keys, and the config of each row."""
