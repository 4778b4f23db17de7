"""Every key a config may have, with its range and its default: without any key, it is the article's case.

A field's description completes the sentence "VALUE is not ..."; error messages are made from it, so that
each rule is written down once.
"""

from functools import partial
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from irisbp.characters import CHARACTERS

MOST_EPOCHS = 10**9
WIDEST_LAYER = 10**6
MOST_THREADS = 1024
LARGEST_SEED = {"numpy": 2**63 - 1, "r": 2**31 - 1}

# The article's choices, for a mapping of options without a name.
DEFAULT_NAMES = {"initializer": "normal", "optimizer": "sgd", "schedule": "constant"}

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Below1 = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
UpTo1 = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Bias = Annotated[Literal["drawn", "zeros"], Field(description="one of drawn, zeros")]

_POSITIVE, _NOT_NEGATIVE = "a number greater than 0", "a number from 0"
_BELOW_1, _UP_TO_1 = "a number from 0 to below 1", "a number above 0, up to 1"
_WHOLE_1, _WHOLE_0 = "a whole number from 1", "a whole number from 0"
_YES = "one of true, false"


class _Section(BaseModel):
    # Strict: a bool is not a number, "3" is not 3, 3.0 is not 3.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class NormalInitializer(_Section):
    """Initial parameters from a normal distribution with mean 0."""

    name: Literal["normal"]
    sd: Positive = Field(default=1.0, description=_POSITIVE)
    bias: Bias = "drawn"


class UniformInitializer(_Section):
    """Initial parameters uniform in +-limit."""

    name: Literal["uniform"]
    limit: Positive = Field(default=1.0, description=_POSITIVE)
    bias: Bias = "drawn"


class ScaledInitializer(_Section):
    """Initial parameters whose spread depends on the layer's widths, times a gain."""

    name: Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal"]
    gain: Positive = Field(default=1.0, description=_POSITIVE)
    bias: Bias = "drawn"


class ZerosInitializer(_Section):
    """All parameters 0."""

    name: Literal["zeros"]
    bias: Bias = "drawn"


class ConstantInitializer(_Section):
    """All parameters the same."""

    name: Literal["constant"]
    value: Finite = Field(default=0.1, description="a number")
    bias: Bias = "drawn"


class SgdOptimizer(_Section):
    """Stochastic gradient descent, with momentum if asked for."""

    name: Literal["sgd"]
    momentum: Below1 = Field(default=0.0, description=_BELOW_1)
    nesterov: bool = Field(default=False, description=_YES)


class RmsPropOptimizer(_Section):
    """RMSProp."""

    name: Literal["rmsprop"]
    rho: Below1 = Field(default=0.99, description=_BELOW_1)
    epsilon: Positive = Field(default=1e-8, description=_POSITIVE)


class AdagradOptimizer(_Section):
    """AdaGrad."""

    name: Literal["adagrad"]
    epsilon: Positive = Field(default=1e-10, description=_POSITIVE)


class AdadeltaOptimizer(_Section):
    """Adadelta."""

    name: Literal["adadelta"]
    rho: Below1 = Field(default=0.9, description=_BELOW_1)
    epsilon: Positive = Field(default=1e-6, description=_POSITIVE)


class _AdamLike(_Section):
    """The options that Adam and its variants share."""

    name: str
    beta1: Below1 = Field(default=0.9, description=_BELOW_1)
    beta2: Below1 = Field(default=0.999, description=_BELOW_1)
    epsilon: Positive = Field(default=1e-8, description=_POSITIVE)


class AdamOptimizer(_AdamLike):
    """Adam, algorithm 1 of Kingma & Ba."""

    name: Literal["adam"]
    amsgrad: bool = Field(default=False, description=_YES)


class AdamWOptimizer(_AdamLike):
    """Adam with decoupled weight decay."""

    name: Literal["adamw"]
    amsgrad: bool = Field(default=False, description=_YES)
    weight_decay: NotNegative = Field(default=0.01, description=_NOT_NEGATIVE)


class NadamOptimizer(_AdamLike):
    """Adam with Nesterov momentum."""

    name: Literal["nadam"]
    momentum_decay: NotNegative = Field(default=0.004, description=_NOT_NEGATIVE)


class _Schedule(_Section):
    """The option that all schedules share: so many epochs of linear warm-up first."""

    name: str
    warmup: int = Field(default=0, ge=0, description=_WHOLE_0)


class ConstantSchedule(_Schedule):
    """The same learning rate throughout."""

    name: Literal["constant"]


class StepSchedule(_Schedule):
    """The learning rate is multiplied by a factor every so many epochs."""

    name: Literal["step"]
    every: int = Field(default=10, ge=1, description=_WHOLE_1)
    factor: UpTo1 = Field(default=0.5, description=_UP_TO_1)


class ExponentialSchedule(_Schedule):
    """The learning rate is multiplied by a factor after every epoch."""

    name: Literal["exponential"]
    factor: UpTo1 = Field(default=0.95, description=_UP_TO_1)


class CosineSchedule(_Schedule):
    """The learning rate falls to a final one along half a cosine."""

    name: Literal["cosine"]
    final: NotNegative = Field(default=0.0, description=_NOT_NEGATIVE)


class EarlyStopping(_Section):
    """Stop when the monitored loss has not improved by more than min_delta for patience epochs."""

    patience: int = Field(default=10, ge=1, description=_WHOLE_1)
    min_delta: NotNegative = Field(default=0.0, description=_NOT_NEGATIVE)
    restore_best: bool = Field(default=True, description=_YES)
    monitor: Literal["validation", "training"] = Field(
        default="validation", description="one of validation, training"
    )


class CheckpointEvery(_Section):
    """The epochs or steps from one checkpoint to the next; with neither, one about every second."""

    epochs: Annotated[int, Field(ge=1)] | None = Field(default=None, description=f"{_WHOLE_1} (or null)")
    steps: Annotated[int, Field(ge=1)] | None = Field(default=None, description=f"{_WHOLE_1} (or null)")


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


def _character(value: Any) -> Any:
    """Accept a character's word."""
    return CHARACTERS.get(value, value) if isinstance(value, str) else value


def _name(value: Any) -> Any:
    """Accept a whole number for a column that is called so."""
    return str(value) if type(value) is int else value


_Character = Annotated[str, Field(min_length=1, max_length=1), BeforeValidator(_character)]
_Name = Annotated[str, BeforeValidator(_name)]
_NAMES = "a list with the names of columns"
_A_CHARACTER = "a character, or one of " + ", ".join(CHARACTERS)


class DataSection(_Section):
    """The samples, their order, and which of them are held out."""

    source: str | None = Field(
        default=None, min_length=1, description="the path of a CSV file (or null, for iris)"
    )
    target: Annotated[str | None, BeforeValidator(_name)] = Field(
        default=None, min_length=1, description="the name of the column that holds the classes"
    )
    features: tuple[_Name, ...] | None = Field(
        default=None,
        strict=False,
        min_length=1,
        description="a list with the names of one or more columns",
    )
    exclude: tuple[_Name, ...] = Field(default=(), strict=False, description=_NAMES)
    categorical: tuple[_Name, ...] = Field(default=(), strict=False, description=_NAMES)
    unknown: Literal["error", "zeros"] = Field(default="error", description="one of error, zeros")
    missing: Literal["error", "drop", "mean", "median", "most_frequent"] = Field(
        default="error", description="one of error, drop, mean, median, most_frequent"
    )
    missing_values: tuple[_Name, ...] | None = Field(
        default=None, strict=False, description="a list of the texts that a missing cell has (or null)"
    )
    separator: _Character | None = Field(default=None, description=f"{_A_CHARACTER} (or null)")
    decimal: Annotated[Literal[".", ","], BeforeValidator(_character)] = Field(
        default=".", description="one of point, comma"
    )
    thousands: _Character | None = Field(default=None, description=f"{_A_CHARACTER} (or null)")
    units: tuple[str, ...] = Field(
        default=(), strict=False, description='a list of texts around numbers, such as ["%"]'
    )
    exponent: Literal["E", "D"] = Field(default="E", description="one of E, D")
    encoding: str | None = Field(
        default=None, min_length=1, description="the name of an encoding, such as cp1252 (or null, for UTF-8)"
    )
    comment: _Character | None = Field(default=None, description=f"{_A_CHARACTER} (or null)")
    skip_rows: int = Field(default=0, ge=0, description=_WHOLE_0)
    header: Annotated[tuple[_Name, ...], Field(strict=False)] | Literal["none"] | None = Field(
        default=None, description="a list with the name of each column, or none (or null)"
    )
    shuffle: Literal["once", "every_epoch", "never"] = Field(
        default="once", description="one of once, every_epoch, never"
    )
    validation: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="the fraction of the samples to hold out, a number above 0 and below 1"
    )
    validation_source: str | None = Field(
        default=None, min_length=1, description="the path of a table whose samples are held out (or null)"
    )
    folds: Annotated[int, Field(ge=2, le=10_000)] | None = Field(
        default=None, description="a whole number of folds from 2 to 10000"
    )
    fold: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="the fold to hold out, a whole number from 0 to folds - 1"
    )

    @property
    def holds_out(self) -> bool:
        """Return whether samples are held out, or a table of them is."""
        return any(value is not None for value in (self.validation, self.validation_source, self.folds))


def _named(default: str, value: Any) -> Any:
    """A mapping for a name, and the default's name for a mapping of options alone."""
    if isinstance(value, str):
        return {"name": value}
    return {"name": default} | value if isinstance(value, dict) else value


def _choice_of(key: str) -> BeforeValidator:
    return BeforeValidator(partial(_named, DEFAULT_NAMES[key]))


def _engine(value: Any) -> Any:
    """Accept numba for compiled: the code is compiled by Numba's back end."""
    return "compiled" if value == "numba" else value


def _weighting(value: Any) -> Any:
    """Read null as none."""
    return "none" if value is None else value


def _every(value: Any) -> Any:
    """Read a number as one of epochs, and auto as neither epochs nor steps."""
    if value == "auto":
        return {}
    return {"epochs": value} if isinstance(value, int) else value


Initializer = Annotated[
    NormalInitializer | UniformInitializer | ScaledInitializer | ZerosInitializer | ConstantInitializer,
    Field(discriminator="name"),
]
Optimizer = Annotated[
    SgdOptimizer
    | RmsPropOptimizer
    | AdagradOptimizer
    | AdadeltaOptimizer
    | AdamOptimizer
    | AdamWOptimizer
    | NadamOptimizer,
    Field(discriminator="name"),
]
Schedule = Annotated[
    ConstantSchedule | StepSchedule | ExponentialSchedule | CosineSchedule, Field(discriminator="name")
]


def _by_name(choice: Any) -> dict[str, type[BaseModel]]:
    models = get_args(get_args(choice)[0])
    return {name: model for model in models for name in get_args(model.model_fields["name"].annotation)}


# The keys whose value is a name or a mapping, and the model of each name's options.
CHOICES = {
    "initializer": _by_name(Initializer),
    "optimizer": _by_name(Optimizer),
    "schedule": _by_name(Schedule),
}


def _choice(key: str) -> str:
    return f"one of {', '.join(CHOICES[key])}, or a mapping of its name and options"


class Config(_Section):
    """One training; the defaults are the article's."""

    seed: int = Field(
        default=0,
        ge=0,
        le=LARGEST_SEED["numpy"],
        description=f"a whole number from 0 to {LARGEST_SEED['numpy']}",
    )
    rng: Literal["numpy", "r"] = Field(default="r", description="one of numpy, r")
    learning_rate: Positive = Field(default=0.1, description="a number greater than 0, such as 0.1")
    epochs: int = Field(
        default=50, ge=1, le=MOST_EPOCHS, description=f"a whole number from 1 to {MOST_EPOCHS}"
    )
    initializer: Annotated[Initializer, _choice_of("initializer")] = Field(
        default=NormalInitializer(name="normal"), description=_choice("initializer")
    )
    optimizer: Annotated[Optimizer, _choice_of("optimizer")] = Field(
        default=SgdOptimizer(name="sgd"), description=_choice("optimizer")
    )
    schedule: Annotated[Schedule, _choice_of("schedule")] = Field(
        default=ConstantSchedule(name="constant"), description=_choice("schedule")
    )
    batch_size: Annotated[int, Field(ge=1)] | Literal["all"] = Field(
        default=1, description="a whole number of samples from 1, or all"
    )
    reduction: Literal["mean", "sum"] = Field(default="mean", description="one of mean, sum")
    class_weight: Annotated[
        Annotated[dict[str, Positive], Field(min_length=1)] | Literal["none", "balanced"],
        BeforeValidator(_weighting),
    ] = Field(
        default="none",
        description="one of none, balanced, or a mapping of class names to numbers greater than 0",
    )
    l2: NotNegative = Field(default=0.0, description=_NOT_NEGATIVE)
    clip_norm: Positive | None = Field(default=None, description=f"{_POSITIVE} (or null, for no clipping)")
    network: NetworkSection = Field(default=NetworkSection(), description="a mapping")
    data: DataSection = Field(default=DataSection(), description="a mapping")
    early_stopping: EarlyStopping | None = Field(
        default=None, description="a mapping, such as {patience: 10} (or null, to train all epochs)"
    )
    engine: Annotated[Literal["plain", "compiled"], BeforeValidator(_engine)] = Field(
        default="plain", description="one of plain, compiled"
    )
    numerics: Literal["native", "portable"] = Field(default="native", description="one of native, portable")
    threads: int = Field(
        default=1, ge=1, le=MOST_THREADS, description=f"a whole number from 1 to {MOST_THREADS}"
    )
    record: Literal["steps", "epochs"] = Field(default="steps", description="one of steps, epochs")
    checkpoint_every: Annotated[CheckpointEvery, BeforeValidator(_every)] = Field(
        default=CheckpointEvery(),
        description="auto, a whole number of epochs, or a mapping of epochs or steps",
    )
