"""The verbs on a run: train, resume, evaluate, predict, verify, compare, list and retrace it."""
