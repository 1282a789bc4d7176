"""The readouts against brute force: labels written into images by hand, plain torch in float64."""

import pytest
import support
import torch

from ff_utils import RunConfig, load
from ff_utils.labels import NEUTRAL, inject
from ff_utils.network import Network, Pass
from ff_utils.readout import Head, Standardizer, error_percent, evaluate, one_image
from ff_utils.trainer import Trainer

RECIPES = {
    "the paper's": {},
    "hinton's": {"normalization": "rms", "input_normalization": "rms"},
    "every layer": {"goodness_from": 1, "input_normalization": "l2", "bias": False},
    "the last layer": {"goodness_from": 3},
    "averaged weights": {"weight_averaging": 0.95},
    "a standardized head": {"head_inputs": "standardized"},
}


@pytest.fixture(scope="module", params=RECIPES, ids=str)
def trained(request):
    """A trained net, images in 0..1 and whether the averaged weights are read."""
    config = RunConfig(
        dataset="digits", hidden=(24, 20, 28), theta=10.0, lr=0.001, head_lr=0.01, batch_size=50, init_scale=2.0,
        **RECIPES[request.param],
    )  # fmt: skip
    trainer = Trainer(config, load("digits"), torch.float64)
    trainer.run_epoch()
    return trainer, config.weight_averaging > 0


def read_out(trainer, **options):
    part = trainer.validation
    pixels = part.images.flatten(1)
    found = evaluate(trainer.network, trainer.head, pixels, part.labels, search=True, dtype=torch.float64, **options)
    return found, pixels.double() / 255, part.labels.long()


def test_label_search_and_every_layer(trained):
    trainer, averaged = trained
    found, images, _ = read_out(trainer, batch_size=100)
    goodness = support.plain_goodness(trainer.network, images, averaged)
    expected = goodness[trainer.config.goodness_from - 1 :].sum(0).argmax(1)
    assert found.label_search.tolist() == expected.tolist()
    assert found.layers.tolist() == goodness.argmax(2).tolist()
    assert len(set(expected.tolist())) > 3


def test_one_pass(trained):
    trainer, averaged = trained
    found, images, _ = read_out(trainer)
    expected = support.plain_head(trainer.network, trainer.head, images, averaged).argmax(1)
    assert found.one_pass.tolist() == expected.tolist()
    assert len(set(expected.tolist())) > 3


def test_how_alike_images_look_under_the_neutral_label(trained):
    trainer, averaged = trained
    found, images, _ = read_out(trainer, batch_size=100)
    neutral = inject(images, torch.full((len(images),), NEUTRAL))
    for share, y in zip(found.alike, support.plain_forward(trainer.network, neutral, averaged), strict=True):
        features = y / y.square().mean(1, keepdim=True).sqrt()
        # The cosine between any two images, on average.
        expected = (features @ features.t() / features.shape[1]).mean()
        assert share == pytest.approx(float(expected), rel=1e-4)
        assert 0 < share < 1


def test_a_standardizer_follows_mean_and_mean_square():
    batches = torch.randn(30, 50, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 3
    standardize = Standardizer(torch.zeros(8, dtype=torch.float64))
    for batch in batches[:5]:
        standardize.observe(batch)
    # At first every batch counts the same.
    torch.testing.assert_close(standardize.mean, batches[:5].mean((0, 1)))
    wide = Standardizer(torch.zeros(8, dtype=torch.float64))
    for batch in batches[:5]:
        wide.observe(10 * batch)
    assert wide.square.item() == pytest.approx(100, rel=0.1)
    for batch in batches[5:] + 4:
        standardize.observe(batch)
    drifted = standardize(batches[-10:].flatten(0, 1) + 4)
    assert drifted.mean(0).abs().max() < 3  # Twenty-five batches after a step of 4: it has followed most of the way,
    assert (standardize.mean > 5.5).all()  # and forgotten most of what was before.
    assert 0.3 < drifted.square().mean() < 3


def test_a_standardized_head_learns_where_all_images_look_alike():
    """The features of all images share one long part, as a net's under the neutral label may."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (2000,), generator=generator)
    prototypes = torch.randn(10, 200, generator=generator)
    y = 50 + prototypes[labels] + 0.3 * torch.randn(2000, 200, generator=generator)
    errors = {}
    for inputs in ("scaled", "standardized"):
        config = RunConfig(dataset="digits", hidden=(20, 200), head_inputs=inputs)
        network = Network(config, 64, 10, torch.float32, generator)
        head = Head(config, network)
        rates = Trainer(config, load("digits"), torch.float32)._rates(1.0)[2]
        for rows in torch.randperm(2000, generator=generator).repeat(4).split(100):
            activities = [torch.zeros(len(rows), 20), y[rows]]
            squares = [a.square().sum(1) for a in activities]
            neutral = Pass(torch.full((1, len(rows)), 10), activities, squares, squares, [])
            head.update(neutral, head.logits(neutral), labels[rows], rates)
        everything = [torch.zeros(2000, 20), y]
        squares = [a.square().sum(1) for a in everything]
        found = head.logits(Pass(torch.full((1, 2000), 10), everything, squares, squares, [])).argmax(1)
        errors[inputs] = error_percent(found, labels)
    assert errors["standardized"] < 1
    assert errors["scaled"] > 20


def test_unit_activities_are_those_under_the_true_label(trained):
    trainer, averaged = trained
    found, images, labels = read_out(trainer, batch_size=100)
    for i, (activity, active) in enumerate(zip(found.activity, found.active, strict=True)):
        under_truth = torch.empty(len(images), len(activity), dtype=torch.float64)
        for c in range(10):
            mine = labels == c
            x = support.labelled(images[mine], c)
            under_truth[mine] = support.plain_forward(trainer.network, x, averaged)[i]
        torch.testing.assert_close(activity.double(), under_truth.mean(0), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(active.double(), (under_truth > 0).double().mean(0), rtol=1e-5, atol=0)


def test_the_scores_of_one_image(trained):
    trainer, _ = trained
    image = trainer.validation.images[7].flatten()
    scores, goodness = one_image(trainer.network, image)
    expected = support.plain_goodness(trainer.network, image[None].double() / 255)[:, 0]
    torch.testing.assert_close(goodness, expected)
    torch.testing.assert_close(scores, expected[trainer.config.goodness_from - 1 :].sum(0))


def test_an_injected_label_leaves_all_other_pixels_alone():
    images = torch.rand(10, 784, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    written = inject(images, torch.arange(10))
    assert (images == before).all()
    assert (written[:, 10:] == before[:, 10:]).all()
    assert (written[:, :10] == torch.eye(10)).all()


def test_the_neutral_label_is_ten_tenths():
    images = torch.rand(3, 784, generator=torch.Generator().manual_seed(0))
    written = inject(images, torch.full((len(images),), NEUTRAL))
    assert (written[:, :10] == 0.1).all()
    assert (written[:, 10:] == images[:, 10:]).all()


def test_errors_are_in_percent():
    assert error_percent(torch.tensor([1, 2, 3, 4]), torch.tensor([1, 2, 3, 5])) == 25.0
