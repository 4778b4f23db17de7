"""Every key a config may have, with its range and its default.

A field's description completes the sentence "VALUE is not ..."; error messages and `config show` are
made from it, so that each rule is told in one place.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST_EPOCHS = 10**9
WIDEST_LAYER = 10**6
LARGEST_SEED = {"numpy": 2**63 - 1, "r": 2**31 - 1}

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Below1 = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Bias = Annotated[Literal["drawn", "zeros"], Field(description="one of drawn, zeros")]


class _Section(BaseModel):
    # Strict: a bool is not a number, "3" is not 3, 3.0 is not 3.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NormalInitializer(_Section):
    """Initial parameters from a normal distribution with mean 0."""

    name: Literal["normal"]
    sd: Positive = Field(default=1.0, description="a number greater than 0")
    bias: Bias = "drawn"


class GlorotUniformInitializer(_Section):
    """Initial parameters uniform in +-gain * sqrt(6 / (fan_in + fan_out))."""

    name: Literal["glorot_uniform"]
    gain: Positive = Field(default=1.0, description="a number greater than 0")
    bias: Bias = "drawn"


class SgdOptimizer(_Section):
    """Plain stochastic gradient descent."""

    name: Literal["sgd"]


class AdamOptimizer(_Section):
    """Adam, algorithm 1 of Kingma & Ba."""

    name: Literal["adam"]
    beta1: Below1 = Field(default=0.9, description="a number from 0 to below 1")
    beta2: Below1 = Field(default=0.999, description="a number from 0 to below 1")
    epsilon: Positive = Field(default=1e-8, description="a number greater than 0")


class NetworkSection(_Section):
    """The network's shape."""

    hidden: tuple[Annotated[int, Field(ge=1, le=WIDEST_LAYER)], ...] = Field(
        default=(3,),
        max_length=100,
        strict=False,  # YAML has lists, a frozen config has tuples
        description="a list of up to 100 layer widths, such as [3] or [8, 4], "
        f"each a whole number from 1 to {WIDEST_LAYER}",
    )
    activation: Literal["sigmoid", "tanh", "relu", "leaky_relu", "softplus", "identity"] = Field(
        default="sigmoid", description="one of sigmoid, tanh, relu, leaky_relu, softplus, identity"
    )


class DataSection(_Section):
    """The samples and their order."""

    shuffle: Literal["once", "every_epoch", "never"] = Field(
        default="once", description="one of once, every_epoch, never"
    )


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Initializer = Annotated[NormalInitializer | GlorotUniformInitializer, Field(discriminator="name")]
Optimizer = Annotated[SgdOptimizer | AdamOptimizer, Field(discriminator="name")]


class Config(_Section):
    """One training: five keys that must be given, and the rest with defaults."""

    seed: int = Field(
        ge=0, le=LARGEST_SEED["numpy"], description=f"a whole number from 0 to {LARGEST_SEED['numpy']}"
    )
    rng: Literal["numpy", "r"] = Field(default="numpy", description="one of numpy, r")
    learning_rate: Positive = Field(description="a number greater than 0, such as 0.1")
    epochs: int = Field(ge=1, le=MOST_EPOCHS, description=f"a whole number from 1 to {MOST_EPOCHS}")
    initializer: Annotated[Initializer, BeforeValidator(_named)] = Field(
        description="one of normal, glorot_uniform, or a mapping of its name and options"
    )
    optimizer: Annotated[Optimizer, BeforeValidator(_named)] = Field(
        description="one of sgd, adam, or a mapping of its name and options"
    )
    network: NetworkSection = Field(default=NetworkSection(), description="a mapping")
    data: DataSection = Field(default=DataSection(), description="a mapping")
    record: Literal["steps", "epochs"] = Field(default="steps", description="one of steps, epochs")


def _by_name(choice: Any) -> dict[str, type[BaseModel]]:
    models = get_args(get_args(choice)[0])
    return {get_args(model.model_fields["name"].annotation)[0]: model for model in models}


# The keys whose value is a name or a mapping, and the options that each name has.
CHOICES = {"initializer": _by_name(Initializer), "optimizer": _by_name(Optimizer)}
