"""Reads the numbers that R printed."""

from pathlib import Path

import numpy as np

from irisbp.nn.network import Network
from irisbp.nn.types import Array

R = Path(__file__).parent / "data" / "r"


def numbers(name: str) -> Array:
    """One number a line."""
    return np.loadtxt(R / name, ndmin=1)


def words(name: str) -> list[str]:
    """One word a line."""
    return (R / name).read_text().split()


def in_draw_order(network: Network, vector: Array) -> Array:
    """A flat vector in R's order: node by node, its incoming weights and then its bias."""
    return np.concatenate([block.T.ravel() for block in network.blocks(vector)])
