"""Whether a backward pass is right to the last digits it can have, and where and why when it is not."""

from irisbp.gradients.check import check

__all__ = ["check"]
