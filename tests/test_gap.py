"""What lies between the two recipes: the costume is exact, and the ladder leads from one recipe to the other."""

import pytest
import support
import torch

from ff_utils import RunConfig, costumes, load, recipe, studies
from ff_utils.reporting import ladder
from ff_utils.studies import collecting, gap
from ff_utils.trainer import Trainer

DIGITS = {"dataset": "digits", "hidden": (160, 120, 80), "theta": (3.0, 2.0, 1.0), "lr": 0.02, "batch_size": 100}


@pytest.mark.parametrize("scale", [1.0, 17.0])
@pytest.mark.parametrize("negatives", ["random", "one_pass_sampled"])  # A search has ties, which rounding decides.
def test_a_costume_trains_identically(scale, negatives):
    config = RunConfig(**DIGITS, negatives=negatives, layer_reduction="sum")
    nets = [Trainer(c, load("digits"), torch.float64) for c in (config, costumes.costume(config, scale))]
    for plain, dressed, n in zip(nets[0].network.layers, nets[1].network.layers, (1, 160, 120), strict=True):
        # Weights are drawn in float32; the identity is about exact numbers.
        dressed.weight.value.copy_(plain.weight.value * (scale / n) ** 0.5)
    for trainer in nets:
        for _ in range(3):
            trainer.run_epoch()
    for plain, dressed, n in zip(nets[0].network.layers, nets[1].network.layers, (1, 160, 120), strict=True):
        torch.testing.assert_close(dressed.weight.value / (scale / n) ** 0.5, plain.weight.value, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(dressed.bias.value / scale**0.5, plain.bias.value, rtol=1e-7, atol=1e-9)
    found = [trainer.evaluate("validation", search=True).label_search for trainer in nets]
    assert (found[0] == found[1]).all()
    assert nets[0].network.layers[1].weight.velocity.abs().max() > 1e-6  # They did learn.


@pytest.mark.parametrize(
    "change",
    [
        {"normalization": "rms"},
        {"weight_decay": 0.1},
        {"lr": (0.1, 0.2, 0.3)},
        {"goodness": "other"},
        {"optimizer": "orthogonal"},
    ],
)
def test_what_has_no_costume_is_refused(change):
    with pytest.raises(ValueError):
        costumes.costume(RunConfig(**{**DIGITS, **change}))


def test_the_ladder_leads_from_one_recipe_to_the_other():
    profile = studies.profile_named("paper")
    first, last = gap.between(profile, ()), gap.between(profile, gap.FACTORS)
    code = recipe("hinton", decay_from=5, decay_to=10, bias_lr=0.001)
    assert last == code.vary(lr=last.lr, init_scale=last.init_scale, bias_lr=last.bias_lr)
    assert (last.lr, last.bias_lr, last.init_scale) == (0.001, 0.001, 1.0)
    # As A's published net in B's units, but for the number of layers and units.
    dressed = costumes.costume(profile.hard_start.vary(layer_reduction="sum"), 2000 / 112)
    shown = {"hidden", "theta", "lr", "init_scale", "weight_decay_form"}  # The last says nothing: nothing decays.
    assert not set(first.differences(dressed)) - shown and first.theta == 1000
    assert first.lr == pytest.approx(dressed.lr[:3]) and first.init_scale == pytest.approx(dressed.init_scale[:3])


def test_the_parts_of_the_ladder_add_up_to_the_whole(monkeypatch):
    support.skip_drawing(monkeypatch)
    study = studies.get("ladder", "quick")
    errors = {key: 90.0 - 2 * i + i % 3 for i, key in enumerate(study.keys)}
    for cell, planned in study.runs():
        error = errors[cell.settings["change"]]
        support.store_run(planned.config, [{}] * (planned.epochs - 1) + [{"val_label_search_error": error}])
    collected = collecting.collect(study)
    parts = ladder.parts(collected)
    assert [*parts] == ["scales", "batch", "negatives", "peer", "decay", "schedule"]
    added = sum(ways["added"].mean for ways in parts.values())
    assert added == pytest.approx(errors["ends: B"] - errors["ends: A"])
    assert parts["scales"]["in company"].mean == pytest.approx(errors["ends: B"] - errors["removed: scales"])
    assert list(ladder.answer(collected).index) == [*parts]


def test_every_factor_of_the_ladder_changes_something():
    profile = studies.profile_named("paper")
    ends = [gap.between(profile, ()), gap.between(profile, gap.FACTORS)]
    for factor in gap.FACTORS:
        assert gap.between(profile, {factor}) != ends[0]
        assert gap.between(profile, set(gap.FACTORS) - {factor}) != ends[1]
