"""The likely causes of a divergence: the learning rate, a penalty, weights, initial parameters."""

from collections.abc import Iterator

from irisbp.config.schema import AdamWOptimizer, Config, SgdOptimizer


def cause_of(config: Config) -> str:
    """A sentence for the user of a run that diverged.

    Weight decay takes the part learning_rate * l2 of each weight away with every update of plain gradient
    descent. If that is more than 2, the weights change their signs and grow, whatever the data are.
    """
    for key, decay in _decays(config):
        if decay * config.learning_rate > 2:
            product = f"{decay:g} * {config.learning_rate:g}"
            return (
                f"{key} or the learning rate is too large: their product, {product}, is more than 2,"
                " so that each update makes the weights larger."
            )
    keys = [key for key, decay in _penalties(config) if decay]
    keys += ["class_weight"] if config.class_weight != "none" else []
    if keys:
        return f"The learning rate, {', '.join(keys)} or the initial parameters may be too large."
    return "The learning rate may be too large, or the initial parameters too large."


def _decays(config: Config) -> Iterator[tuple[str, float]]:
    """The penalties that act on the weights directly, without momentum or a division by gradients."""
    optimizer = config.optimizer
    if isinstance(optimizer, SgdOptimizer) and not optimizer.momentum and config.clip_norm is None:
        yield "l2", config.l2
    if isinstance(optimizer, AdamWOptimizer):
        yield "optimizer.weight_decay", optimizer.weight_decay


def _penalties(config: Config) -> Iterator[tuple[str, float]]:
    yield "l2", config.l2
    if isinstance(config.optimizer, AdamWOptimizer):
        yield "optimizer.weight_decay", config.optimizer.weight_decay
