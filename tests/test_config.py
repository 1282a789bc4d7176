"""The run configuration: identity, files, schedule and the command that repeats a run."""

import shlex

import pytest
import yaml
from pydantic import ValidationError

from ff_utils import RECIPES, RunConfig, UserError, recipe
from ff_utils.__main__ import parse_train
from ff_utils.config import load_config, make_config, save_config
from ff_utils.recipes import command_of


def test_the_short_hash_is_stable():
    """Folder names and the place of checkpoints follow from it: a change would orphan them."""
    config = RunConfig(theta=64, seed=3)
    assert config.short_hash == RunConfig(seed=3, theta=64.0).short_hash == config.digest[:8] == "4ec42c6e"
    assert RunConfig().short_hash == "44136fa3"
    assert config.short_hash != RunConfig(theta=64, seed=4).short_hash
    assert config.vary(seed=4).vary(seed=3) == config


def test_vary_validates():
    base = recipe("paper")
    assert base.vary(theta=64).theta == 64
    assert base.theta == 112
    with pytest.raises(UserError, match="theta"):
        base.vary(theta=-1)
    with pytest.raises(UserError, match="no such field"):
        base.vary(tetha=64)


def test_a_standardized_head_needs_the_weights_themselves():
    with pytest.raises(UserError, match="weight_averaging 0"):
        recipe("hinton", head_inputs="standardized", weight_averaging=0.999)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError):
        RunConfig().theta = 3.0


def test_a_number_in_place_of_the_layers_is_refused():
    with pytest.raises(UserError, match="hidden"):
        make_config({"hidden": 5, "theta": [1.0, 1.0]})


@pytest.mark.parametrize("name", RECIPES)
def test_a_saved_configuration_is_read_back(tmp_path, name):
    config = recipe(name, theta=(1.0, 2.0, 3.0, 4.0)[: len(RECIPES[name].hidden)], dataset="größe")
    save_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config


def test_a_field_that_an_older_file_lacks_gets_its_default(tmp_path):
    values = recipe("paper", theta=64).model_dump(mode="json")
    del values["init_scale"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    assert load_config(tmp_path / "config.yaml") == recipe("paper", theta=64)


def test_the_learning_rate_falls_linearly_between_its_epochs():
    factor = RunConfig(decay_from=4, decay_to=8).learning_rate_factor
    assert [factor(epoch) for epoch in range(1, 12)] == [1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0, 0, 0]
    assert RunConfig().learning_rate_factor(1000) == 1


def test_one_number_stands_for_all_layers():
    config = RunConfig(hidden=(5, 6), theta=3.0, lr=(0.1, 0.2))
    assert config.per_layer("theta") == (3.0, 3.0)
    assert config.per_layer("lr") == (0.1, 0.2)


def test_the_same_net_is_the_same_configuration():
    hidden = (5, 6)
    assert RunConfig(hidden=hidden, theta=(3, 3), lr=[0.1, 0.1]) == RunConfig(hidden=hidden, theta=3.0, lr=0.1)
    with pytest.raises(ValidationError, match="theta has 3 values for 2 hidden layers"):
        RunConfig(hidden=hidden, theta=(3.0, 3.0, 3.0))


CHANGES = {
    "nothing": {},
    "floats": {"theta": 37.5, "momentum": 0.0, "weight_decay": 1e-05, "temperature": 0.1 + 0.2, "input_dropout": 0.1},
    "tuples": {"hidden": (64, 48, 32), "theta": (1.0, 2.5, 1e-3), "lr": (0.1, 0.02, 0.3)},
    "two layers": {"hidden": (64, 48)},
    "booleans": {"bias": False, "decay_biases": True},
    "bias_lr": {"bias_lr": 0.001},
    "choices": {
        "init": "normal",
        "normalization": "rms",
        "weight_decay_form": "decoupled",
        "head_inputs": "standardized",
    },
    "schedule": {"decay_from": 3, "decay_to": 9},
    "no schedule": {"decay_from": None, "decay_to": None},
    "integers": {"seed": 7, "jitter": 2, "warmup": 1, "batch_size": 64, "goodness_from": 1},
    "the rest": {"dropout": 0.1, "weight_averaging": 0.999, "head_lr": 0.2, "head_weight_decay": 0.0},
    "a name that the shell would split": {"dataset": "my $data; set", "negatives": "it's"},
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_the_printed_command_gives_the_same_run(name, changes):
    config = recipe(name, **{"hidden": RECIPES[name].hidden} | changes)
    python, module, package, train, *arguments = shlex.split(command_of(config, 17))
    assert (python, module, package, train) == ("python", "-m", "ff_utils", "train")
    options = parse_train(arguments)
    assert options.run == config
    assert options.epochs == 17
