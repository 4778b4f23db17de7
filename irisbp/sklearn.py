"""The network as a scikit-learn classifier, for pipelines, grid searches and everything else that takes one.

This is the only file that imports scikit-learn, which is the extra `sklearn`. It trains by the same setup
and the same loop as a run, so that both give the same parameters to the bit.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from irisbp.config.given import plain
from irisbp.config.load import validated
from irisbp.config.schema import LARGEST_SEED, Config
from irisbp.config.yaml import Document
from irisbp.data.dataset import Standardizer, all_but, make_dataset
from irisbp.data.table import Table
from irisbp.errors import ConfigError, DataError
from irisbp.nn.numerics.choice import numerics_of
from irisbp.nn.types import Array
from irisbp.training.evaluation import probabilities
from irisbp.training.loop import train
from irisbp.training.setup import held_out_rows, prepare, resume_from
from irisbp.training.state import Best, Epoch, Snapshot, Training
from irisbp.training.stopping import which_parameters

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "irisbp.sklearn needs scikit-learn 1.6 or newer: pip install 'irisbp[sklearn]'"
    ) from error

_Choice = str | Mapping[str, Any]  # a name, or a mapping of a name and options
_SECTIONS = {"hidden": "network", "activation": "network", "shuffle": "data", "validation": "data"}


class BackpropClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A small backpropagation network with a softmax output, trained sample by sample.

    The parameters are the config's keys, with its defaults (the article's case) and its legal values;
    optimizer, initializer and schedule are a name or a mapping, such as {"name": "adam", "beta1": 0.8}.
    hidden and activation are the config's network.hidden and network.activation, shuffle and validation
    its data.shuffle and data.validation. Keys that only concern a table or a run's directory are left out:
    all of data but shuffle and validation, record, checkpoint_every.

    class_weight multiplies the gradient of each sample; reported losses are without it. It is None,
    "balanced" (n_samples / (n_classes * the class's count), over the samples trained on), or a mapping of
    classes to weights above 0, where a class that is left out has the weight 1.

    random_state is the config's seed: BackpropClassifier(random_state=3) trains as seed=3 does. None draws a
    seed from NumPy's global generator, a RandomState from itself. Without validation, all samples are
    trained on; with it, this part of every class is held out, which early_stopping monitors by default.

    Features are standardized as part of training, by the mean and sd (ddof 1) of the samples trained on. One
    that is constant there is divided by 1. coefs_ and intercepts_ act on the standardized features.

    Attributes after fit:

    - classes_ (n_classes,): sorted; n_features_in_; feature_names_in_ (n_features,), of a DataFrame.
    - coefs_, intercepts_: of each layer (fan_in, fan_out) and (fan_out,). Columns of the last are in the
      order of classes_. Two classes, too, have an output node each.
    - loss_curve_ (n_iter_,): each epoch's mean loss of its samples before their updates, without penalty.
    - validation_loss_curve_ (n_iter_,): the loss over the held-out samples after each epoch, or None.
    - n_iter_: epochs done. best_epoch_: the one with the best monitored loss, counted from 1, or None.
      After early stopping, the parameters are that epoch's unless restore_best is false.
    - standardizer_mean_, standardizer_scale_ (n_features,).
    - seed_: the seed that was used or drawn.
    - network_, parameters_ (n_parameters,), node_classes_ (n_classes,): irisbp's network, its flat vector of
      parameters, and the class of each output node, in the order in which the samples showed them.

    Errors: ConfigError for a parameter's value, when fitting; ValueError for X and y; Diverged, from fit and
    partial_fit, when a loss or a parameter is no longer finite. Messages name the config's keys, such as
    network.hidden.
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (3,),
        activation: str = "sigmoid",
        learning_rate: float = 0.1,
        epochs: int = 50,
        initializer: _Choice = "normal",
        optimizer: _Choice = "sgd",
        schedule: _Choice = "constant",
        batch_size: int | str = 1,
        reduction: str = "mean",
        class_weight: str | Mapping[Any, float] | None = None,
        l2: float = 0.0,
        clip_norm: float | None = None,
        shuffle: str = "once",
        validation: float | None = None,
        early_stopping: Mapping[str, Any] | None = None,
        engine: str = "plain",
        numerics: str = "native",
        threads: int = 1,
        rng: str = "numpy",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.initializer = initializer
        self.optimizer = optimizer
        self.schedule = schedule
        self.batch_size = batch_size
        self.reduction = reduction
        self.class_weight = class_weight
        self.l2 = l2
        self.clip_norm = clip_norm
        self.shuffle = shuffle
        self.validation = validation
        self.early_stopping = early_stopping
        self.engine = engine
        self.numerics = numerics
        self.threads = threads
        self.rng = rng
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Train from new initial parameters on X (n_samples, n_features) and labels y (n_samples,)."""
        config = self._config(_seed(self.random_state))
        X, y = self._checked(X, y, reset=True, least=2)
        classes = np.unique(y)
        table = _table(X, y, classes, self._feature_names())
        training = _prepare(config, table)
        ends = list(_epochs(training))
        self._keep(training, classes, ends)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train for one epoch on these samples, from the current parameters and the optimizer's state.

        classes, all there are, is required at the first call, which also draws the initial parameters and
        fits the standardizer on its samples; later calls keep it, as they keep what fit has fitted. The
        schedule counts calls as epochs, so that as many calls with all samples as there are epochs give the
        parameters of fit; with more calls, its rate stays near its last. validation and early_stopping must
        be None.
        """
        first = not hasattr(self, "parameters_")
        known = self._known_classes(classes, first)
        config = self._config(_seed(self.random_state) if first else self.seed_)
        if config.data.validation is not None or config.early_stopping is not None:
            raise ConfigError("partial_fit trains on all samples: validation and early_stopping must be None")
        if config.class_weight == "balanced":
            raise ConfigError("partial_fit sees some samples only: class_weight must be None or a mapping")
        X, y = self._checked(X, y, reset=first, least=1)
        table = _table(X, y, known, self._feature_names())
        training = _prepare(config, table, _names(known)) if first else self._resume(config, table)
        ends = list(islice(_epochs(training), 1))
        self._keep(training, known, ends if first else [*self._ends, *ends])
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each sample (n_samples,), for X (n_samples, n_features)."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        predicted: npt.NDArray[Any] = self.classes_[most_probable]
        return predicted

    def predict_proba(self, X: Any) -> Array:
        """Each class's probability (n_samples, n_classes), in the order of classes_."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        inputs = self._standardizer().apply(X)
        return probabilities(self.network_, self.parameters_, inputs)[:, self._columns()]

    @property
    def coefs_(self) -> list[Array]:
        """Each layer's weights (fan_in, fan_out), a copy; the last one's columns are in classes_ order."""
        return [block[:-1] for block in self._blocks()]

    @property
    def intercepts_(self) -> list[Array]:
        """Each layer's biases (fan_out,), a copy; the last one's are in the order of classes_."""
        return [block[-1] for block in self._blocks()]

    def _blocks(self) -> list[Array]:
        *hidden, output = self.network_.blocks(self.parameters_.copy())
        return [*hidden, output[:, self._columns()]]

    def _columns(self) -> npt.NDArray[np.intp]:
        """The output node of each of classes_."""
        return np.argsort(np.searchsorted(self.classes_, self.node_classes_))

    def _standardizer(self) -> Standardizer:
        return Standardizer(self.standardizer_mean_, self.standardizer_scale_)

    def _config(self, seed: int) -> Config:
        keys: dict[str, Any] = {"seed": seed, "network": {}, "data": {}}
        for name, value in self.get_params(deep=False).items():
            if name != "random_state":
                section = keys[_SECTIONS[name]] if name in _SECTIONS else keys
                section[name] = plain(value)  # grids are made of NumPy's numbers
        return validated(Document(keys), Path("BackpropClassifier"))

    def _checked(self, X: Any, y: Any, *, reset: bool, least: int) -> tuple[Array, npt.NDArray[Any]]:
        X, y = validate_data(self, X, y, reset=reset, dtype=np.float64, ensure_min_samples=least)
        check_classification_targets(y)
        return X, y

    def _feature_names(self) -> tuple[str, ...]:
        numbered = [f"x{k}" for k in range(self.n_features_in_)]
        return tuple(getattr(self, "feature_names_in_", numbered))

    def _known_classes(self, classes: Any, first: bool) -> npt.NDArray[Any]:
        if first and classes is None:
            raise ValueError("classes must be given at the first call of partial_fit")
        known: npt.NDArray[Any] = self.classes_ if classes is None else np.unique(classes)
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(f"classes are {known}, and were {self.classes_} at the first call")
        if len(known) < 2:
            raise ValueError(f"classes has one class, {known[0]}; at least two are needed")
        return known

    def _resume(self, config: Config, table: Table) -> Training:
        """A training on other samples that stands where the last one ended."""
        config = config.model_copy(update={"epochs": max(config.epochs, self._progress.epoch)})
        nodes = _names(self.node_classes_)
        training = prepare(config, table, classes=nodes, standardizer=self._standardizer())
        if training.network != self.network_ or training.optimizer.state.keys() != self._memory.keys():
            raise ConfigError("partial_fit cannot continue: the network or the optimizer has been changed")
        training.dataset = make_dataset(table, nodes, self._standardizer())
        resume_from(training, Snapshot(self.parameters_, self._memory), self._progress, None)
        return training

    def _keep(self, training: Training, classes: npt.NDArray[Any], ends: list[Epoch]) -> None:
        best, last = training.best, Snapshot.of(training)
        use_best = which_parameters(training.config, best is not None) == "best"
        self.parameters_ = best.parameters if best and use_best else last.parameters
        self._memory, self._progress = last.optimizer, training.progress
        self.network_, self.seed_ = training.network, training.config.seed
        names = _names(classes)
        self.classes_ = classes
        self.node_classes_ = classes[[names.index(name) for name in training.dataset.classes]]
        self.standardizer_mean_ = training.dataset.standardizer.mean
        self.standardizer_scale_ = training.dataset.standardizer.sd
        self._keep_curves(ends, best)

    def _keep_curves(self, ends: list[Epoch], best: Best | None) -> None:
        self._ends, self.n_iter_ = ends, len(ends)
        self.best_epoch_ = best.epoch if best else None
        self.loss_curve_ = [end.loss for end in ends]
        held_out = [end.validation_loss for end in ends if end.validation_loss is not None]
        self.validation_loss_curve_ = held_out or None


def _seed(random_state: Any) -> int:
    """The seed of a random_state, drawn unless it is a number."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(LARGEST_SEED["r"]))


def _names(classes: npt.NDArray[Any]) -> tuple[str, ...]:
    return tuple(map(str, classes.tolist()))


def _table(X: Array, y: npt.NDArray[Any], classes: npt.NDArray[Any], features: tuple[str, ...]) -> Table:
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(f"y has classes that are not in classes: {', '.join(_names(unknown))}")
    names = _names(classes)
    targets = tuple(names[code] for code in np.searchsorted(classes, y))
    return Table("BackpropClassifier", features, X, "y", targets, digest="")


def _prepare(config: Config, table: Table, classes: tuple[str, ...] = ()) -> Training:
    """A training before its first step; ValueError, scikit-learn's, for data that cannot be trained on."""
    try:
        rows = all_but(held_out_rows(config, table), len(table.targets))
        mean_and_sd = numerics_of(config.numerics).mean_and_sd
        standardizer = Standardizer.fit(table.values[rows], table.features, mean_and_sd, constant_sd=1.0)
        return prepare(config, table, classes=classes, standardizer=standardizer)
    except DataError as error:
        raise ValueError(str(error)) from error


def _epochs(training: Training) -> Iterator[Epoch]:
    return (record for record in train(training) if isinstance(record, Epoch))
