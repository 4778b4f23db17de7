"""An explained update, and an explained gradient, as plain data: every number in full."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from irisbp.explanations.naming import Parameter, all_parameters
from irisbp.explanations.paths import Chain, sum_name
from irisbp.explanations.ways import Way
from irisbp.explanations.worked import Worked


def update_data(worked: Worked) -> dict[str, Any]:
    """One update, node by node as in the text."""
    numbers, dataset = worked.of_sample, worked.dataset
    hidden = [
        {"layer": layer.name} | {name: array.tolist() for name, array in vars(figures).items()}
        for layer, figures in zip(worked.network.layers, numbers.hidden, strict=False)
    ]
    return _place(worked) | {
        "inputs": {
            "feature": list(dataset.table.features),
            "measured": dataset.table.values[worked.sample].tolist(),
            "mean": dataset.standardizer.mean.tolist(),
            "sd": dataset.standardizer.sd.tolist(),
            "standardized": numbers.inputs.tolist(),
        },
        "hidden": hidden,
        "output": {
            "class": list(dataset.classes),
            "logit": numbers.logits.tolist(),
            "probability": numbers.probabilities.tolist(),
            "truth": numbers.truth.tolist(),
            "by_logit": numbers.by_logit.tolist(),
        },
        "parameters": parameters_data(worked),
    }


def gradient_data(worked: Worked, chain: Chain, ways: Sequence[Way]) -> dict[str, Any]:
    """One gradient with its paths; paths is null if there are too many to list."""
    return _place(worked) | {
        "parameter": _parameter(worked, chain.parameter),
        "factors": [asdict(factor) for factor in chain.factors],
        "path_count": chain.count,
        "paths": paths_data(chain) or None,
        "sum": chain.total,
        "magnitude": chain.magnitude,
        "ways": [asdict(way) for way in ways],
    }


def paths_data(chain: Chain) -> list[dict[str, Any]]:
    """Each path's nodes, factors and product; empty if there are too many to list."""
    network, depth = chain.parameter.network, chain.parameter.depth
    return [
        {
            "nodes": [sum_name(network, depth + d, j) for d, j in enumerate(path.nodes)],
            "factors": list(path.factors),
            "product": path.product,
        }
        for path in chain.paths
    ]


def parameters_data(worked: Worked) -> list[dict[str, Any]]:
    """Every parameter's names, gradients, change, and values before and after."""
    return [_parameter(worked, parameter) for parameter in all_parameters(worked.network)]


def _place(worked: Worked) -> dict[str, Any]:
    batch = zip(worked.rows, worked.losses, worked.weights.tolist(), strict=True)
    return {
        "step": worked.step,
        "epoch": worked.epoch,
        "sample": worked.sample,
        "label": worked.dataset.classes[worked.label],
        "predicted": worked.predicted,
        "loss": worked.loss,
        "learning_rate": worked.learning_rate,
        "optimizer": worked.config.optimizer.name,
        "reduction": worked.config.reduction,
        "l2": worked.config.l2,
        "batch": [{"sample": row, "loss": loss, "weight": weight} for row, loss, weight in batch],
    }


def _parameter(worked: Worked, parameter: Parameter) -> dict[str, Any]:
    k = parameter.index
    return {
        "name": parameter.name,
        "article_name": parameter.article_name,
        "sample_gradient": float(worked.of_sample.gradient_by(parameter)),
        "gradient": worked.gradient[k].item(),
        "change": worked.change[k].item(),
        "old": worked.old[k].item(),
        "new": worked.new[k].item(),
    }
