"""The negative samplers against brute force."""

from types import SimpleNamespace

import pytest
import support
import torch

from ff_utils import RunConfig, Store, UserError, goodness, load, negatives, studies, train
from ff_utils.labels import CLASSES
from ff_utils.negatives import Batch, sampler
from ff_utils.studies import collecting
from ff_utils.trainer import Trainer
from ff_utils.twin import trainer_class

IMAGES = 60


@pytest.fixture(scope="module")
def trainer():
    config = RunConfig(
        dataset="digits", hidden=(24, 20, 28), theta=10.0, lr=0.001, head_lr=0.01, batch_size=50, init_scale=2.0,
        input_normalization="rms", normalization="rms",
    )  # fmt: skip
    trainer = Trainer(config, load("digits"), torch.float64)
    trainer.run_epoch()
    return trainer


def batch_of(trainer, uniforms=None, masks=None):
    images, labels = trainer.images[:IMAGES], trainer.labels[:IMAGES]
    uniforms = torch.zeros(len(labels)) if uniforms is None else uniforms
    pixels = trainer.network.pixels(images)
    return Batch(trainer.network, trainer.head, pixels, labels, uniforms, masks), images.double() / 255


def only_wrong(values, labels):
    """`values` [n, 10] as lists of (value, label) over the wrong labels."""
    rows = zip(values.tolist(), labels.tolist(), strict=True)
    return [[(v, c) for c, v in enumerate(row) if c != truth] for row, truth in rows]


def random_labels(labels, uniforms):
    network = SimpleNamespace(classes=CLASSES)
    return sampler("random")(Batch(network, None, None, labels, uniforms))


def test_random_is_uniform_over_the_nine_wrong_labels():
    expected = 1000
    labels = torch.arange(CLASSES).repeat_interleave(9 * expected)
    uniforms = torch.rand(len(labels), generator=torch.Generator().manual_seed(0))
    counts = torch.bincount(labels * CLASSES + random_labels(labels, uniforms), minlength=100).view(10, 10)
    assert (counts.diagonal() == 0).all()
    chi_square = ((counts - expected) ** 2 / expected).sum() - 10 * expected  # Less the diagonal's share.
    assert chi_square < 130  # 80 degrees of freedom: exceeded by one seed in 3,000.


def test_all_are_the_nine_wrong_labels_and_train_as_one_run(trainer):
    batch, _ = batch_of(trainer)
    wrong = sampler("all")(batch)
    for labels, truth in zip(wrong.t().tolist(), batch.labels.tolist(), strict=True):
        assert sorted([*labels, truth]) == list(range(CLASSES))
    config = trainer.config.vary(negatives="all")
    _, counts = Trainer(config, load("digits"), torch.float64).run_epoch()
    of_each = torch.bincount(trainer.labels, minlength=CLASSES).numpy()
    assert (counts.diagonal() == 0).all() and (counts.sum(1) == 9 * of_each).all()
    with pytest.raises(UserError, match="one wrong label per image"):
        config.vary(contrast="label_and_hybrid")


def test_random_never_returns_the_true_label_at_the_ends_of_the_range():
    labels = torch.arange(CLASSES)
    for uniform in (0.0, 1 - 2**-24):  # The least and the greatest number that torch.rand gives.
        wrong = random_labels(labels, torch.full((CLASSES,), uniform))
        assert (wrong != labels).all() and (wrong >= 0).all() and (wrong < CLASSES).all()


def test_label_search_takes_the_hardest_wrong_label(trainer):
    batch, images = batch_of(trainer)
    scores = support.plain_goodness(trainer.network, images)[1:].sum(0)
    hardest = [max(row)[1] for row in only_wrong(scores, batch.labels)]
    assert sampler("label_search")(batch).tolist() == hardest
    assert len(set(hardest)) > 3


def test_one_pass_takes_the_wrong_label_the_head_thinks_most_likely(trainer):
    batch, images = batch_of(trainer)
    logits = support.plain_head(trainer.network, trainer.head, images)
    likeliest = [max(row)[1] for row in only_wrong(logits, batch.labels)]
    assert sampler("one_pass")(batch).tolist() == likeliest
    assert len(set(likeliest)) > 3


def test_one_pass_sampled_draws_from_the_probabilities_of_the_head(trainer):
    draws = 4000
    frequencies = torch.zeros(IMAGES, CLASSES, dtype=torch.float64)
    for i in range(draws):
        batch, images = batch_of(trainer, torch.full((IMAGES,), (i + 0.5) / draws))
        if i == 0:
            first = batch
        else:  # The same images and weights: only the random numbers differ.
            batch.head_logits = first.head_logits
        drawn = sampler("one_pass_sampled")(batch)
        frequencies[torch.arange(IMAGES), drawn] += 1 / draws
    probabilities = support.plain_head(trainer.network, trainer.head, images).softmax(1)
    probabilities[torch.arange(IMAGES), first.labels] = 0
    probabilities /= probabilities.sum(1, keepdim=True)
    torch.testing.assert_close(frequencies, probabilities, rtol=0, atol=2 / draws)
    assert (frequencies[torch.arange(IMAGES), first.labels] == 0).all()


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
def test_one_pass_sampled_never_draws_the_true_label_at_the_ends(trainer, uniform):
    batch, _ = batch_of(trainer, torch.full((IMAGES,), uniform))
    assert (sampler("one_pass_sampled")(batch) != batch.labels).all()


def test_shortlist_searches_the_likeliest_wrong_labels(trainer):
    batch, images = batch_of(trainer)
    scores = support.plain_goodness(trainer.network, images)[1:].sum(0)
    logits = support.plain_head(trainer.network, trainer.head, images)
    hardest = []
    for by_logit, row in zip(only_wrong(logits, batch.labels), scores.tolist(), strict=True):
        likely = [label for _, label in sorted(by_logit)[-trainer.config.shortlist :]]
        hardest.append(max(likely, key=lambda label, row=row: row[label]))
    assert sampler("shortlist")(batch).tolist() == hardest
    assert len(set(hardest)) > 3


def test_a_label_that_a_pass_does_not_hold_is_refused(trainer):
    batch, _ = batch_of(trainer)
    sampler("shortlist")(batch)
    held = batch.searched.codes
    outside = torch.stack([next(c for c in torch.arange(10) if c not in column) for column in held.t()])
    with pytest.raises(RuntimeError, match="does not hold"):
        batch.both(outside)


@pytest.mark.parametrize("name", ["label_search", "shortlist"])
@pytest.mark.parametrize("dropped", [False, True])
def test_the_pass_taken_from_a_label_search_is_the_one_run_for_its_labels(trainer, dropped, name):
    draw = torch.Generator().manual_seed(1)
    masks = [(torch.rand(IMAGES, n, generator=draw) > 0.3).double() / 0.7 for n in (24, 20)]
    (searched, _), (plain, _) = (batch_of(trainer, masks=masks if dropped else None) for _ in range(2))
    wrong = sampler(name)(searched)
    taken, run = searched.both(wrong), plain.both(wrong)
    for name in ("activities", "goodness", "scales"):
        for ours, theirs in zip(getattr(taken, name), getattr(run, name), strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("negatives", ["label_search", "one_pass", "one_pass_sampled"])
def test_the_warm_up_uses_random_negatives(small, negatives):
    splits = load("digits")
    plain = Trainer(RunConfig(**small, negatives="random"), splits, torch.float32)
    warmed = Trainer(RunConfig(**small, negatives=negatives, warmup=1), splits, torch.float32)
    first, second = [[trainer.run_epoch()[1] for _ in range(2)] for trainer in (plain, warmed)]
    assert (first[0] == second[0]).all()
    assert (first[1] != second[1]).any()


BAD_SAMPLERS = {
    "floating point": (lambda batch: batch.labels.float(), "must give int64 labels, .*not torch.float32"),
    "another length": (lambda batch: batch.labels[1:], r"must give int64 labels, .*not torch.int64 \[49\]"),
    "nothing": (lambda batch: None, "must give int64 labels, .*not None"),
    "the true label": (lambda batch: batch.labels, "gave a label that is true"),
    "no label": (lambda batch: batch.labels + 70, r"or not in 0\.\.9"),
}


@pytest.mark.parametrize("give, told", BAD_SAMPLERS.values(), ids=BAD_SAMPLERS)
@pytest.mark.parametrize("algorithm", ["forward_forward", "backprop_goodness_last"])
def test_what_a_sampler_of_ones_own_must_give(give, told, algorithm, small):
    negatives.register("bad")(give)
    config = RunConfig(**small, negatives="bad", algorithm=algorithm)
    trainer = trainer_class(config)(config, load("digits"))
    with pytest.raises(UserError, match=told):
        trainer.run_epoch()


BAD_GOODNESS = {
    "one number": lambda y: y.sum(),
    "another shape": lambda y: y,
    "no slope": lambda y: y.detach().sum(1),
    "not finite": lambda y: y.sum(1) / 0,
    "an error": lambda y: y @ y,
}


@pytest.mark.parametrize("function", BAD_GOODNESS.values(), ids=BAD_GOODNESS)
def test_what_a_goodness_of_ones_own_must_give(function, small):
    goodness.register("bad")(function)
    with pytest.raises(UserError, match="goodness: 'bad'"):
        Trainer(RunConfig(**small, goodness="bad"), load("digits"))


def test_runs_with_functions_of_ones_own_are_trained_in_this_process(small, monkeypatch):
    """Other processes don't know them."""
    negatives.register("mine")(lambda batch: (batch.labels + 1) % 10)
    goodness.register("ours")(lambda y: (y * y).sum(1))
    monkeypatch.setattr(collecting, "START", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    support.skip_drawing(monkeypatch)
    for field, name in (("negatives", "mine"), ("goodness", "ours")):
        runs = [studies.Planned(RunConfig(**small, seed=seed, **{field: name}), 1) for seed in (0, 1)]
        collecting.train_all(runs, Store(), 1077, progress=False)
        assert all(Store().find(run.config) for run in runs)


def test_a_registered_sampler_that_asks_the_head_says_what_it_needs(small):
    negatives.register("by the head")(lambda batch: batch.without_truth(batch.head_logits).argmax(1))
    config = RunConfig(**small, negatives="by the head")
    with pytest.raises(UserError, match="ask the softmax head: give head_lr above 0"):
        Trainer(config.vary(head_lr=0.0), load("digits")).run_epoch()
    Trainer(config, load("digits")).run_epoch()


@pytest.mark.parametrize("register, name", [(negatives.register, "random"), (goodness.register, "squares")])
def test_the_names_of_the_package_cannot_be_taken(register, name):
    with pytest.raises(UserError, match=f"{name!r} is the package's own"):
        register(name)(lambda _: None)
    register("of one's own")(lambda _: 1)
    register("of one's own")(lambda _: 2)  # As a notebook cell does that runs again.


def test_a_sampler_of_ones_own_trains(small):
    @negatives.register("next_label")
    def next_label(batch):
        return (batch.labels + 1) % CLASSES

    run = train(RunConfig(**small, negatives="next_label"), 1, progress=False)
    counts = run.diagnostics["negative_counts"][0]
    truth = torch.arange(CLASSES).numpy()
    assert counts.sum() == len(load("digits").train)
    assert counts[truth, (truth + 1) % CLASSES].sum() == counts.sum()
