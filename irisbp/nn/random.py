"""Random numbers from explicit streams: NumPy's PCG64, and R's own generator, number for number.

Both sources offer the same: the order of the samples in the next epoch, and normal and uniform draws for
the initial parameters. NumPy loads its generators when they are first used, and R's sources need none of
them: so their names are quoted in annotations.
"""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import repeat
from math import inf, prod
from random import Random
from statistics import NormalDist
from typing import Protocol

import numpy as np
import numpy.typing as npt

from irisbp.nn.types import Array, Indices


class Draws(Protocol):
    """Draws for initial parameters; np.random.Generator is one."""

    def normal(self, loc: float, scale: float, size: tuple[int, ...]) -> Array:
        """Normal draws with mean loc and standard deviation scale, in C order."""

    def uniform(self, low: float, high: float, size: tuple[int, ...]) -> Array:
        """Uniform draws between low and high, in C order."""


Quantile = Callable[[float], float]
_STANDARD_NORMAL = NormalDist()


def native_quantile(p: float) -> float:
    """The standard normal's quantile at 0 < p < 1, from the standard library."""
    return _STANDARD_NORMAL.inv_cdf(p)


class RGenerator:
    """R's default generator (R 3.6 and later), seeded by `set.seed(seed)` with 0 <= seed < 2^31.

    Mersenne Twister with R's seeding, `sample` by rejection, `rnorm` by inversion. quantile is the
    standard normal's; the standard library's is Wichura's AS 241, operation by operation the same as R's.
    """

    def __init__(self, seed: int, quantile: Quantile = native_quantile) -> None:
        self._words, self._quantile = _r_words(seed), quantile
        self._uniforms = map(_r_uniform, self._words)

    def sample(self, n: int) -> Indices:
        """`sample(n) - 1`: a permutation of 0..n-1."""
        left, drawn, words = list(range(n)), list[int](), self._words
        for count in range(n, 0, -1):
            bits = (count - 1).bit_length()
            if bits < 16:  # one draw has enough; written out here, where a short run spends most of its time
                below = (1 << bits) - 1
                index = next(words) >> 16 & below
                while index >= count:
                    index = next(words) >> 16 & below
            else:
                index = self._index_below(count)
            drawn.append(left[index])
            left[index] = left[-1]
            left.pop()
        return np.array(drawn, dtype=np.int64)

    def normal(self, loc: float, scale: float, size: tuple[int, ...]) -> Array:
        """`rnorm(n, loc, scale)`, filled into an array of this size in C order."""
        quantile, uniforms, big = self._quantile, self._uniforms, float(1 << 27)

        def draws() -> Iterator[float]:
            while True:
                # R joins two 32-bit draws, since one is too coarse for the tails.
                u = (int(big * next(uniforms)) + next(uniforms)) / big
                yield loc + scale * (quantile(u) if u < 1.0 else inf)

        return np.fromiter(draws(), dtype=np.float64, count=prod(size)).reshape(size)

    def uniform(self, low: float, high: float, size: tuple[int, ...]) -> Array:
        """`runif(n, low, high)`, filled into an array of this size in C order."""
        draws = (low + (high - low) * u for u in self._uniforms)
        return np.fromiter(draws, dtype=np.float64, count=prod(size)).reshape(size)

    def _index_below(self, n: int) -> int:
        """A uniform integer in 0..n-1: random bits, drawn again until they are below n."""
        bits = (n - 1).bit_length()
        while True:
            value = 0
            for _ in range(0, bits + 1, 16):
                value = 65536 * value + (next(self._words) >> 16)
            value &= (1 << bits) - 1
            if value < n:
                return value


def _r_words(seed: int) -> Iterator[int]:
    """The 32-bit outputs behind R's `unif_rand`."""
    multipliers, increments = _seeding()
    words = np.uint32(seed & 0xFFFFFFFF) * multipliers + increments
    twister = Random(0)  # Python's Mersenne Twister is the quickest to set up
    # The first of R's 625 words is the position, which R then sets to "all used"; the key follows it.
    twister.setstate((3, (*words[51:].tolist(), 624), None))
    return map(twister.getrandbits, repeat(32))


def _r_uniform(word: int) -> float:
    """R's `unif_rand`: an output over 2^32, kept off 0 and 1."""
    return word * 2.0**-32 if word else 0.5 * 2.328306437080797e-10


@cache
def _seeding() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """R's seeding, word <- 69069 word + 1, in closed form: word k is multiplier k * seed + increment k.

    All of it is modulo 2^32. R discards the first 50 words.
    """
    multipliers, increments, multiplier, increment = list[int](), list[int](), 1, 0
    for _ in range(50 + 625):
        multiplier = (69069 * multiplier) & 0xFFFFFFFF
        increment = (69069 * increment + 1) & 0xFFFFFFFF
        multipliers.append(multiplier)
        increments.append(increment)
    return np.array(multipliers, dtype=np.uint32), np.array(increments, dtype=np.uint32)


def split_draws(seed: int) -> "np.random.Generator":
    """The stream for the split: a child stream of the seed that nothing else draws from."""
    return _child(seed, 0)


def _child(seed: int, *key: int) -> "np.random.Generator":
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


class RSource:
    """R's one stream in the article's order: the shuffle of the rows, then the parameters.

    Orders of later epochs continue the stream with R's next `sample`.
    """

    def __init__(self, seed: int, quantile: Quantile = native_quantile) -> None:
        generator = RGenerator(seed, quantile)
        self.initial: Draws = generator
        self.next_order = generator.sample

    def skip_orders(self, count: int, n: int) -> None:
        """Skip so many calls of next_order(n), by making them: this stream cannot jump."""
        for _ in range(count):
            self.next_order(n)


class NumpySource:
    """PCG64 streams spawned from the seed, one for each purpose, so that none moves another.

    The children 0, 1, 2 of the seed serve the split, the initial parameters and the order; each
    epoch's order has a child of its own, so that it can be drawn again without those before it. The initial
    parameters are drawn by draws(stream), if draws is given, and else by the stream itself.
    """

    def __init__(self, seed: int, draws: Callable[["np.random.Generator"], Draws] | None = None) -> None:
        self._seed = seed
        self._epoch = 0
        stream = _child(seed, 1)
        self.initial: Draws = draws(stream) if draws else stream

    def next_order(self, n: int) -> Indices:
        """The next epoch's permutation of 0..n-1."""
        self._epoch += 1
        return _child(self._seed, 2, self._epoch).permutation(n)

    def skip_orders(self, count: int, n: int) -> None:
        """Skip so many calls of next_order(n), without making them."""
        self._epoch += count


Source = RSource | NumpySource
SOURCES: dict[str, Callable[[int], Source]] = {"numpy": NumpySource, "r": RSource}
