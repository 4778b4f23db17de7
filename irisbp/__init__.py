"""irisbp: a small backpropagation network, trained sample by sample, that shows every number."""

__version__ = "0.1.0"
