"""Configs: every problem at once, at its place, in words that help."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irisbp.config.load import load_config, split_arguments, to_yaml
from irisbp.config.schema import Config
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


def test_five_lines_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(FIVE)
    config = load_config(path)
    assert config.model_dump() == {
        "seed": 0,
        "rng": "numpy",
        "learning_rate": 0.1,
        "epochs": 5,
        "initializer": {"name": "normal", "sd": 1.0, "bias": "drawn"},
        "optimizer": {"name": "sgd", "momentum": 0.0, "nesterov": False},
        "schedule": {"name": "constant", "warmup": 0},
        "batch_size": 1,
        "reduction": "mean",
        "l2": 0.0,
        "numerics": "native",
        "clip_norm": None,
        "network": {"hidden": (3,), "activation": "sigmoid"},
        "data": {
            "source": None,
            "target": None,
            "features": None,
            "shuffle": "once",
            "validation": None,
            "folds": None,
            "fold": None,
        },
        "early_stopping": None,
        "engine": "plain",
        "record": "steps",
        "checkpoint_every": {"epochs": None, "steps": None},
    }


def test_without_a_file_it_is_the_articles_run() -> None:
    assert load_config(None) == load_config(CONFIGS / "article.yaml")


def test_every_problem_is_listed_with_its_place(tmp_path: Path) -> None:
    text = (
        "seed: -1\nlr: 0.1\nepochs: 0\ninitializer: nromal\noptimizer: {name: sgd, beta1: 0.8}\n"
        "network: {hidden: [3, 0, yes], activation: sigmoyd}\ndata: {shufle: once}\nrecord: no\n"
    )
    assert _problems(tmp_path, text) == [
        "c.yaml:1:7: seed: -1 is not a whole number from 0 to 9223372036854775807",
        "c.yaml:1:1: missing key learning_rate: a number greater than 0, such as 0.1",
        "c.yaml:3:9: epochs: 0 is not a whole number from 1 to 1000000000",
        'c.yaml:4:14: initializer: "nromal" is not one of ' + INITIALIZERS + "; did you mean normal?",
        "c.yaml:5:24: optimizer.beta1: sgd has no such option (it is one of adam, adamw, nadam); its options:"
        " momentum, nesterov",
        "c.yaml:6:23: network.hidden[1]: 0 cannot stand in a list of up to 100 layer widths, such as [3]"
        " or [8, 4], each a whole number from 1 to 1000000",
        'c.yaml:6:26: network.hidden[2]: "yes" cannot stand in a list of up to 100 layer widths, such as [3]'
        " or [8, 4], each a whole number from 1 to 1000000",
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
        ("seed=", "seed: nothing is not a whole number"),
        ("seed=9223372036854775808", "seed: 9223372036854775808 is not"),
        ("learning_rate=0", "learning_rate: 0 is not a number greater than 0"),
        ("learning_rate=.inf", "learning_rate: .inf is not a number"),
        ("learning_rate=.nan", "learning_rate: .nan is not a number"),
        ("schedule.every=3", "schedule.every: constant has no such option (it is one of step)"),
        ("learning_rate=1e999", "1e999 is beyond the range of float64"),
        ("learning_rate=yes", 'learning_rate: "yes" is not a number'),
        ("learning_rate=true", "learning_rate: true is not a number"),
        ("epochs=1e12", "epochs: 1000000000000.0 is not a whole number from 1 to"),
        ("epochs=1000000000000", "epochs: 1000000000000 is not a whole number from 1 to"),
        ("optimizer=admm", f'optimizer: "admm" is not one of {OPTIMIZERS}; did you mean adam?'),
        ("optimizer={beta1: 0.5}", f"missing key optimizer.name: one of {OPTIMIZERS}"),
        ("optimizer=[adam]", f'optimizer: ["adam"] is not one of {OPTIMIZERS}, or a mapping'),
        ("optimizer={name: adam, beta1: 1}", "optimizer.beta1: 1 is not a number from 0 to below 1"),
        ("optimizer={name: adam, eps: 1}", "optimizer.eps: adam has no such option; did you mean epsilon?"),
        ("initializer={name: normal, sd: 0}", "initializer.sd: 0 is not a number greater than 0"),
        ("initializer={name: normal, bias: no}", 'initializer.bias: "no" is not one of drawn, zeros'),
        (
            "initializer.gain=2",
            "initializer.gain: normal has no such option (it is one of glorot_uniform, glorot_normal, he_",
        ),
        ("network.hidden=3", "network.hidden: 3 is not a list of up to 100 layer widths"),
        ("network.hidden=[1e1]", "network.hidden[0]: 10.0 cannot stand in a list"),
        ("network.width=3", "unknown key network.width; known here: hidden, activation"),
        ("network=3", "network: 3 is not a mapping"),
        ("seed.x=3", "seed is not a mapping"),
        ("data.shuffle=evry_epoch", 'data.shuffle: "evry_epoch" is not one of once, every_epoch, never; did'),
        ("wibble=3", "unknown key wibble; known here: seed, rng, learning_rate, epochs,"),
        ("rng=R", 'rng: "R" is not one of numpy, r; did you mean r?'),
        ("hidden=[3]", "unknown key hidden; did you mean network.hidden?"),
        ("hidden_layer_sizes=[3]", "unknown key hidden_layer_sizes; did you mean network.hidden?"),
        ("shufle=once", "unknown key shufle; did you mean data.shuffle?"),
        ("beta1=0.8", "unknown key beta1; did you mean optimizer.beta1?"),
        ("optimizer..name=adam", "a key is words with single dots between them"),
        ("seed=&a 3", "anchors and aliases are not read here"),
        ("batch_size=0", "batch_size: 0 is not a whole number of samples from 1, or all"),
        (
            "batch_size=al",
            'batch_size: "al" is not a whole number of samples from 1, or all; did you mean all?',
        ),
        ("l2=-1", "l2: -1 is not a number from 0"),
        ("clip_norm=0", "clip_norm: 0 is not a number greater than 0 (or nothing, not to clip)"),
        ("schedule={name: step, ever: 3}", "schedule.ever: step has no such option; did you mean every?"),
        ("schedule.warmup=5", "schedule.warmup: 5 is not below epochs, 5"),
        ("optimizer.nesterov=true", "optimizer.nesterov: needs a momentum above 0"),
        ("data.validation=1", "data.validation: 1 is not the part of the samples to hold out"),
        ("data.folds=3", "data.folds: needs data.fold beside it"),
        ("data={folds: 3, fold: 3}", "data.fold: 3 is not a fold from 0 to 2"),
        ("data={folds: 3, fold: 0, validation: 0.5}", "data.validation: cannot stand beside data.folds"),
        ("data.source=x.csv", "data.source: needs data.target, the column that holds the classes"),
        ("data.target=x", "data.target: needs data.source; iris has its own"),
        ("data.features=[1]", "data.features[0]: 1 cannot stand in a list of the names of number columns"),
        ("early_stopping=3", "early_stopping: 3 is not a mapping with at least patience"),
        ("early_stopping.patience=3", "early_stopping: monitors validation samples; give data.validation"),
        ("early_stopping={min_delta: 1}", "missing key early_stopping.patience: a whole number from 1"),
        ("patience=3", "unknown key patience; did you mean early_stopping.patience?"),
        ("seed={", "not YAML"),
    ],
)
def test_overrides_are_checked_alike(tmp_path: Path, override: str, problem: str) -> None:
    problems = _problems(tmp_path, FIVE, override)
    assert len(problems) == 1
    assert problems[0].startswith(f"argument {override}: {problem}")


def test_largest_seed_depends_on_the_generator(tmp_path: Path) -> None:
    problems = _problems(tmp_path, FIVE.replace("seed: 0", "seed: 2147483648") + "rng: r\n")
    message = "c.yaml:1:7: seed: {} is not a whole number from 0 to 2147483647 (with rng: r)"
    assert problems == [message.format(2147483648)]
    problems = _problems(tmp_path, FIVE.replace("seed: 0", "seed: -1") + "rng: r\n")
    assert problems == [message.format(-1)]
    assert load_config(CONFIGS / "article.yaml", ["seed=2147483647"]).seed == 2**31 - 1
    assert load_config(CONFIGS / "glorot-adam.yaml", ["seed=9223372036854775807"]).seed == 2**63 - 1


def test_what_is_refused_hides_nothing_else(tmp_path: Path) -> None:
    text = FIVE + "seed: 1\nlr: &a 0\nrecord: *a\n"
    assert _problems(tmp_path, text, "epochs=0", "seed=2147483648", "rng=r") == [
        "c.yaml:6:1: duplicate key seed, first given at c.yaml:1:1",
        "c.yaml:7:5: anchors and aliases are not read here",
        "c.yaml:8:9: anchors and aliases are not read here",
        "argument epochs=0: epochs: 0 is not a whole number from 1 to 1000000000",
        "argument seed=2147483648: seed: 2147483648 is not a whole number from 0 to 2147483647 (with rng: r)",
    ]


def test_an_override_takes_the_place_of_what_was_wrong_there(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(FIVE.replace("optimizer: sgd", "optimizer: {name: sgd, beta1: 3}"))
    assert load_config(path, ["optimizer=sgd"]).optimizer.name == "sgd"
    problems = _problems(tmp_path, FIVE, "network={hidden: [0]}", "network.hidden=[true]")
    assert problems[0].startswith("argument network.hidden=[true]: network.hidden[0]: true")


def test_a_thousand_problems_are_not_all_listed(tmp_path: Path) -> None:
    problems = _problems(tmp_path, FIVE + "".join(f"k{n}: 1\n" for n in range(1000)))
    assert len(problems) == 51
    assert problems[-1] == "... and 950 more"


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


def test_an_override_supplies_a_missing_key(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(FIVE.replace("seed: 0\n", ""))
    assert load_config(path, ["seed=9"]).seed == 9


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file(tmp_path: Path, text: str) -> None:
    assert _problems(tmp_path, text) == [
        "c.yaml: empty; a config gives at least seed, learning_rate, epochs, initializer, optimizer"
    ]


@pytest.mark.parametrize("text", ["- 1\n", "seed\n", "3\n"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    assert _problems(tmp_path, text) == ["c.yaml: not a mapping; a config is lines of `key: value`"]


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
