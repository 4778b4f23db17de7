"""Learning-rate schedules: the rate of each epoch, e, counted from 0.

Each may begin with a linear warm-up of w epochs: rate * (e + 1) / (w + 1) (Goyal et al., "Accurate, large
minibatch SGD", 2017, section 2.2). The schedule itself starts after it, again at e = 0. The forms are those
of PyTorch's schedulers, stepped once an epoch.
"""

from collections.abc import Callable, Mapping
from math import cos as native_cos
from math import pi
from operator import pow as native_power

Schedule = Callable[[int], float]
_Power = Callable[[float, float], float]


def constant(learning_rate: float, epochs: int) -> Schedule:
    """The same rate throughout."""
    return lambda epoch: learning_rate


def step(
    learning_rate: float, epochs: int, *, every: int = 10, factor: float = 0.5, power: _Power = native_power
) -> Schedule:
    """Steps down: rate * factor^floor(e / every); every is at least 1, factor in (0, 1]."""
    return lambda epoch: learning_rate * power(factor, epoch // every)


def exponential(
    learning_rate: float, epochs: int, *, factor: float = 0.95, power: _Power = native_power
) -> Schedule:
    """Decays: rate * factor^e; factor in (0, 1]."""
    return lambda epoch: learning_rate * power(factor, epoch)


def cosine(
    learning_rate: float, epochs: int, *, final: float = 0.0, cos: Callable[[float], float] = native_cos
) -> Schedule:
    """Half a cosine: final + (rate - final) (1 + cos(pi e / epochs)) / 2.

    Loshchilov & Hutter, "SGDR" (2017), equation 5, without restarts; final is at least 0.
    """
    return lambda epoch: final + (learning_rate - final) * (1.0 + cos(pi * epoch / epochs)) / 2.0


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
}


def with_warmup(
    name: str,
    learning_rate: float,
    epochs: int,
    warmup: int,
    schedules: Mapping[str, Callable[..., Schedule]] = SCHEDULES,
    **options: float,
) -> Schedule:
    """The named schedule after a linear warm-up; epochs is the length of both together."""
    after = schedules[name](learning_rate, max(1, epochs - warmup), **options)

    def rate(epoch: int) -> float:
        return learning_rate * (epoch + 1) / (warmup + 1) if epoch < warmup else after(epoch - warmup)

    return rate
