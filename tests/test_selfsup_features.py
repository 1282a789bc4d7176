"""Transfer, embeddings and what is stored of them."""

import numpy as np
import pytest
import support
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from ff_utils import RunConfig, load, train
from ff_utils.readout import error_percent
from ff_utils.selfsup import embedding, transfer
from ff_utils.trainer import Trainer


@pytest.fixture
def trainer(small):
    return Trainer(RunConfig(**small, pretext="rotation", init="normal"), load("digits"), torch.float32)


def test_features_are_the_activities_under_the_neutral_label_at_mean_square_one(trainer):
    images = trainer.splits.test.images[:20]
    found = trainer.features(images, torch.float32)
    x = images.flatten(1).float() / 255
    x[:, :4] = 0.25  # Of four classes.
    expected = support.plain_forward(trainer.network, x)
    for ours, y in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, y / y.square().mean(1, keepdim=True).sqrt(), rtol=1e-4, atol=1e-5)


def test_features_of_averaged_weights(small):
    config = RunConfig(**small, pretext="rotation", init="normal", weight_averaging=0.9)
    trainer = Trainer(config, load("digits"), torch.float64)
    trainer.run_epoch()
    images = trainer.splits.test.images[:20]
    x = images.flatten(1).double() / 255
    x[:, :4] = 0.25  # Of four classes.
    last, averaged = (support.plain_forward(trainer.network, x, which)[0] for which in (False, True))
    (found, *_) = trainer.features(images, torch.float64)
    torch.testing.assert_close(found, averaged / averaged.square().mean(1, keepdim=True).sqrt())
    assert (averaged - last).abs().max() > 1e-3


def test_features_averaged_over_the_labels(trainer):
    images = trainer.splits.test.images[:20]
    x = images.flatten(1).float() / 255
    parts = []
    for label in range(4):
        x[:, :4] = torch.eye(4)[label]
        parts.append([y / y.square().mean(1, keepdim=True).sqrt() for y in support.plain_forward(trainer.network, x)])
    found = trainer.features(images, torch.float32, averaged=True)
    for ours, *labelled in zip(found, *parts, strict=True):
        torch.testing.assert_close(ours, torch.stack(labelled).mean(0), rtol=1e-4, atol=1e-5)


def test_transfer_is_scikit_learns_logistic_regression(trainer):
    splits = trainer.splits
    found = transfer.transfer(lambda images: trainer.features(images, torch.float32), splits)
    assert set(found) == {f"{p}_transfer{r}" for p in ("val", "test") for r in ("", "_layer1", "_layer2", "_layer3")}
    layers = {p: trainer.features(getattr(splits, p).images, torch.float32) for p in ("train", "test")}
    for readout, chosen in (("_layer1", slice(0, 1)), ("", slice(1, 3))):
        x, y = (torch.cat(layers[p][chosen], 1).numpy() for p in ("train", "test"))
        scaler = StandardScaler().fit(x)
        model = LogisticRegression(C=1 / (len(x) * transfer.DECAY), max_iter=2000)
        model.fit(scaler.transform(x), splits.train.labels.numpy())
        theirs = torch.from_numpy(model.predict(scaler.transform(y)))
        assert (found[f"test_transfer{readout}"] != theirs).float().mean() < 0.01
        assert error_percent(found[f"test_transfer{readout}"], splits.test.labels) < 25


def test_a_unit_that_never_changes_is_harmless():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 5)).astype(np.float32)
    labels = (x[:, 0] > 0).astype(np.uint8)
    dead = np.concatenate([x, np.zeros((200, 2), np.float32)], 1)
    assert np.array_equal(transfer.fit(x, labels).predict(x), transfer.fit(dead, labels).predict(dead))


def test_cka_is_blind_to_rotation_scale_and_shift_and_to_nothing_else():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(300, 20, generator=draw)
    rotation = torch.linalg.qr(torch.randn(20, 20, generator=draw))[0]
    assert embedding.linear_cka(x, x) == pytest.approx(1)
    assert embedding.linear_cka(x, 3 * x @ rotation + 5) == pytest.approx(1, abs=1e-5)
    stretched = x * torch.linspace(0.1, 3, 20)
    assert embedding.linear_cka(x, stretched) < 0.95
    assert embedding.linear_cka(x, stretched) == pytest.approx(embedding.linear_cka(stretched, x))
    assert embedding.linear_cka(x, torch.randn(300, 20, generator=draw)) < 0.2
    # By the definition: the normalised inner product of the centred Gram matrices.
    centring = torch.eye(300) - 1 / 300
    k, m = (centring @ a @ a.t() @ centring for a in (x, stretched))
    assert embedding.linear_cka(x, stretched) == pytest.approx(float((k * m).sum() / k.norm() / m.norm()), rel=1e-4)


def test_principal_components_keep_distances_and_cka():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(100, 30, generator=draw) @ torch.randn(30, 200, generator=draw)
    scores = embedding.principal(x)
    assert scores.shape == (100, 50)
    ours, theirs = (torch.cdist(part.double(), part.double()) for part in (scores, x))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-2)
    assert embedding.linear_cka(x, scores) == pytest.approx(1, abs=1e-5)
    assert (scores.var(0).diff() <= 1e-4).all()


def test_dimension_counts_directions():
    draw = torch.Generator().manual_seed(0)
    line = torch.randn(400, 1, generator=draw) @ torch.randn(1, 60, generator=draw)
    assert embedding.dimension(line) == pytest.approx(1)
    assert 6.5 < embedding.dimension(torch.randn(4000, 7, generator=draw)) <= 7


def test_scatter_adds_up_to_the_variance():
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (500,), generator=draw)
    x = torch.randn(500, 4, generator=draw) + 5 * torch.eye(4)[labels]
    within, between = embedding.scatter(x, labels)
    assert within + between == pytest.approx(float((x - x.mean(0)).square().sum(1).mean()), rel=1e-5)
    assert 3.5 < within < 4.5 and between > 10


def test_stroke_width_of_bars():
    images = torch.zeros(4, 28, 28, dtype=torch.uint8)
    for i, width in enumerate((2, 4, 8)):
        images[i, 2:26, 6 : 6 + width] = 255
    widths = embedding.stroke_width(images)
    assert widths[3] == 0
    assert (widths[:3].diff() > 1).all() and widths[1] == pytest.approx(4 * 1.5, abs=0.7)


def test_shifts_say_where_the_image_went():
    images = torch.zeros(60, 11, 11, dtype=torch.uint8)
    images[:, 5, 5] = 1
    moved, offsets = embedding.shifted(images, 0)
    for image, (right, down) in zip(moved, offsets.tolist(), strict=True):
        assert image[5 + down, 5 + right] == 1
    assert offsets.min() == -3 and offsets.max() == 3


def thirds(x, values):
    """Train, validation and test, as `decoded` takes them."""
    return zip(x.chunk(3), values.chunk(3), strict=True)


def test_what_is_decoded_and_what_is_not():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(1500, 10, generator=draw)
    known, unknown = x @ torch.randn(10, generator=draw), torch.randn(1500, generator=draw)
    assert embedding.decoded(*thirds(x, known)) > 0.99
    assert embedding.decoded(*thirds(x, unknown)) < 0.05


def test_wide_layers_are_decoded_with_a_penalty_that_holds_on_other_images():
    """As many units as images: without a strong penalty, what is learned from the training images is noise."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(1200, 400, generator=draw)
    noisy = x[:, :40].sum(1) + 6 * torch.randn(1200, generator=draw)
    x_train, x_test, train, test = x[:400], x[800:], noisy[:400], noisy[800:]
    weak = Ridge(alpha=0.001 * 400).fit(x_train.numpy(), train.numpy())
    assert r2_score(test.numpy(), weak.predict(x_test.numpy())) < 0 < 0.1 < embedding.decoded(*thirds(x, noisy))


def test_a_full_probe_is_stored_with_the_run(small, monkeypatch):
    support.skip_drawing(monkeypatch)
    run = train(RunConfig(**small, pretext="rotation", probe="full"), 2, progress=False)
    splits = load("digits")
    for part, images in (("val", splits.validation), ("test", splits.test)):
        predictions = torch.from_numpy(run.predictions[f"{part}_transfer_2"])
        assert run.at(2, f"{part}_transfer_error") == error_percent(predictions, images.labels) < 40
        assert np.array_equal(run.predictions[f"{part}_classes"], images.labels.numpy())
    assert run.has(2, "test_transfer_layer1_error") and run.has(2, "test_transfer_mean_error")
    assert 0 < run.at(2, "layer1_position_r2") < 1 and 0 < run.at(2, "layer1_stroke_r2") < 1
    assert run.diagnostics["embedding_layer1"].shape == (360, 50)
    assert np.array_equal(run.diagnostics["embedding_labels"], splits.test.labels.numpy())
    assert not run.has(1, "test_transfer_error")
