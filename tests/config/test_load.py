"""Configs: every problem at once, at its place, in words that help."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel

from irisbp.config.arguments import split_arguments
from irisbp.config.load import load_config, load_recorded, to_yaml
from irisbp.config.schema import (
    CHOICES,
    DEFAULT_NAMES,
    CheckpointEvery,
    Config,
    DataSection,
    EarlyStopping,
    NetworkSection,
)
from irisbp.config.settings import KeyValue, settings
from irisbp.config.yaml import Problems, parse
from irisbp.errors import ConfigError
from tests.conftest import CONFIGS

OPTIMIZERS = "sgd, rmsprop, adagrad, adadelta, adam, adamw, nadam"
INITIALIZERS = (
    "normal, uniform, glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_normal, zeros, constant"
)
FIVE = "seed: 0\nlearning_rate: 0.1\nepochs: 5\ninitializer: normal\noptimizer: sgd\n"


def _problems(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value).replace(f"{tmp_path}/", "").split("\n")


def test_five_lines_say_the_articles_case(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(FIVE.replace("epochs: 5", "epochs: 50"))
    config = load_config(path)
    assert config == load_config(None)
    assert config.model_dump() == {
        "seed": 0,
        "rng": "r",
        "learning_rate": 0.1,
        "epochs": 50,
        "initializer": {"name": "normal", "sd": 1.0, "bias": "drawn"},
        "optimizer": {"name": "sgd", "momentum": 0.0, "nesterov": False},
        "schedule": {"name": "constant", "warmup": 0},
        "batch_size": 1,
        "reduction": "mean",
        "class_weight": "none",
        "l2": 0.0,
        "numerics": "native",
        "clip_norm": None,
        "network": {"hidden": (3,), "activation": "sigmoid"},
        "data": {
            "source": None,
            "target": None,
            "features": None,
            "exclude": (),
            "categorical": (),
            "unknown": "error",
            "missing": "error",
            "missing_values": None,
            "separator": None,
            "decimal": ".",
            "thousands": None,
            "units": (),
            "exponent": "E",
            "encoding": None,
            "comment": None,
            "skip_rows": 0,
            "header": None,
            "shuffle": "once",
            "validation": None,
            "validation_source": None,
            "folds": None,
            "fold": None,
        },
        "early_stopping": None,
        "threads": 1,
        "engine": "plain",
        "record": "steps",
        "checkpoint_every": {"epochs": None, "steps": None},
    }


def test_without_a_file_it_is_the_articles_run() -> None:
    assert load_config(None) == load_config(CONFIGS / "article.yaml") == Config()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}\n"])
def test_an_empty_file_is_the_articles_run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    assert load_config(path) == load_config(CONFIGS / "article.yaml")


def test_one_line_changes_one_key(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("epochs: 20\n")
    assert load_config(path).model_dump() == load_config(None).model_dump() | {"epochs": 20}


# A value of each key that is not its default, and the keys that it needs.
_TABLE = {"data.source": "/flowers.csv", "data.target": "species"}
SINGLE_KEYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "seed": (3, {}),
    "rng": ("numpy", {}),
    "learning_rate": (0.02, {}),
    "epochs": (20, {}),
    "initializer.sd": (0.5, {}),
    "initializer.bias": ("zeros", {}),
    "optimizer.momentum": (0.9, {}),
    "optimizer.nesterov": (True, {"optimizer.momentum": 0.9}),
    "schedule.warmup": (5, {}),
    "batch_size": (8, {}),
    "reduction": ("sum", {}),
    "class_weight": ({"a b": 2.0, "01": 0.5}, {}),
    "l2": (0.01, {}),
    "clip_norm": (1.0, {}),
    "network.hidden": ([8, 4], {}),
    "network.activation": ("tanh", {}),
    "data.source": ("/flowers.csv", {"data.target": "species"}),
    "data.target": ("species", {"data.source": "/flowers.csv"}),
    "data.features": (["width"], {"data.source": "/flowers.csv", "data.target": "species"}),
    "data.exclude": (["id"], _TABLE),
    "data.categorical": (["color"], _TABLE),
    "data.unknown": ("zeros", {}),
    "data.missing": ("drop", {}),
    "data.missing_values": (["none"], _TABLE),
    "data.separator": (";", _TABLE),
    "data.decimal": (",", {}),
    "data.thousands": (" ", _TABLE),
    "data.units": (["%"], _TABLE),
    "data.exponent": ("D", {}),
    "data.encoding": ("cp1252", _TABLE),
    "data.comment": ("#", _TABLE),
    "data.skip_rows": (2, _TABLE),
    "data.header": (["width", "species"], _TABLE),
    "data.shuffle": ("never", {}),
    "data.validation": (0.2, {}),
    "data.validation_source": ("/held.csv", {}),
    "data.folds": (5, {"data.fold": 0}),
    "data.fold": (2, {"data.folds": 5}),
    "early_stopping.patience": (3, {"data.validation": 0.2}),
    "early_stopping.min_delta": (0.1, {"data.validation": 0.2}),
    "early_stopping.restore_best": (False, {"data.validation": 0.2}),
    "early_stopping.monitor": ("training", {}),
    "engine": ("compiled", {}),
    "numerics": ("portable", {}),
    "threads": (2, {}),
    "record": ("epochs", {}),
    "checkpoint_every.epochs": (5, {}),
    "checkpoint_every.steps": (100, {}),
}
# The defaults within the one section that is absent by default.
STOPPING = {"patience": 10, "min_delta": 0.0, "restore_best": True, "monitor": "validation"}


def test_every_key_is_tried_alone() -> None:
    stopping = {f"early_stopping.{key}" for key in STOPPING}
    names = {key for key in settings(Config()) if key.endswith(".name")}
    assert SINGLE_KEYS.keys() == settings(Config()).keys() - names - {"early_stopping"} | stopping


@pytest.mark.parametrize("of_file", [True, False])
@pytest.mark.parametrize("key", SINGLE_KEYS)
def test_a_single_key_leaves_all_others_the_articles(tmp_path: Path, key: str, of_file: bool) -> None:
    value, needed = SINGLE_KEYS[key]
    given = needed | {key: value}
    path = tmp_path / "c.yaml"
    path.write_text(_nested(given) if of_file else "")
    overrides = [] if of_file else [f"{name}={json.dumps(some)}" for name, some in given.items()]
    chosen = settings(load_config(path, overrides))
    article = settings(load_config(None))
    if key.startswith("early_stopping"):
        del article["early_stopping"]
        article |= {f"early_stopping.{k}": KeyValue(v, is_default=True) for k, v in STOPPING.items()}
    assert chosen == article | {name: KeyValue(some, is_default=False) for name, some in given.items()}


def _nested(given: dict[str, Any]) -> str:
    """A file's text from dotted keys; JSON is YAML."""
    data: dict[str, Any] = {}
    for key, value in given.items():
        *above, last = key.split(".")
        (data.setdefault(above[0], {}) if above else data)[last] = value
    return json.dumps(data)


@pytest.mark.parametrize("key", CHOICES)
def test_a_choice_without_a_name_is_the_articles(key: str) -> None:
    default = getattr(Config(), key)
    assert Config.model_validate({key: {}}) == Config()
    assert Config.model_validate({key: default.model_dump(exclude={"name"})}) == Config()
    assert DEFAULT_NAMES[key] == default.name


# The defaults of the papers, of PyTorch (optimizers) or, for schedules, the README's.
@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("initializer", "{name: normal, sd: 1, bias: drawn}"),
        ("initializer", "{name: uniform, limit: 1, bias: drawn}"),
        ("initializer", "{name: he_normal, gain: 1, bias: drawn}"),
        ("initializer", "{name: zeros, bias: drawn}"),
        ("initializer", "{name: constant, value: 0.1, bias: drawn}"),
        ("optimizer", "{name: sgd, momentum: 0, nesterov: false}"),
        ("optimizer", "{name: rmsprop, rho: 0.99, epsilon: 1e-8}"),
        ("optimizer", "{name: adagrad, epsilon: 1e-10}"),
        ("optimizer", "{name: adadelta, rho: 0.9, epsilon: 1e-6}"),
        ("optimizer", "{name: adam, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false}"),
        ("optimizer", "{name: adamw, beta1: 0.9, beta2: 0.999, amsgrad: false,"
         " epsilon: 1e-8, weight_decay: 0.01}"),
        ("optimizer", "{name: nadam, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, momentum_decay: 0.004}"),
        ("schedule", "{name: constant, warmup: 0}"),
        ("schedule", "{name: step, every: 10, factor: 0.5, warmup: 0}"),
        ("schedule", "{name: exponential, factor: 0.95, warmup: 0}"),
        ("schedule", "{name: cosine, final: 0, warmup: 0}"),
    ],
)  # fmt: skip
def test_the_defaults_of_each_choice(key: str, text: str) -> None:
    expected = parse(text, str).data
    config = load_config(None, [f"{key}={expected['name']}"])
    assert getattr(config, key).model_dump() == expected


def test_every_field_has_a_default() -> None:
    models: list[type[BaseModel]] = [Config, NetworkSection, DataSection, EarlyStopping, CheckpointEvery]
    models += [model for models_of in CHOICES.values() for model in models_of.values()]
    required = {name for model in models for name, f in model.model_fields.items() if f.is_required()}
    assert required == {"name"}


@given(st.lists(st.sampled_from(sorted(SINGLE_KEYS)), max_size=4))
def test_a_config_of_few_keys_is_recorded_complete(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str]
) -> None:
    given: dict[str, Any] = {}
    for key in keys:
        given |= SINGLE_KEYS[key][1] | {key: SINGLE_KEYS[key][0]}
    assume(not {"data.validation", "data.folds"} <= given.keys())
    assume(not {"engine", "numerics"} <= given.keys())
    path = tmp_path_factory.getbasetemp() / "few.yaml"
    path.write_text(_nested(given))
    config = load_config(path)
    text = to_yaml(config)
    path.write_text(text)
    assert load_recorded(path, path.read_bytes()) == config
    recorded = [line.split(":")[0] for line in text.splitlines() if line[0] != " "]
    assert recorded == list(Config.model_fields)


@pytest.mark.parametrize("weights", ["none", "null", "balanced", "{setosa: 2, '1': 0.5, 'no': 1e300}"])
def test_weights_of_classes_are_read_and_recorded(tmp_path: Path, weights: str) -> None:
    mapping = {"setosa": 2.0, "1": 0.5, "no": 1e300}
    expected = {"none": "none", "null": "none", "balanced": "balanced"}.get(weights, mapping)
    config = load_config(None, [f"class_weight={weights}"])
    assert config.class_weight == expected
    assert load_recorded(Path("config.yaml"), to_yaml(config).encode()) == config
    assert load_config(config, seed=1).class_weight == expected
    assert load_config(None, class_weight=expected) == config


@pytest.mark.parametrize("weights", ["0", "{}", "{a: 0}", "{a: -1}", "{a: .inf}", "{a: x}", "[1, 2]", "true"])
def test_weights_that_are_none(weights: str) -> None:
    wanted = "is not one of none, balanced, or a mapping of class names to numbers greater than 0"
    with pytest.raises(Problems, match=f"class_weight: .* {wanted}"):
        load_config(None, [f"class_weight={weights}"])


@pytest.mark.parametrize("lines", [0, 1, 7])
def test_a_recorded_config_is_complete(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("".join(to_yaml(Config()).splitlines(keepends=True)[:lines]))
    assert load_config(path) == Config()
    with pytest.raises(ConfigError, match=r"config\.yaml is not as irisbp writes it"):
        load_recorded(path, path.read_bytes())


def test_every_problem_is_listed_with_its_place(tmp_path: Path) -> None:
    text = (
        "seed: -1\nlr: 0.1\nepochs: 0\ninitializer: nromal\noptimizer: {name: sgd, beta1: 0.8}\n"
        "network: {hidden: [3, 0, yes], activation: sigmoyd}\ndata: {shufle: once}\nrecord: no\n"
    )
    assert _problems(tmp_path, text) == [
        "c.yaml:1:7: seed: -1 is not a whole number from 0 to 2147483647 (with rng: r)",
        "c.yaml:3:9: epochs: 0 is not a whole number from 1 to 1000000000",
        'c.yaml:4:14: initializer: "nromal" is not one of ' + INITIALIZERS + "; did you mean normal?",
        "c.yaml:5:24: optimizer.beta1: not an option of sgd, only of adam, adamw, nadam; options of sgd:"
        " momentum, nesterov",
        "c.yaml:6:23: network.hidden[1]: 0 is not allowed in a list of up to 100 layer widths, such as [3]"
        " or [8, 4], each a whole number from 1 to 1000000",
        'c.yaml:6:26: network.hidden[2]: "yes" is not allowed in a list of up to 100 layer widths, such as'
        " [3] or [8, 4], each a whole number from 1 to 1000000",
        'c.yaml:6:44: network.activation: "sigmoyd" is not one of sigmoid, tanh, relu, leaky_relu, softplus,'
        " identity; did you mean sigmoid?",
        "c.yaml:7:8: unknown key data.shufle; did you mean data.shuffle?",
        'c.yaml:8:9: record: "no" is not one of steps, epochs',
        "c.yaml:2:1: unknown key lr; did you mean learning_rate?",
    ]


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("seed=true", "seed: true is not a whole number from 0"),
        ("seed='3'", 'seed: "3" is not a whole number'),
        ("seed=3.0", "seed: 3.0 is not a whole number"),
        ("seed=", "seed: null is not a whole number"),
        (
            "seed=9223372036854775808",
            "seed: 9223372036854775808 is not a whole number from 0 to 2147483647 (",
        ),
        ("learning_rate=0", "learning_rate: 0 is not a number greater than 0"),
        ("learning_rate=.inf", "learning_rate: .inf is not a number"),
        ("learning_rate=.nan", "learning_rate: .nan is not a number"),
        (
            "schedule.every=3",
            "schedule.every: not an option of constant, only of step; options of constant: w",
        ),
        ("learning_rate=1e999", "1e999 is beyond the range of float64"),
        ("learning_rate=yes", 'learning_rate: "yes" is not a number'),
        ("learning_rate=true", "learning_rate: true is not a number"),
        ("epochs=1e12", "epochs: 1000000000000.0 is not a whole number from 1 to"),
        ("epochs=1000000000000", "epochs: 1000000000000 is not a whole number from 1 to"),
        ("optimizer=admm", f'optimizer: "admm" is not one of {OPTIMIZERS}; did you mean adam?'),
        ("optimizer=", f"optimizer: null is not one of {OPTIMIZERS}, or a mapping"),
        ("optimizer={name: null}", f"optimizer: null is not one of {OPTIMIZERS}"),
        ("optimizer={name: {}}", f"optimizer: {{}} is not one of {OPTIMIZERS}"),
        ("optimizer={nmae: adam}", "optimizer.nmae: not an option of sgd; did you mean name?"),
        (
            "optimizer={beta1: 0.5}",
            "optimizer.beta1: not an option of sgd, only of adam, adamw, nadam; options",
        ),
        ("optimizer=[adam]", f'optimizer: ["adam"] is not one of {OPTIMIZERS}, or a mapping'),
        ("optimizer={name: adam, beta1: 1}", "optimizer.beta1: 1 is not a number from 0 to below 1"),
        ("optimizer={name: adam, eps: 1}", "optimizer.eps: not an option of adam; did you mean epsilon?"),
        ("initializer={name: normal, sd: 0}", "initializer.sd: 0 is not a number greater than 0"),
        ("initializer={name: normal, bias: no}", 'initializer.bias: "no" is not one of drawn, zeros'),
        (
            "initializer.gain=2",
            "initializer.gain: not an option of normal, only of glorot_uniform, glorot_normal, he_",
        ),
        ("network.hidden=3", "network.hidden: 3 is not a list of up to 100 layer widths"),
        ("network.hidden=[1e1]", "network.hidden[0]: 10.0 is not allowed in a list"),
        ("network.width=3", "unknown key network.width; known keys: hidden, activation"),
        ("network=3", "network: 3 is not a mapping"),
        ("seed.x=3", "seed is not a mapping"),
        ("data.shuffle=evry_epoch", 'data.shuffle: "evry_epoch" is not one of once, every_epoch, never; did'),
        ("wibble=3", "unknown key wibble; known keys: seed, rng, learning_rate, epochs,"),
        ("rng=R", 'rng: "R" is not one of numpy, r; did you mean r?'),
        ("hidden=[3]", "unknown key hidden; did you mean network.hidden?"),
        ("hidden_layer_sizes=[3]", "unknown key hidden_layer_sizes; did you mean network.hidden?"),
        ("shufle=once", "unknown key shufle; did you mean data.shuffle?"),
        ("beta1=0.8", "unknown key beta1; did you mean optimizer.beta1?"),
        ("optimizer..name=adam", "a key is words joined by single dots, such as optimizer.beta1"),
        ("seed=&a 3", "anchors and aliases are not allowed"),
        ("batch_size=0", "batch_size: 0 is not a whole number of samples from 1, or all"),
        (
            "batch_size=al",
            'batch_size: "al" is not a whole number of samples from 1, or all; did you mean all?',
        ),
        ("l2=-1", "l2: -1 is not a number from 0"),
        ("clip_norm=0", "clip_norm: 0 is not a number greater than 0 (or null, for no clipping)"),
        ("schedule={name: step, ever: 3}", "schedule.ever: not an option of step; did you mean every?"),
        ("schedule.warmup=5", "schedule.warmup: 5 is not less than epochs, 5"),
        ("optimizer.nesterov=true", "optimizer.nesterov: needs optimizer.momentum above 0"),
        ("data.validation=1", "data.validation: 1 is not the fraction of the samples to hold out"),
        ("data.folds=3", "data.folds: needs data.fold as well"),
        ("data={folds: 3, fold: 3}", "data.fold: 3 is not a fold from 0 to 2"),
        (
            "data={folds: 3, fold: 0, validation: 0.5}",
            "data.validation: not allowed together with data.folds",
        ),
        (
            "data={validation_source: v.csv, validation: 0.5}",
            "data.validation_source: not allowed together with data.validation; give one of them",
        ),
        (
            "data={validation_source: v.csv, folds: 3, fold: 0}",
            "data.validation_source: not allowed together with data.folds; give one of them",
        ),
        ("data.validation_source=-", "data.validation_source: stdin cannot be it; give a file"),
        ("data.source=x.csv", "data.source: needs data.target, the column that holds the classes"),
        ("data.target=x", "data.target: needs data.source; the columns of iris are fixed"),
        (
            "data.features=[1.5]",
            "data.features[0]: 1.5 is not allowed in a list with the names of one or more col",
        ),
        ("early_stopping=3", "early_stopping: 3 is not a mapping, such as {patience: 10} (or null, to"),
        ("early_stopping.patience=3", "early_stopping: needs held-out samples to monitor; set data.val"),
        ("early_stopping={min_delta: -1}", "early_stopping.min_delta: -1 is not a number from 0"),
        ("engine={}", "engine: {} is not one of plain, compiled"),
        ("patience=3", "unknown key patience; did you mean early_stopping.patience?"),
        ("seed={", "not valid YAML"),
    ],
)
def test_overrides_are_checked_alike(tmp_path: Path, override: str, problem: str) -> None:
    problems = _problems(tmp_path, FIVE, override)
    assert len(problems) == 1
    assert problems[0].startswith(f"argument {override}: {problem}")


@pytest.mark.parametrize("rng", ["rng: r\n", ""])
def test_largest_seed_depends_on_the_generator(tmp_path: Path, rng: str) -> None:
    problems = _problems(tmp_path, FIVE.replace("seed: 0", "seed: 2147483648") + rng)
    message = "c.yaml:1:7: seed: {} is not a whole number from 0 to 2147483647 (with rng: r)"
    assert problems == [message.format(2147483648)]
    problems = _problems(tmp_path, FIVE.replace("seed: 0", "seed: -1") + rng)
    assert problems == [message.format(-1)]
    problems = _problems(tmp_path, FIVE.replace("seed: 0", "seed: -1") + "rng: numpy\n")
    assert problems == ["c.yaml:1:7: seed: -1 is not a whole number from 0 to 9223372036854775807"]
    assert load_config(CONFIGS / "article.yaml", ["seed=2147483647"]).seed == 2**31 - 1
    assert load_config(CONFIGS / "glorot-adam.yaml", ["seed=9223372036854775807"]).seed == 2**63 - 1


def test_what_is_refused_hides_nothing_else(tmp_path: Path) -> None:
    text = FIVE + "seed: 1\nlr: &a 0\nrecord: *a\n"
    assert _problems(tmp_path, text, "epochs=0", "seed=2147483648", "rng=r") == [
        "c.yaml:6:1: duplicate key seed, first given at c.yaml:1:1",
        "c.yaml:7:5: anchors and aliases are not allowed",
        "c.yaml:8:9: anchors and aliases are not allowed",
        "argument epochs=0: epochs: 0 is not a whole number from 1 to 1000000000",
        "argument seed=2147483648: seed: 2147483648 is not a whole number from 0 to 2147483647 (with rng: r)",
    ]


def test_an_override_takes_the_place_of_what_was_wrong_there(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(FIVE.replace("optimizer: sgd", "optimizer: {name: sgd, beta1: 3}"))
    assert load_config(path, ["optimizer=sgd"]).optimizer.name == "sgd"
    problems = _problems(tmp_path, f"{FIVE}network: {{hidden: [0]}}\n", "network.hidden=[true]")
    assert problems[0].startswith("argument network.hidden=[true]: network.hidden[0]: true")


def test_a_thousand_problems_are_not_all_listed(tmp_path: Path) -> None:
    problems = _problems(tmp_path, FIVE + "".join(f"k{n}: 1\n" for n in range(1000)))
    assert len(problems) == 51
    assert problems[-1] == "... and 950 more"


@pytest.mark.parametrize(
    ("value", "target"),
    [("#Label", "#Label"), ("a #b", "a #b"), ("'#x'", "#x"), ('"# y"', "# y")],
)
def test_an_override_has_no_comments(value: str, target: str) -> None:
    overrides = [f"data.target={value}", "data.source=t.csv", "data.missing_values=[#N/A, '#', '?']"]
    data = load_config(None, overrides).data
    assert data.target == target
    assert data.missing_values == ("#N/A", "#", "?")


@pytest.mark.parametrize("sign", ["-", "?", "|", ">", ":", "#", "!", "&", "*", "%", "@", "`"])
def test_a_sign_alone_is_text(sign: str) -> None:
    data = load_config(None, [f"data.comment={sign}", "data.source=t.csv", "data.target= y "]).data
    assert (data.comment, data.target) == (sign, "y")
    assert load_config(None, ["data.target=~"]).data.target is None


def test_a_number_before_a_hash_sign_is_no_number() -> None:
    with pytest.raises(Problems, match=re.escape('epochs: "3 # few" is not a whole number')):
        load_config(None, ["epochs=3 # few"])


def test_the_message_about_an_override_has_its_hash_sign() -> None:
    with pytest.raises(ConfigError, match=re.escape("argument seed=[#: #: not valid YAML")):
        load_config(None, ["seed=[#: #"])


def test_an_override_of_characters_in_private_use_is_read_as_it_is() -> None:
    every = "".join(map(chr, range(0xE000, 0xF900)))
    for target in ("\ue000#\ue001", every):
        assert load_config(None, [f"data.target={target}", "data.source=t.csv"]).data.target == target


def test_overrides_win_and_reach_into_choices(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(FIVE)
    config = load_config(
        path, ["seed=3", "optimizer.name=adam", "optimizer.beta1=8e-1", "network.hidden=[8, 4]"]
    )
    assert config.seed == 3
    assert config.optimizer.model_dump() == {
        "name": "adam", "beta1": 0.8, "beta2": 0.999, "epsilon": 1e-8, "amsgrad": False,
    }  # fmt: skip
    assert config.network.hidden == (8, 4)
    assert config.learning_rate == 0.1


@pytest.mark.parametrize("text", ["- 1\n", "seed\n", "3\n"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    assert _problems(tmp_path, text) == [
        "c.yaml: not a mapping; a config is lines of `key: value`"
        " (a table is given by keys: data.source=FILE data.target=COLUMN)"
    ]


def test_arguments() -> None:
    assert split_arguments([]) == (None, [])
    assert split_arguments(["a.yaml", "seed=1"]) == (Path("a.yaml"), ["seed=1"])
    assert split_arguments(["seed=1", "optimizer.name=adam"]) == (None, ["seed=1", "optimizer.name=adam"])
    assert split_arguments(["./x=1.yaml"]) == (Path("./x=1.yaml"), [])
    with pytest.raises(ConfigError, match=r"argument b\.yaml: not KEY=VALUE"):
        split_arguments(["a.yaml", "b.yaml"])


_positive = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)
_below_1 = st.floats(min_value=0, max_value=1, exclude_max=True)
_bias = st.sampled_from(["drawn", "zeros"])
configs = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**31 - 1),
        "rng": st.sampled_from(["numpy", "r"]),
        "learning_rate": _positive,
        "epochs": st.integers(1, 10**9),
        "initializer": st.fixed_dictionaries({"name": st.just("normal"), "sd": _positive, "bias": _bias})
        | st.fixed_dictionaries({"name": st.just("glorot_uniform"), "gain": _positive, "bias": _bias}),
        "optimizer": st.just({"name": "sgd"})
        | st.fixed_dictionaries(
            {"name": st.just("adam"), "beta1": _below_1, "beta2": _below_1, "epsilon": _positive}
        ),
        "network": st.fixed_dictionaries({"hidden": st.lists(st.integers(1, 10**6), max_size=3)}),
        "data": st.fixed_dictionaries({"shuffle": st.sampled_from(["once", "every_epoch", "never"])}),
        "record": st.sampled_from(["steps", "epochs"]),
    }
).map(Config.model_validate)


@given(configs)
def test_a_resolved_config_reads_back_equal(tmp_path_factory: pytest.TempPathFactory, config: Config) -> None:
    path = tmp_path_factory.getbasetemp() / "resolved.yaml"
    path.write_text(to_yaml(config))
    assert load_config(path) == config


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_configs_that_come_along_are_valid_and_commented(path: Path) -> None:
    load_config(path)
    assert all("#" in line for line in path.read_text().splitlines() if not line.endswith(":"))
